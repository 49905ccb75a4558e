/** A key is held only as long as its pass is there: else its lease would be extended for ever and nobody would work on it. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Queue, Ref } from "effect"
import { Metrics } from "../../src/metrics.ts"
import { forget, giveUp, type Held, type State } from "../../src/reconcilers/leases.ts"
import { Next } from "../../src/reconcilers/pass.ts"
import type { Claim, Completion } from "../../src/database/work.ts"

const claim: Claim = {
  reconciler: "probe",
  key: "k",
  generation: 1,
  owner: "one",
  fence: 1,
  epoch: "e",
  attempts: 1,
  takeover: false,
  waited: 0
}

/** A loop that holds the key, by a pass that has ended although none of its finalizers ran. */
const holding = Effect.gen(function* () {
  const fiber = yield* Effect.forkDetach(Effect.void)
  yield* Fiber.await(fiber)
  const held = new Map<string, Held>([["k", { claim, fiber, since: 0, leaseEnd: 0 }]])
  return {
    reconciler: {
      name: "probe",
      concurrency: 1,
      deadline: Duration.minutes(1),
      resync: Duration.minutes(1),
      reconcile: () => Effect.succeed(Next.Settled({}))
    },
    owner: "one",
    held,
    stopping: yield* Ref.make(false),
    signal: yield* Queue.unbounded<void>(),
    finished: yield* Queue.unbounded<Completion>()
  } satisfies State<never, never> as State<never, never>
})

it.effect("a pass that was interrupted before it began frees its key when its lease runs out", () =>
  Effect.gen(function* () {
    // As it is left by an interruption that comes before the first step.
    const state = yield* holding
    yield* giveUp(state)
    // A free slot is told of.
    yield* Queue.take(state.signal)
    assert.strictEqual(state.held.size, 0)
  }).pipe(Effect.provide(Metrics.layer))
)

it.effect("a pass that ends late leaves the key to the claim that came after its own", () =>
  Effect.gen(function* () {
    const state = yield* holding
    forget(state, { ...claim, fence: claim.fence - 1 })
    assert.strictEqual(state.held.size, 1)
    forget(state, claim)
    assert.strictEqual(state.held.size, 0)
  })
)
