/**
 * The port to a provider's rate limit: every call takes a permit first and says afterwards what the answer's
 * headers told. Shared by all replicas that use the same token.
 */
import { Context, Duration, Effect, Layer } from "effect"
import { RateLimited } from "./dns.ts"
import { monotonicMillis } from "../monotonic.ts"

/** A call that did not start within this time of its permit takes a new one: a block may have been recorded since. */
export const PERMIT_LIFE = Duration.seconds(1)

/** What the headers of an answer say; undefined where they say nothing. */
export interface RateAnswer {
  /** Calls left in the window. */
  readonly remaining?: number
  readonly resetSeconds?: number
  /** Calls in a whole window, and its length. */
  readonly quota?: number
  readonly windowSeconds?: number
  /** The provider refused the call: none may start for so long. */
  readonly blockedSeconds?: number
}

export class CallBudget extends Context.Service<
  CallBudget,
  {
    /** May one call start now? Fails with the time to wait. `goesOn`: what it belongs to has begun, and is lost without it. */
    take(tokenHash: string, goesOn?: boolean): Effect.Effect<void, RateLimited>
    answered(tokenHash: string, answer: RateAnswer): Effect.Effect<void>
  }
>()("driftless/providers/CallBudget") {
  /** Keeps blocks in memory and counts nothing: for tests and tools that make few calls. */
  static readonly layerMemory = Layer.sync(CallBudget, () => {
    const blocked = new Map<string, number>()
    return CallBudget.of({
      take: (tokenHash) =>
        Effect.flatMap(monotonicMillis, (now) => {
          const until = blocked.get(tokenHash) ?? 0
          return until <= now ? Effect.void : Effect.fail(tooEarly(Duration.millis(until - now)))
        }),
      answered: (tokenHash, { blockedSeconds }) =>
        Effect.map(monotonicMillis, (now) => {
          if (blockedSeconds !== undefined) blocked.set(tokenHash, now + blockedSeconds * 1000)
        })
    })
  })
}

export const tooEarly = (retryAfter: Duration.Duration) =>
  new RateLimited({
    retryAfter,
    message: `the provider's rate limit leaves no call for ${Duration.format(retryAfter)}`
  })
