/**
 * Runs a reconciler on the work table: level-triggered, one pass of a key at a time across all replicas.
 *
 * The one place for dedupe, leases, backoff, deadline, resync, defects, conditions, metrics, spans and log fields:
 *
 *   a pass says      | next pass                          | condition           | generation observed
 *   -----------------|------------------------------------|---------------------|--------------------
 *   Settled          | after `again`, else the resync     | its own, else none  | yes
 *   Recheck          | after its delay                    | its own, else none  | no
 *   fails Blocked    | after `recheck`, else the resync   | stalled             | no
 *   fails NotYet     | after `after`, else backoff        | waiting             | no
 *   fails otherwise  | backoff                            | waiting: Failed     | no
 *   meets deadline   | backoff                            | waiting: TimedOut   | no
 *   dies             | backoff                            | waiting: InternalError | no
 *   loses its fence  | whatever the new owner says        | -                   | -
 *
 * In each row but the last, desired state that changed meanwhile makes the key due at once.
 */
import { Cause, Duration, Effect, type Exit, Fiber, Layer, Queue, Random, Ref, Schedule } from "effect"
import { Wakes } from "../database/wake.ts"
import * as work from "../database/work.ts"
import { Metrics } from "../metrics.ts"
import { drain, extend, forget, giveUp, type Held, leaseEndOf, type State } from "./leases.ts"
import { observe } from "./observe.ts"
import { type Next, OVERTAKEN, type Pass, passOf, type Reconciler, verdictOf } from "./pass.ts"
import { monotonicMillis } from "../monotonic.ts"

export interface LoopOptions {
  /** The incarnation of this replica; never used again. */
  readonly owner: string
  /** How long a stop waits for passes in flight before it interrupts them. */
  readonly grace?: Duration.Duration
}

/** Starts the loop as a layer; its scope's end stops claiming, waits for passes in flight and gives leases back. */
export const run = <E, R>(reconciler: Reconciler<E, R>, { grace = Duration.seconds(7), owner }: LoopOptions) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const wakes = yield* Wakes
      const held = new Map<string, Held>()
      const stopping = yield* Ref.make(false)
      const signal = yield* wakes.hints(reconciler.name)
      const finished = yield* Queue.unbounded<work.Completion>()
      const state: State<E, R> = { reconciler, owner, held, stopping, signal, finished }

      yield* observe(state)
      yield* Effect.addFinalizer(() =>
        work.release(reconciler.name, owner).pipe(
          Effect.timeout("2 seconds"),
          Effect.catch((error) => Effect.logWarning("leases were not given back; they run out", error))
        )
      )
      yield* Effect.forkScoped(unceasing(complete(state)))
      yield* Effect.forkScoped(unceasing(Effect.andThen(Effect.sleep(work.HEARTBEAT), extend(state))))
      yield* Effect.forkScoped(unceasing(Effect.andThen(Effect.sleep(LEASE_CHECK), giveUp(state))))
      yield* Effect.addFinalizer(() => drain(state, grace))
      // Last, so that it is the first to end: nothing is claimed any more while the rest winds down.
      yield* Effect.forkScoped(unceasing(claimAndWait(state)))
    })
  )

/** For ever: a defect in one round is logged and is not the end of the loop. */
const unceasing = <E, R>(round: Effect.Effect<void, E, R>) =>
  Effect.forever(
    Effect.catchCauseIf(
      round,
      (cause) => !Cause.hasInterrupts(cause),
      (cause) => Effect.andThen(Effect.logError("a round of the loop died; it goes on", cause), Effect.sleep(RECOVERY))
    )
  )

const claimAndWait = Effect.fnUntraced(function* <E, R>(state: State<E, R>) {
  const { held, owner, reconciler, signal } = state
  const free = reconciler.concurrency - held.size
  const asked = Math.min(free, BATCH)
  const now = yield* monotonicMillis
  const claims =
    asked <= 0
      ? []
      : yield* answered(work.claim(reconciler.name, owner, asked)).pipe(
          Effect.timeout(work.HEARTBEAT),
          Effect.catch((error) =>
            Effect.logWarning("could not look for work, trying again", error).pipe(
              Effect.andThen(Effect.sleep(RECOVERY)),
              Effect.as([])
            )
          )
        )
  for (const claim of claims) yield* start(state, claim, now)
  // A full answer means that there may be more.
  if (claims.length === asked && asked > 0) return
  const wait = yield* untilNext(state)
  yield* Effect.timeoutOption(Queue.take(signal), wait)
})

/**
 * The answer of a claim. One that is interrupted waits for the statement that is already on its way, else the leases
 * it takes would come after the stop has given all of them back.
 */
const answered = Effect.fnUntraced(function* <A, E, R>(claim: Effect.Effect<A, E, R>) {
  const asking = yield* Effect.forkDetach(claim)
  return yield* Fiber.join(asking).pipe(
    Effect.onInterrupt(() => Effect.timeoutOption(Fiber.await(asking), CLAIM_PATIENCE))
  )
})

/** Sleeps until the next key is due, at most a poll: the longer the more surely hints come through. */
const untilNext = Effect.fnUntraced(function* <E, R>({ held, reconciler }: State<E, R>) {
  const wakes = yield* Wakes
  const poll = (yield* wakes.healthy) ? POLL_WITH_HINTS : POLL
  if (held.size >= reconciler.concurrency) return poll
  const due = yield* work.nextDue(reconciler.name).pipe(
    Effect.timeout(work.HEARTBEAT),
    Effect.orElseSucceed(() => null)
  )
  return due === null ? poll : Duration.millis(Math.min(Math.max(due, POLL_LEAST), Duration.toMillis(poll)))
})

const start = Effect.fnUntraced(function* <E, R>(state: State<E, R>, claim: work.Claim, now: number) {
  const { finished, held, reconciler, stopping } = state
  const metrics = yield* Metrics
  // Claimed again by ourselves after the lease was lost: the old pass has no business any more.
  const old = held.get(claim.key)
  // It may be deaf for a while, on a connection that broke; the fence keeps it from writing.
  if (old !== undefined) yield* Effect.timeoutOption(Fiber.interrupt(old.fiber), CLAIM_PATIENCE)

  const labels = { name: reconciler.name, controller: reconciler.name }
  metrics.queueAdds.inc(labels)
  metrics.queueDuration.observe(labels, Math.max(0, claim.waited))
  if (claim.takeover) metrics.leaseExpired.inc({ reconciler: reconciler.name })

  const pass: Pass = { claim, stopping: Ref.get(stopping) }
  const fiber = yield* passOf(reconciler, pass).pipe(
    Effect.flatMap((exit) => report(reconciler, claim, exit)),
    Effect.flatMap((completion) =>
      completion === undefined
        ? Effect.sync(() => forget(state, claim))
        : Effect.asVoid(Queue.offer(finished, completion))
    ),
    Effect.onError(() => Effect.sync(() => forget(state, claim))),
    Effect.forkDetach
  )
  held.set(claim.key, { claim, fiber, since: now, leaseEnd: leaseEndOf(now) })
})

/** What a pass came to, as metrics and as its completion; undefined when the key belongs to somebody else. */
const report = Effect.fnUntraced(function* <E, R>(
  reconciler: Reconciler<E, R>,
  claim: work.Claim,
  exit: Exit.Exit<Next, unknown>
) {
  const metrics = yield* Metrics
  const controller = reconciler.name
  const verdict = verdictOf(claim, exit, reconciler.resync, yield* Random.next)
  metrics.reconcileTotal.inc({ controller, result: verdict.result })
  if (verdict.result === "error") {
    metrics.reconcileErrors.inc({ controller })
    metrics.queueRetries.inc({ name: controller, controller })
    metrics.retries.inc({ reconciler: controller, reason: verdict.completion?.condition?.reason ?? OVERTAKEN })
  }
  if (verdict.completion?.condition?.stalled === true) metrics.terminalErrors.inc({ controller })
  if (verdict.died) metrics.reconcilePanics.inc({ controller })
  if (verdict.timedOut) metrics.reconcileTimeouts.inc({ controller })
  if (verdict.log !== undefined) {
    const log = verdict.died ? Effect.logError : Effect.logWarning
    yield* log(verdict.log, ...(verdict.died && exit._tag === "Failure" ? [exit.cause] : [])).pipe(
      Effect.annotateLogs({ reconciler: controller, key: claim.key, fence: claim.fence })
    )
  }
  if (verdict.completion === undefined) metrics.fenceRejected.inc({ site: verdict.site ?? "pass" })
  return verdict.completion
})

/** Ends passes in batches. A completion that cannot be written is tried until the leases run out. */
const complete = Effect.fnUntraced(function* <E, R>(state: State<E, R>) {
  const batch = yield* Queue.takeBetween(state.finished, 1, BATCH)
  // Whatever becomes of it: a key that is still held would have its lease extended for ever.
  const forgotten = Effect.sync(() => batch.forEach(({ claim }) => forget(state, claim)))
  yield* Effect.ensuring(writeEnds(state, batch), forgotten)
})

const writeEnds = Effect.fnUntraced(function* <E, R>(
  { held, reconciler }: State<E, R>,
  batch: ReadonlyArray<work.Completion>
) {
  const metrics = yield* Metrics
  const lost = yield* work.complete(reconciler.name, batch).pipe(
    Effect.timeout(work.HEARTBEAT),
    Effect.retry({ times: COMPLETION_TRIES, schedule: RECOVERY_SCHEDULE }),
    Effect.catch((error) =>
      Effect.as(Effect.logWarning("completions were not written; their leases run out", error), [])
    )
  )
  if (lost.length > 0) metrics.fenceRejected.inc({ site: "complete" }, lost.length)
  const now = yield* monotonicMillis
  for (const { claim } of batch) {
    const since = held.get(claim.key)?.since ?? now
    const seconds = Math.max(0, (now - since) / 1000)
    metrics.reconcileTime.observe({ controller: reconciler.name }, seconds)
    metrics.workDuration.observe({ name: reconciler.name, controller: reconciler.name }, seconds)
  }
})

/** Keys in one claim or completion. */
const BATCH = 100
const POLL = Duration.seconds(1)
export const POLL_WITH_HINTS = Duration.seconds(5)
/** A key that is due but locked by somebody must not make this a busy loop. Milliseconds. */
const POLL_LEAST = 20
const RECOVERY = Duration.seconds(1)
const COMPLETION_TRIES = 8
const RECOVERY_SCHEDULE = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("2 seconds")])
const LEASE_CHECK = Duration.millis(500)
/** A stop ends within 10 s: these two, the default grace, and 2 s to give leases back. */
const CLAIM_PATIENCE = Duration.millis(500)
