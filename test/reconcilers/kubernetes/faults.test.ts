/**
 * People make, edit, delete and make anew at random, while the API server loses watches, forgets its history, answers
 * with old lists, refuses and fails. Afterwards the provider stands as the objects ask, and nothing else is left.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { afterAll, describe, expect, it, vi } from "vitest"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { Conflict, failure, Gone, Kubernetes, type Page, Unavailable } from "../../../src/providers/kubernetes.ts"
import { aDomain, aRecord, isReady, objectsOf } from "../../support/cluster-objects.ts"
import { type IntakeWorld, startIntakeWorld, TOKEN } from "../../support/intake-world.ts"

const STEPS = 80
const NAMES = Array.from({ length: 8 }, (_, index) => `r${index}`)
const LOST = new Unavailable({ message: "lost" })
const LONG = { timeout: 60_000, interval: 50 }

/** Numbers from 0 up to 1, the same for the same seed. */
const numbers = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Sometimes a list is one that was given before. */
const staleLists = (cluster: MemoryCluster, isStale: () => boolean) =>
  Layer.effect(
    Kubernetes,
    Effect.gen(function* () {
      const kubernetes = Context.get(yield* Layer.build(cluster.layer), Kubernetes)
      const before = new Map<string, Page>()
      return Kubernetes.of({
        ...kubernetes,
        list: (scope, page) =>
          Effect.map(kubernetes.list(scope, page), (now) => {
            const old = before.get(scope.resource.plural)
            before.set(scope.resource.plural, now)
            return old !== undefined && isStale() ? old : now
          })
      })
    })
  )

describe.each([1, 2, 3])("a bad hour, seed %i", (seed) => {
  let world: IntakeWorld | undefined
  afterAll(() => world?.close())

  it("ends as the objects ask", async () => {
    const random = numbers(seed)
    const chance = (share: number) => random() < share
    const some = <A>(values: ReadonlyArray<A>): A => values[Math.floor(random() * values.length)] as A
    let isBad = false
    let calls = 0
    const cluster = new MemoryCluster({ initialEvents: seed % 2 === 0 })
    cluster.options = {
      ...cluster.options,
      before: (verb) => {
        calls++
        if (!isBad || !chance(0.12)) return Effect.void
        const isRead = verb === "watch" || verb === "list"
        const reasons = [LOST, isRead ? new Gone({ message: "too old" }) : new Conflict({ message: "somebody else" })]
        return Effect.fail(failure(some(reasons)))
      },
      // Seeds with pages have a safety list that finds what is never told.
      tells: () => !isBad || seed !== 3 || !chance(0.05)
    }
    const layer = Layer.fresh(staleLists(cluster, () => isBad && chance(0.3)))
    world = await startIntakeWorld({ cluster: layer, zones: ["faults.test"], interval: Duration.seconds(2) })
    const tuning = {
      leastWait: Duration.millis(5),
      mostWait: Duration.millis(50),
      relistEvery: Duration.seconds(1),
      page: 3
    }
    await world.intake({ tuning })
    const objects = objectsOf(cluster, "bad")
    objects.zone("faults.test", TOKEN)
    await objects.until("Domain", "example", isReady)
    isBad = true
    const wanted = new Map<string, string>()
    const steps: Record<string, () => void> = {
      put: () => {
        const name = some(NAMES)
        const value = `192.0.2.${Math.floor(random() * 250)}`
        if (objects.get("DnsRecord", name)?.metadata.deletionTimestamp !== undefined) return
        objects.put("DnsRecord", name, aRecord(name, [value]))
        wanted.set(name, value)
      },
      remove: () => {
        const name = some(NAMES)
        if (objects.get("DnsRecord", name) === undefined) return
        objects.remove("DnsRecord", name)
        wanted.delete(name)
      },
      cut: () => cluster.breakWatches(chance(0.5) ? failure(new Unavailable({ message: "reset" })) : undefined),
      compact: () => cluster.compact(),
      bookmark: () => cluster.bookmark()
    }
    for (let step = 0; step < STEPS; step++) {
      steps[some(["put", "put", "put", "remove", "cut", "compact", "bookmark"])]?.()
      // The world goes on until it has asked the API server something, or has nothing to ask.
      const before = calls
      await vi.waitUntil(() => calls > before + 1, { timeout: 150, interval: 5 }).catch(() => undefined)
    }
    isBad = false
    const { control } = world.simulator.engine
    const records = () =>
      control
        .records("faults.test")
        .filter(({ type }) => type === "A")
        .map(({ content, name }) => `${name.split(".")[0]} ${content}`)
        .toSorted()
    await vi.waitFor(
      () => expect(records()).toEqual([...wanted].map(([name, value]) => `${name} ${value}`).toSorted()),
      LONG
    )
    await vi.waitFor(() => {
      for (const name of NAMES) {
        const object = objects.get("DnsRecord", name)
        expect([name, object === undefined ? undefined : isReady(object)]).toEqual([
          name,
          wanted.has(name) ? true : undefined
        ])
      }
    }, LONG)
    objects.put("Domain", "example", aDomain("faults.test"))
    for (const name of NAMES) if (objects.get("DnsRecord", name) !== undefined) objects.remove("DnsRecord", name)
    objects.remove("Domain", "example")
    objects.remove("Credential", "cloudflare")
    await vi.waitFor(async () => {
      expect(records()).toEqual([])
      expect(await world?.sql("select name from kubernetes_objects")).toEqual([])
    }, LONG)
    const metrics = await world.metrics()
    expect(metrics).toMatch(/^driftless_kubernetes_watch_errors_total\{.*\} [1-9]/mu)
    expect(metrics).not.toMatch(/^controller_runtime_reconcile_(?:panics|timeouts)_total\{.*\} [1-9]/mu)
  }, 240_000)
})
