/** A key is held only as long as its pass is there: else its lease would be extended for ever and nobody would work on it. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Queue, Ref } from "effect"
import { Metrics } from "../../src/metrics.ts"
import { giveUp, type Held, type State } from "../../src/reconcilers/leases.ts"
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

it.effect("a pass that was interrupted before it began frees its key when its lease runs out", () =>
  Effect.gen(function* () {
    // As it is left by an interruption that comes before the first step: ended, and none of its finalizers ran.
    const fiber = yield* Effect.forkDetach(Effect.void)
    yield* Fiber.await(fiber)
    const held = new Map<string, Held>([["k", { claim, fiber, since: 0, leaseEnd: 0 }]])
    const state: State<never, never> = {
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
    }
    yield* giveUp(state)
    // A free slot is told of.
    yield* Queue.take(state.signal)
    assert.strictEqual(held.size, 0)
  }).pipe(Effect.provide(Metrics.layer))
)
