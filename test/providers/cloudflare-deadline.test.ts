/** A write's window in the database goes on while its call waits for something else before it is sent. */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Layer, Redacted, Result } from "effect"
import { TestClock } from "effect/testing"
import { Metrics } from "../../src/metrics.ts"
import { CallBudget } from "../../src/providers/budget.ts"
import { layerOver } from "../../src/providers/cloudflare.ts"
import { DnsProvider } from "../../src/providers/dns.ts"

const account = { token: Redacted.make("t"), tokenHash: "t", baseUrl: undefined }
const batch = { deletes: ["r1"], patches: [], posts: [] }
const answer = { success: true, errors: [], messages: [], result: { deletes: [], patches: [], posts: [] } }

/** A provider that answers at once, and a budget whose permits take that long. */
const world = (sent: Array<string>, slow: Duration.Input) =>
  layerOver(() =>
    Promise.resolve({
      open: () => ({
        get: () => Promise.reject(new Error("nothing is read")),
        post: (path: string) => {
          sent.push(path)
          return Promise.resolve({ data: answer, headers: new Headers() })
        }
      }),
      read: () => ({ status: undefined, headers: undefined, body: undefined, message: "none" })
    })
  ).pipe(
    Layer.provide(Layer.succeed(CallBudget, { take: () => Effect.sleep(slow), answered: () => Effect.void })),
    Layer.provide(Metrics.layer)
  )

const write = (sent: Array<string>, slow: Duration.Input, set = (millis: number) => millis) =>
  Effect.gen(function* () {
    const provider = yield* DnsProvider
    // Taken so long ago that another is needed.
    yield* TestClock.adjust("1 minute")
    const options = { permit: { takenAt: 0 }, timeout: Duration.seconds(10) }
    const fiber = yield* Effect.result(provider.batch(account, "z", batch, options)).pipe(
      Effect.updateService(Clock.Clock, (clock) => running(clock, set)),
      Effect.forkChild
    )
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(world(sent, slow)))

/** Elapsed time is as it is; the time of day is what somebody makes of it. */
const running = (clock: Clock.Clock, set: (millis: number) => number): Clock.Clock => ({
  currentTimeMillisUnsafe: () => set(clock.currentTimeMillisUnsafe()),
  currentTimeMillis: Effect.map(clock.currentTimeMillis, set),
  currentTimeNanosUnsafe: () => BigInt(set(clock.currentTimeMillisUnsafe())) * 1_000_000n,
  currentTimeNanos: Effect.map(clock.currentTimeMillis, (millis) => BigInt(set(millis)) * 1_000_000n),
  monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  monotonicTimeNanos: clock.monotonicTimeNanos,
  sleep: (duration) => clock.sleep(duration)
})

describe("batch", () => {
  it.effect("is not sent any more when its permit took longer than its time", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const result = yield* write(sent, "11 seconds")
      assert.deepStrictEqual(sent, [])
      assert.isTrue(
        Result.isFailure(result) && result.failure.reason._tag === "Unavailable" && result.failure.reason.answered
      )
    })
  )

  it.effect("is not sent any more then, though somebody put the clock back meanwhile", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const result = yield* write(sent, "11 seconds", (millis) => -millis)
      assert.deepStrictEqual(sent, [])
      assert.isTrue(Result.isFailure(result))
    })
  )

  it.effect("is sent while there is time left", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const result = yield* write(sent, "9 seconds")
      assert.deepStrictEqual(sent, ["/zones/z/dns_records/batch"])
      assert.isTrue(Result.isSuccess(result))
    })
  )
})
