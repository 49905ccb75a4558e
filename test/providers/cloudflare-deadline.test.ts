/** A write's window in the database goes on while its call waits for something else before it is sent. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Layer, Redacted, Result } from "effect"
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

const write = (sent: Array<string>, slow: Duration.Input) =>
  Effect.gen(function* () {
    const provider = yield* DnsProvider
    // Taken so long ago that another is needed.
    yield* TestClock.adjust("1 minute")
    const options = { permit: { takenAt: 0 }, timeout: Duration.seconds(10) }
    const fiber = yield* Effect.forkChild(Effect.result(provider.batch(account, "z", batch, options)))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(world(sent, slow)))

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

  it.effect("is sent while there is time left", () =>
    Effect.gen(function* () {
      const sent: Array<string> = []
      const result = yield* write(sent, "9 seconds")
      assert.deepStrictEqual(sent, ["/zones/z/dns_records/batch"])
      assert.isTrue(Result.isSuccess(result))
    })
  )
})
