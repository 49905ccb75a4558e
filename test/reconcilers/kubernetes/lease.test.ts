/** One replica holds the Lease, another takes it when its holder is silent or has given it back. */
import { assert, it } from "@effect/vitest"
import { type Duration, Effect, Fiber, Ref } from "effect"
import { TestClock } from "effect/testing"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { failure, type KubeObject, Unavailable } from "../../../src/providers/kubernetes.ts"
import { whileHeld } from "../../../src/reconcilers/kubernetes/lease.ts"
import { LEASES } from "../../../src/reconcilers/kubernetes/objects.ts"

const place = { resource: LEASES, namespace: "own", name: "driftless" }
const specOf = (object: KubeObject | undefined) => (object?.spec ?? {}) as Readonly<Record<string, unknown>>

/** A replica that writes down when its body runs. */
const replica = Effect.fnUntraced(function* (owner: string) {
  const runs = yield* Ref.make(false)
  const body = Effect.andThen(Ref.set(runs, true), Effect.never).pipe(Effect.ensuring(Ref.set(runs, false)))
  const fiber = yield* Effect.forkChild(whileHeld({ namespace: "own", name: "driftless", owner }, body))
  return { runs: Ref.get(runs), stop: Fiber.interrupt(fiber) }
})
const pass = (duration: Duration.Input) => Effect.andThen(TestClock.adjust(duration), Effect.yieldNow)

it.effect("runs the body of one replica alone, and keeps the Lease renewed", () => {
  const cluster = new MemoryCluster()
  return Effect.gen(function* () {
    const first = yield* replica("first")
    yield* pass("1 second")
    const second = yield* replica("second")
    yield* pass("1 minute")
    assert.isTrue(yield* first.runs)
    assert.isFalse(yield* second.runs)
    assert.include(specOf(cluster.find(place)), { holderIdentity: "first", leaseTransitions: 0 })
  }).pipe(Effect.provide(cluster.layer))
})

it.effect("gives the Lease back at its end, so that the next need not wait", () => {
  const cluster = new MemoryCluster()
  return Effect.gen(function* () {
    const first = yield* replica("first")
    yield* pass("1 second")
    const second = yield* replica("second")
    yield* pass("1 second")
    yield* first.stop
    assert.include(specOf(cluster.find(place)), { holderIdentity: "" })
    yield* pass("3 seconds")
    assert.isTrue(yield* second.runs)
    assert.include(specOf(cluster.find(place)), { holderIdentity: "second", leaseTransitions: 1 })
  }).pipe(Effect.provide(cluster.layer))
})

it.effect("ends the body when the Lease cannot be renewed, before another may take it", () => {
  const cluster = new MemoryCluster()
  return Effect.gen(function* () {
    const first = yield* replica("first")
    yield* pass("1 second")
    assert.isTrue(yield* first.runs)
    cluster.options = { before: () => Effect.fail(failure(new Unavailable({ message: "no server" }))) }
    yield* pass("5 seconds")
    assert.isTrue(yield* first.runs)
    yield* pass("5 seconds")
    assert.isFalse(yield* first.runs)
    cluster.options = {}
    yield* pass("3 seconds")
    assert.isTrue(yield* first.runs)
  }).pipe(Effect.provide(cluster.layer))
})

it.effect("takes the Lease of a holder that is silent for its duration, by its own clock", () => {
  const cluster = new MemoryCluster()
  return Effect.gen(function* () {
    // Its clock is an hour ahead: what it wrote says nothing about ours.
    const spec = { holderIdentity: "dead", leaseDurationSeconds: 15, renewTime: "2099-01-01T00:00:00.000000Z" }
    cluster.create(place, { metadata: {}, spec })
    const second = yield* replica("second")
    yield* pass("14 seconds")
    assert.isFalse(yield* second.runs)
    yield* pass("4 seconds")
    assert.isTrue(yield* second.runs)
  }).pipe(Effect.provide(cluster.layer))
})

it.effect("ends the body when somebody else holds the Lease after all", () => {
  const cluster = new MemoryCluster()
  return Effect.gen(function* () {
    const first = yield* replica("first")
    yield* pass("1 second")
    cluster.patch(place, { how: "merge", body: { spec: { holderIdentity: "thief", leaseDurationSeconds: 15 } } })
    yield* pass("6 seconds")
    assert.isFalse(yield* first.runs)
  }).pipe(Effect.provide(cluster.layer))
})
