/**
 * What a reconciler is, what one pass of it may answer, and what follows from the answer. `verdictOf` is pure; the
 * table is in `loop.ts`.
 */
import { Cause, Data, Duration, Effect, type Exit } from "effect"
import { type Claim, type Completion, FenceLost } from "../database/work.ts"
import type { Reason } from "../model/reasons.ts"

/** Says how far a key is from done where it is not simply done. */
export interface Condition {
  /** True when only a person can help. */
  readonly stalled: boolean
  /** A condition, a metric label, a line in docs/operations.md. */
  readonly reason: Reason
  /** What is the case and what to do; holds no secret. */
  readonly message: string
}

/** What a reconciler wants next for its key. */
export type Next = Data.TaggedEnum<{
  /** The generation is converged. Look again after `again`, or when the resync comes round. */
  Settled: { readonly again?: Duration.Duration; readonly condition?: Condition }
  /** Not converged, and nothing is wrong: look again after `delay`. */
  Recheck: { readonly delay: Duration.Duration; readonly condition?: Condition }
}>
export const Next = Data.taggedEnum<Next>()

/** The user must change something; retrying cannot help. The key is looked at again all the same, but rarely. */
export class Blocked extends Data.TaggedError("Blocked")<{
  readonly reason: Reason
  readonly message: string
  readonly recheck?: Duration.Duration
}> {}

/** Time or another try will help: an outage, a rate limit, a zone that is not there yet. */
export class NotYet extends Data.TaggedError("NotYet")<{
  readonly reason: Reason
  readonly message: string
  /** When a moment is known; else the backoff decides. */
  readonly after?: Duration.Duration
}> {}

export interface Pass {
  readonly claim: Claim
  /** True once the process wants to stop: finish the step in hand and answer. */
  readonly stopping: Effect.Effect<boolean>
}

export interface Reconciler<E, R> {
  /** Of the work table, of metrics and of logs. */
  readonly name: string
  /** Keys that one process works on at a time. */
  readonly concurrency: number
  /** How long one pass may take. */
  readonly deadline: Duration.Duration
  /** When a key is looked at again although nothing asked for it. */
  readonly resync: Duration.Duration
  readonly reconcile: (pass: Pass) => Effect.Effect<Next, E | Blocked | NotYet | FenceLost, R>
}

class TimedOut extends Data.TaggedError("TimedOut")<{ readonly after: Duration.Duration }> {
  override get message() {
    return `the pass took longer than ${Duration.format(this.after)}`
  }
}

/** One pass with its deadline, its span and its log fields. Never fails: how it ended is the answer. */
export const passOf = <E, R>(reconciler: Reconciler<E, R>, pass: Pass) =>
  reconciler.reconcile(pass).pipe(
    Effect.timeoutOrElse({
      duration: reconciler.deadline,
      orElse: () => Effect.fail(new TimedOut({ after: reconciler.deadline }))
    }),
    Effect.withSpan(`reconcile.${reconciler.name}`, { attributes: { key: pass.claim.key, fence: pass.claim.fence } }),
    Effect.annotateLogs({ reconciler: reconciler.name, key: pass.claim.key, fence: pass.claim.fence }),
    Effect.exit
  )

export interface Verdict {
  readonly result: "success" | "error" | "requeue_after"
  /** Undefined when the key belongs to somebody else. */
  readonly completion: Completion | undefined
  readonly log?: string
  readonly died?: boolean
  readonly timedOut?: boolean
  /** Where the fence was found lost. */
  readonly site?: string
}

/** What follows from the end of a pass. `random` in [0, 1) spreads retries. */
export const verdictOf = (
  claim: Claim,
  exit: Exit.Exit<Next, unknown>,
  resync: Duration.Duration,
  random: number
): Verdict => {
  const spread = (duration: Duration.Duration) => Duration.times(duration, 0.9 + 0.2 * random)
  if (exit._tag === "Success") return succeeded(claim, exit.value, spread(resync))

  const error = exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
  if (error instanceof FenceLost)
    return { result: "error", completion: undefined, site: error.site, log: "the key has a new owner" }
  if (error === undefined && Cause.hasInterruptsOnly(exit.cause))
    return { result: "error", completion: undefined, site: "interrupt" }

  const failed = (condition: Condition, delay: Duration.Duration): Completion => ({
    claim,
    settled: false,
    succeeded: false,
    delay,
    priority: 0,
    condition
  })
  if (error instanceof Blocked) {
    const { message, reason, recheck } = error
    return {
      result: "error",
      completion: failed({ stalled: true, reason, message }, recheck ?? spread(resync)),
      log: `${reason}: ${message}`
    }
  }
  const wait = spread(backoff(claim.attempts))
  if (error instanceof NotYet) {
    const { after, message, reason } = error
    return {
      result: "error",
      completion: failed({ stalled: false, reason, message }, after ?? wait),
      log: `${reason}: ${message}`
    }
  }
  if (error instanceof TimedOut) {
    return {
      result: "error",
      timedOut: true,
      completion: failed({ stalled: false, reason: "TimedOut", message: error.message }, wait),
      log: error.message
    }
  }
  if (error !== undefined) {
    const message = error instanceof Error ? error.message : "a step failed without a word"
    return { result: "error", completion: failed({ stalled: false, reason: "Failed", message }, wait), log: message }
  }
  // A defect may quote anything, so its text goes to the log alone.
  const message = "a defect in Driftless; the log of the controller has it under this key"
  return {
    result: "error",
    died: true,
    completion: failed({ stalled: false, reason: "InternalError", message }, wait),
    log: "the pass died"
  }
}

const succeeded = (claim: Claim, next: Next, resync: Duration.Duration): Verdict => ({
  result: next._tag === "Settled" && next.again === undefined ? "success" : "requeue_after",
  completion: {
    claim,
    settled: next._tag === "Settled",
    succeeded: true,
    delay: next._tag === "Settled" ? (next.again ?? resync) : next.delay,
    priority: next._tag === "Settled" ? -100 : 0,
    condition: next.condition ?? null
  }
})

/** The reason of a pass that has nothing to complete: its key belongs to somebody else, or it was cut off. */
export const OVERTAKEN: Reason = "FenceLost"

/** 1, 2, 4 … seconds after the first, second, third failure; 5 minutes at most. */
export const backoff = (attempts: number): Duration.Duration =>
  Duration.seconds(Math.min(2 ** Math.min(Math.max(attempts - 1, 0), 20), 300))
