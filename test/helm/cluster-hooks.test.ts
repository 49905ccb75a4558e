/** What the chart's hooks do in a cluster: they may run twice, late, and beside others. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { letGo, makeSecrets, stop } from "../../src/cli/cluster-hooks.ts"
import { Conflict, failure, type Place, type Resource, Unavailable } from "../../src/providers/kubernetes.ts"
import { MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import type { MemoryOptions } from "../../src/providers/kubernetes-memory-layer.ts"
import { FINALIZER, resourceOf, SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"

const DEPLOYMENTS: Resource = { group: "apps", version: "v1", plural: "deployments" }
const PODS: Resource = { group: "", version: "v1", plural: "pods" }
const secret: Place = { resource: SECRETS, namespace: "dns", name: "driftless-secrets" }

const record = (namespace: string, name: string): Place => ({ resource: resourceOf("DnsRecord"), namespace, name })
const put = (cluster: MemoryCluster, place: Place, more: object = {}) =>
  cluster.create(place, { metadata: { name: place.name, namespace: place.namespace, ...more } })

describe("the hook that makes the Secret", () => {
  it.effect("makes a key of 32 bytes and a token, and never others", () => {
    const cluster = new MemoryCluster()
    return Effect.gen(function* () {
      yield* makeSecrets("dns", "driftless-secrets")
      const made = cluster.find(secret)
      assert.match(JSON.stringify(made), /"encryption-key":"[A-Za-z0-9+/]{43}="/u)
      assert.match(JSON.stringify(made), /"admin-token":"[0-9a-f]{64}"/u)
      yield* makeSecrets("dns", "driftless-secrets")
      assert.deepStrictEqual(cluster.find(secret), made)
    }).pipe(Effect.provide(cluster.layer))
  })

  it.effect("is content with the Secret that another one made meanwhile", () => {
    const before: MemoryOptions["before"] = (verb) =>
      verb === "create" ? Effect.fail(failure(new Conflict({ message: "it is there already" }))) : Effect.void
    return makeSecrets("dns", "driftless-secrets").pipe(Effect.provide(new MemoryCluster({ before }).layer))
  })
})

describe("the hook before an uninstall", () => {
  it.effect("takes our finalizer off, and leaves those of others", () => {
    const cluster = new MemoryCluster()
    put(cluster, record("a", "ours"), { finalizers: [FINALIZER] })
    put(cluster, record("b", "shared"), { finalizers: ["example.com/other", FINALIZER] })
    put(cluster, record("b", "free"))
    return Effect.gen(function* () {
      const before = cluster.find(record("b", "free"))
      yield* letGo([])
      const finalizers = (place: Place) => cluster.find(place)?.metadata.finalizers ?? []
      assert.deepStrictEqual(finalizers(record("a", "ours")), [])
      assert.deepStrictEqual(finalizers(record("b", "shared")), ["example.com/other"])
      assert.deepStrictEqual(cluster.find(record("b", "free")), before)
    }).pipe(Effect.provide(cluster.layer))
  })

  it.effect("looks only at the namespaces that were watched", () => {
    const cluster = new MemoryCluster()
    for (const namespace of ["a", "b"]) put(cluster, record(namespace, "ours"), { finalizers: [FINALIZER] })
    return Effect.gen(function* () {
      yield* letGo(["a"])
      assert.deepStrictEqual(cluster.find(record("a", "ours"))?.metadata.finalizers ?? [], [])
      assert.deepStrictEqual(cluster.find(record("b", "ours"))?.metadata.finalizers, [FINALIZER])
    }).pipe(Effect.provide(cluster.layer))
  })

  it.effect("tries again when somebody else wrote the object, and when the server did not answer", () => {
    const answers = [failure(new Conflict({ message: "changed" })), failure(new Unavailable({ message: "away" }))]
    const before: MemoryOptions["before"] = (verb) => {
      const next = verb === "patch" ? answers.shift() : undefined
      return next === undefined ? Effect.void : Effect.fail(next)
    }
    const cluster = new MemoryCluster({ before })
    put(cluster, record("a", "ours"), { finalizers: [FINALIZER] })
    return Effect.gen(function* () {
      const running = yield* Effect.forkChild(letGo([]))
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(running)
      assert.deepStrictEqual(cluster.find(record("a", "ours"))?.metadata.finalizers ?? [], [])
      assert.lengthOf(answers, 0)
    }).pipe(Effect.provide(cluster.layer))
  })

  it.effect("fails, and takes nothing off, while a controller still runs", () => {
    const cluster = new MemoryCluster()
    const labels = { "app.kubernetes.io/instance": "driftless", "app.kubernetes.io/component": "controller" }
    put(cluster, { resource: DEPLOYMENTS, namespace: "dns", name: "driftless" })
    put(cluster, { resource: PODS, namespace: "dns", name: "driftless-1" }, { labels })
    put(cluster, { resource: PODS, namespace: "dns", name: "another" }, { labels: { app: "another" } })
    return Effect.gen(function* () {
      const target = { deployment: "driftless", instance: "driftless", namespace: "dns" }
      const running = yield* Effect.forkChild(Effect.flip(stop(target)))
      yield* TestClock.adjust("3 minutes")
      const error = yield* Fiber.join(running)
      assert.strictEqual(error.message, "these pods still run: driftless-1")
      const scaled = cluster.find({ resource: DEPLOYMENTS, namespace: "dns", name: "driftless" })
      assert.deepStrictEqual(scaled?.spec, { replicas: 0 })
    }).pipe(Effect.provide(cluster.layer))
  })

  it.effect("does not wait for pods that have ended and stay, as evicted ones do", () => {
    const cluster = new MemoryCluster()
    const labels = { "app.kubernetes.io/instance": "driftless", "app.kubernetes.io/component": "controller" }
    put(cluster, { resource: DEPLOYMENTS, namespace: "dns", name: "driftless" })
    for (const [name, phase] of [
      ["driftless-1", "Failed"],
      ["driftless-2", "Succeeded"]
    ] as const) {
      const pod = { resource: PODS, namespace: "dns", name }
      put(cluster, pod, { labels })
      cluster.patch(pod, { how: "apply", subresource: "status", body: { metadata: {}, status: { phase } } })
    }
    return stop({ deployment: "driftless", instance: "driftless", namespace: "dns" }).pipe(
      Effect.provide(cluster.layer)
    )
  })
})
