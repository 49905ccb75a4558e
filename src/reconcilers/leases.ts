/**
 * The keys that a loop holds: their leases are extended together, a pass that lost its lease is interrupted, and at
 * the end of the loop what is in flight comes to its end.
 */
import { Duration, Effect, Fiber, Queue, Ref } from "effect"
import * as work from "../database/work.ts"
import { Metrics } from "../metrics.ts"
import type { Reconciler } from "./pass.ts"
import { monotonicMillis } from "../monotonic.ts"

export interface Held {
  readonly claim: work.Claim
  readonly fiber: Fiber.Fiber<void>
  /** Of `monotonicMillis`. */
  readonly since: number
  /** Of `monotonicMillis`: the pass is interrupted when the lease was not extended until then. */
  leaseEnd: number
}

export interface State<E, R> {
  readonly reconciler: Reconciler<E, R>
  readonly owner: string
  readonly held: Map<string, Held>
  readonly stopping: Ref.Ref<boolean>
  /** Something may have changed: a hint came, or a slot is free. */
  readonly signal: Queue.Queue<void>
  readonly finished: Queue.Queue<work.Completion>
}

/** When the lease of a claim that was asked for at `sent` runs out for its worker, on the worker's clock. */
export const leaseEndOf = (sent: number): number => sent + Duration.toMillis(work.LEASE) - LEASE_MARGIN

/** Frees the slot, unless the key was claimed anew meanwhile. */
export const forget = <E, R>({ held, signal }: State<E, R>, claim: work.Claim) => {
  if (held.get(claim.key)?.claim.fence === claim.fence) held.delete(claim.key)
  Queue.offerUnsafe(signal, undefined)
}

/** Extends all leases in one statement. A key that did not come back is read again before its pass is interrupted. */
export const extend = Effect.fnUntraced(function* <E, R>(state: State<E, R>) {
  const { held, reconciler } = state
  if (held.size === 0) return
  const sent = yield* monotonicMillis
  const claims = [...held.values()].map(({ claim }) => claim)
  const lost = yield* Effect.gen(function* () {
    const extended = yield* work.heartbeat(reconciler.name, claims)
    for (const key of extended) {
      const entry = held.get(key)
      if (entry !== undefined) entry.leaseEnd = leaseEndOf(sent)
    }
    return yield* work.lost(
      reconciler.name,
      claims.filter(({ key }) => !extended.has(key))
    )
  }).pipe(
    Effect.timeout(work.HEARTBEAT),
    Effect.catch((error) => Effect.as(Effect.logWarning("leases were not extended", error), []))
  )
  for (const claim of lost) {
    const entry = held.get(claim.key)
    if (entry?.claim.fence === claim.fence) yield* interrupt(state, entry)
  }
})

/** Interrupts the passes whose lease runs out, on a clock of its own: a database that hangs holds up heartbeats. */
export const giveUp = Effect.fnUntraced(function* <E, R>(state: State<E, R>) {
  const now = yield* monotonicMillis
  for (const entry of state.held.values()) {
    if (entry.leaseEnd > now) continue
    // Once: a pass may take a while to end.
    entry.leaseEnd = Number.POSITIVE_INFINITY
    yield* interrupt(state, entry)
  }
})

const interrupt = Effect.fnUntraced(function* <E, R>(state: State<E, R>, { claim, fiber }: Held) {
  const metrics = yield* Metrics
  metrics.fenceRejected.inc({ site: "lease" })
  yield* Effect.logWarning("the lease was lost; the pass is interrupted").pipe(
    Effect.annotateLogs({ reconciler: state.reconciler.name, key: claim.key, fence: claim.fence })
  )
  // A pass that had not begun ends without its own finalizers: still held, its key would be extended for ever.
  const forgotten = Effect.sync(() => forget(state, claim))
  yield* Effect.forkDetach(Effect.andThen(Fiber.interrupt(fiber), forgotten))
})

/** Waits for the passes in flight, then interrupts what is left; returns when all ends are in the database. */
export const drain = Effect.fnUntraced(function* <E, R>(
  { held, signal, stopping }: State<E, R>,
  grace: Duration.Duration
) {
  yield* Ref.set(stopping, true)
  const empty = Effect.suspend(() => (held.size === 0 ? Effect.void : Queue.take(signal))).pipe(
    Effect.repeat({ until: () => held.size === 0 })
  )
  yield* Effect.timeoutOption(empty, grace)
  const left = Fiber.interruptAll([...held.values()].map(({ fiber }) => fiber))
  yield* Effect.timeoutOption(left, INTERRUPT_PATIENCE)
})

/** Milliseconds by which a worker gives up before the database would let another take over. */
const LEASE_MARGIN = 1000
/** How long a pass that is interrupted at the end may take. */
const INTERRUPT_PATIENCE = Duration.millis(400)
