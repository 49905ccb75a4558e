/** What the port promises, of the double in memory and of a real API server alike. */
import { Effect, Fiber, type Layer, Result, Stream } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import {
  compareVersions,
  Kubernetes,
  type KubernetesError,
  type Place,
  type WatchEvent
} from "../../src/providers/kubernetes.ts"
import { FINALIZER, placeOf, resourceOf, SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"
import { aCredential } from "../support/cluster-objects.ts"

export interface PortUpstream {
  readonly layer: Layer.Layer<Kubernetes>
  readonly namespace: string
  /** As `kubectl delete`. */
  readonly remove: (place: Place) => Promise<unknown>
  readonly close: () => Promise<void>
}

export const portContract = (start: () => Promise<PortUpstream>) => {
  let upstream: PortUpstream
  beforeAll(async () => {
    upstream = await start()
  })
  afterAll(() => upstream?.close())

  const run = <A, E>(effect: (kubernetes: Kubernetes["Service"]) => Effect.Effect<A, E>) =>
    Effect.runPromise(Effect.flatMap(Kubernetes, effect).pipe(Effect.provide(upstream.layer)))
  const reasonOf = <A>(effect: (kubernetes: Kubernetes["Service"]) => Effect.Effect<A, KubernetesError>) =>
    run((kubernetes) => Effect.result(effect(kubernetes))).then((result) =>
      Result.isFailure(result) ? result.failure.reason._tag : "Success"
    )
  const place = (name: string) => placeOf({ kind: "Credential", namespace: upstream.namespace, name })
  const body = (name: string, metadata: object = {}, spec: object = aCredential) => ({
    apiVersion: "driftless.dev/v1alpha1",
    kind: "Credential",
    metadata: { ...metadata, name },
    spec
  })
  const make = (name: string, metadata?: object) => run((k) => k.create(place(name), body(name, metadata)))
  const isNewer = (a: string, b: string) => compareVersions(a, b) > 0

  it("creates once, and gives an object its uid, version and first generation", async () => {
    const made = await make("once")
    expect(made.metadata).toMatchObject({ name: "once", namespace: upstream.namespace, generation: 1 })
    expect(await reasonOf((k) => k.create(place("once"), body("once")))).toBe("Conflict")
    expect(await run((k) => k.get(place("once")))).toMatchObject({ metadata: { uid: made.metadata.uid } })
    expect(await run((k) => k.get(place("nobody")))).toBeNull()
  })

  it("replaces the version that is named and no other", async () => {
    const made = await make("replaced")
    const replace = (resourceVersion: string) => (k: Kubernetes["Service"]) =>
      k.replace(place("replaced"), body("replaced", { resourceVersion }, { ...aCredential, account: "a" }))
    const next = await run(replace(made.metadata.resourceVersion))
    expect(next.metadata.generation).toBe(2)
    expect(await reasonOf(replace(made.metadata.resourceVersion))).toBe("Conflict")
  })

  it("raises the generation with the spec alone", async () => {
    const made = await make("counted")
    const labelled = await run((k) =>
      k.patch(place("counted"), { how: "merge", body: { metadata: { labels: { a: "b" } } } })
    )
    expect(labelled.metadata.generation).toBe(1)
    expect(isNewer(labelled.metadata.resourceVersion, made.metadata.resourceVersion)).toBe(true)
    const edited = await run((k) => k.patch(place("counted"), { how: "merge", body: { spec: { account: "x" } } }))
    expect(edited.metadata.generation).toBe(2)
    const same = await run((k) => k.patch(place("counted"), { how: "merge", body: { spec: { account: "x" } } }))
    expect(same.metadata.resourceVersion).toBe(edited.metadata.resourceVersion)
  })

  it("keeps status and spec apart, and a status is applied on condition of the version", async () => {
    const made = await make("told")
    const status = (metadata: object) => ({
      ...body("told", metadata),
      spec: undefined,
      status: { observedGeneration: 1 }
    })
    const apply = (metadata: object) => (k: Kubernetes["Service"]) =>
      k.patch(place("told"), { how: "apply", subresource: "status", body: status(metadata) })
    const { resourceVersion, uid } = made.metadata
    const told = await run(apply({ resourceVersion, uid }))
    expect(told).toMatchObject({
      metadata: { generation: 1 },
      spec: { provider: "cloudflare" },
      status: { observedGeneration: 1 }
    })
    expect(await reasonOf(apply({ resourceVersion: "1", uid }))).toBe("Conflict")
    const again = await run(apply({ resourceVersion: told.metadata.resourceVersion, uid }))
    expect(again.metadata.resourceVersion).toBe(told.metadata.resourceVersion)
    expect(await reasonOf((k) => k.patch(place("nobody"), { how: "merge", body: {} }))).toBe("NotFound")
  })

  it("marks what a finalizer holds, and lets it go with the last of them", async () => {
    await make("held", { finalizers: [FINALIZER] })
    await upstream.remove(place("held"))
    const marked = await run((k) => k.get(place("held")))
    expect(marked?.metadata.deletionTimestamp).toBeDefined()
    expect(marked?.metadata.generation).toBe(2)
    await run((k) => k.patch(place("held"), { how: "merge", body: { metadata: { finalizers: null } } }))
    expect(await run((k) => k.get(place("held")))).toBeNull()
  })

  it("lists by pages of one version", async () => {
    for (const name of ["page-a", "page-b", "page-c"]) await make(name)
    const scope = { resource: resourceOf("Credential"), namespace: upstream.namespace }
    const names: Array<string> = []
    const versions = new Set<string>()
    let next: string | undefined
    do {
      const page = await run((k) => k.list(scope, { limit: 2, continue: next }))
      expect(page.items.length).toBeLessThanOrEqual(2)
      names.push(...page.items.map(({ metadata }) => metadata.name))
      versions.add(page.resourceVersion)
      next = page.continue
    } while (next !== undefined)
    expect(names).toEqual(expect.arrayContaining(["page-a", "page-b", "page-c"]))
    expect(versions.size).toBe(1)
  })

  it("lists those alone that bear all labels", async () => {
    await make("labelled-a", { labels: { one: "1", two: "2" } })
    await make("labelled-b", { labels: { one: "1" } })
    const scope = { resource: resourceOf("Credential"), namespace: upstream.namespace }
    const labelled = async (labels: Readonly<Record<string, string>>) =>
      (await run((k) => k.list(scope, { limit: 10, continue: undefined, labels }))).items.map(
        (each) => each.metadata.name
      )
    expect((await labelled({ one: "1" })).toSorted()).toEqual(["labelled-a", "labelled-b"])
    expect(await labelled({ one: "1", two: "2" })).toEqual(["labelled-a"])
    expect(await labelled({ one: "2" })).toEqual([])
  })

  it("watches from what is there, tells where that ends, and goes on with what follows", async () => {
    await make("watched")
    const events: Array<WatchEvent> = []
    const request = {
      resource: resourceOf("Credential"),
      namespace: upstream.namespace,
      resourceVersion: undefined,
      timeoutSeconds: 30
    }
    await run((k) =>
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          Stream.runForEachWhile(k.watch(request), (more) =>
            Effect.sync(() => {
              events.push(...more)
              return !events.some((event) => event.type === "DELETED")
            })
          )
        )
        yield* Effect.promise(async () =>
          expect.poll(() => events.some((each) => each.type === "BOOKMARK" && each.initialEnd)).toBe(true)
        )
        yield* k.patch(place("watched"), { how: "merge", body: { spec: { account: "w" } } })
        yield* Effect.promise(() => upstream.remove(place("watched")))
        yield* Fiber.join(fiber)
      })
    )
    const own = events.flatMap((event) =>
      event.type !== "BOOKMARK" && event.object.metadata.name === "watched" ? [event.type] : []
    )
    expect(own).toEqual(["ADDED", "MODIFIED", "DELETED"])
  })

  it("reads a Secret by its name", async () => {
    const at = { resource: SECRETS, namespace: upstream.namespace, name: "of-the-contract" }
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: at.name }, data: { token: "YWJj" } }
    await run((k) => k.create(at, secret))
    expect(await run((k) => k.get(at))).toMatchObject({ data: { token: "YWJj" } })
    await upstream.remove(at)
  })
}
