/** What follows from the end of a pass, row by row of the table in loop.ts, and the backoff. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"
import type { Claim } from "../../src/database/work.ts"
import { FenceLost } from "../../src/database/work.ts"
import {
  backoff,
  Blocked,
  type Condition,
  Next,
  NotYet,
  passOf,
  type Reconciler,
  verdictOf
} from "../../src/reconcilers/pass.ts"
import { Broken } from "../support/database-work.ts"

const claim: Claim = {
  reconciler: "probe",
  key: "a",
  generation: 3,
  owner: "one",
  fence: 7,
  epoch: "00000001-0",
  attempts: 4,
  takeover: false,
  waited: 0
}
const RESYNC = Duration.minutes(10)
const middle = (exit: Exit.Exit<Next, unknown>) => verdictOf(claim, exit, RESYNC, 0.5)
const seconds = (delay: Duration.Duration | undefined) => (delay === undefined ? undefined : Duration.toSeconds(delay))
const waiting: Condition = { stalled: false, reason: "Converging", message: "for the zone" }

describe("verdictOf", () => {
  it("settles a generation until the resync, as work of the lowest priority", () => {
    const { completion, result } = middle(Exit.succeed(Next.Settled({})))
    assert.strictEqual(result, "success")
    assert.deepInclude(completion, { settled: true, succeeded: true, priority: -100, condition: null })
    assert.strictEqual(seconds(completion?.delay), 600)
  })

  it("settles a generation until the moment that the pass names, with its condition", () => {
    const { completion, result } = middle(
      Exit.succeed(Next.Settled({ again: Duration.seconds(40), condition: waiting }))
    )
    assert.strictEqual(result, "requeue_after")
    assert.deepInclude(completion, { settled: true, succeeded: true, condition: waiting })
    assert.strictEqual(seconds(completion?.delay), 40)
  })

  it("rechecks after the delay without settling and without a failure", () => {
    const { completion, result } = middle(
      Exit.succeed(Next.Recheck({ delay: Duration.seconds(3), condition: waiting }))
    )
    assert.strictEqual(result, "requeue_after")
    assert.deepInclude(completion, { settled: false, succeeded: true, priority: 0, condition: waiting })
    assert.strictEqual(seconds(completion?.delay), 3)
  })

  it("stalls a blocked key until the resync, or until the moment that the pass names", () => {
    const blocked = (recheck?: Duration.Duration) =>
      middle(
        Exit.fail(
          new Blocked({
            reason: "CredentialRejected",
            message: "give one",
            ...(recheck === undefined ? {} : { recheck })
          })
        )
      )
    const { completion, result } = blocked()
    assert.strictEqual(result, "error")
    assert.deepInclude(completion, { settled: false, succeeded: false })
    assert.deepStrictEqual(completion?.condition, { stalled: true, reason: "CredentialRejected", message: "give one" })
    assert.strictEqual(seconds(completion?.delay), 600)
    assert.strictEqual(seconds(blocked(Duration.seconds(90)).completion?.delay), 90)
  })

  it("waits when it is not yet time: as long as the pass says, else by the backoff", () => {
    const notYet = (after?: Duration.Duration) =>
      middle(
        Exit.fail(
          new NotYet({ reason: "ProviderUnavailable", message: "wait", ...(after === undefined ? {} : { after }) })
        )
      )
    assert.deepStrictEqual(notYet().completion?.condition, {
      stalled: false,
      reason: "ProviderUnavailable",
      message: "wait"
    })
    assert.strictEqual(seconds(notYet().completion?.delay), 8)
    assert.strictEqual(seconds(notYet(Duration.seconds(33)).completion?.delay), 33)
  })

  it("backs off from any other failure and says its message", () => {
    const { completion, result } = middle(Exit.fail(new Broken({ message: "connection reset" })))
    assert.strictEqual(result, "error")
    assert.deepInclude(completion, { settled: false, succeeded: false, priority: 0 })
    assert.deepStrictEqual(completion?.condition, { stalled: false, reason: "Failed", message: "connection reset" })
    assert.strictEqual(seconds(completion?.delay), 8)
  })

  it("backs off from a defect and keeps its text out of the condition", () => {
    const verdict = middle(Exit.die(new Error("token abc123")))
    assert.isTrue(verdict.died)
    assert.strictEqual(verdict.completion?.condition?.reason, "InternalError")
    assert.notInclude(JSON.stringify(verdict.completion), "abc123")
    assert.strictEqual(seconds(verdict.completion?.delay), 8)
  })

  it("completes nothing when the fence was lost, and says where", () => {
    const verdict = middle(Exit.fail(new FenceLost({ key: "a", site: "dns.report" })))
    assert.isUndefined(verdict.completion)
    assert.strictEqual(verdict.site, "dns.report")
  })

  it("completes nothing when the pass was interrupted", () => {
    assert.isUndefined(middle(Exit.interrupt(1)).completion)
  })

  it("spreads what it chooses itself by a tenth to each side, and nothing that the pass chose", () => {
    const delay = (exit: Exit.Exit<Next, unknown>, random: number) =>
      seconds(verdictOf(claim, exit, RESYNC, random).completion?.delay)
    assert.strictEqual(delay(Exit.succeed(Next.Settled({})), 0), 540)
    assert.closeTo(delay(Exit.succeed(Next.Settled({})), 0.999999) ?? 0, 660, 0.01)
    assert.closeTo(delay(Exit.fail("no"), 0) ?? 0, 7.2, 0.001)
    assert.strictEqual(delay(Exit.succeed(Next.Recheck({ delay: Duration.seconds(3) })), 0), 3)
  })
})

describe("backoff", () => {
  it("doubles from one second and stays at five minutes", () => {
    const after = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 100, 5000].map((attempts) =>
      Duration.toSeconds(backoff(attempts))
    )
    assert.deepStrictEqual(after, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300])
  })
})

describe("passOf", () => {
  const reconciler = (reconcile: Effect.Effect<Next>): Reconciler<never, never> => ({
    name: "probe",
    concurrency: 1,
    deadline: Duration.seconds(20),
    resync: RESYNC,
    reconcile: () => reconcile
  })
  const pass = { claim, stopping: Effect.succeed(false) }

  it.effect("ends a pass at its deadline, which counts as a timeout and backs off", () =>
    Effect.gen(function* () {
      const running = yield* Effect.forkChild(passOf(reconciler(Effect.never), pass))
      yield* TestClock.adjust("19 seconds")
      assert.isUndefined(running.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const verdict = middle(yield* Fiber.join(running))
      assert.isTrue(verdict.timedOut)
      assert.strictEqual(verdict.completion?.condition?.reason, "TimedOut")
      assert.strictEqual(seconds(verdict.completion?.delay), 8)
    })
  )

  it.effect("never fails: a defect is an answer too", () =>
    Effect.gen(function* () {
      assert.isTrue(middle(yield* passOf(reconciler(Effect.die("bug")), pass)).died)
    })
  )
})
