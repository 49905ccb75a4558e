/** A token's rate limit, row by row of the table in budget.ts, and between replicas, on a real PostgreSQL. */
import { assert, describe, layer } from "@effect/vitest"
import { Context, Duration, Effect, Layer, Result } from "effect"
import { sql } from "kysely"
import { layerBudget } from "../../src/database/budget.ts"
import { Database } from "../../src/database/database.ts"
import { CallBudget } from "../../src/providers/budget.ts"
import { anotherPool, anyPostgres, layerFresh, row, rows, skipped } from "../support/database.ts"

const offer = await anyPostgres()
const T = "token-hash"
/** A process with a memory of its own on this pool. */
const process = (database: Database["Service"]) =>
  Layer.build(Layer.fresh(layerBudget)).pipe(
    Effect.map((context) => Context.get(context, CallBudget)),
    Effect.provideService(Database, database)
  )
const here = Effect.flatMap(Database, process)
const there = Effect.flatMap(anotherPool(8), process)
/** Nothing that it hears of the limit can be written down. */
const forgetful = Effect.flatMap(Database, (database) =>
  process({
    ...database,
    query: (operation, run) =>
      operation === "budget.answered"
        ? database.query(operation, () => Promise.reject(new Error("cut")))
        : database.query(operation, run)
  })
)
/** Seconds that `take` asks to wait; 0 is a permit. */
const wait = (budget: CallBudget["Service"], goesOn?: boolean) =>
  Effect.map(Effect.result(budget.take(T, goesOn)), (r) =>
    Result.isFailure(r) ? Duration.toSeconds(r.failure.retryAfter) : 0
  )
const waits = (budget: CallBudget["Service"], times: number) =>
  Effect.all(Array.from({ length: times }, () => wait(budget)))
/** A window of which `used` of 100 calls are gone, that ends in `ends` seconds. */
const window = ({ blocked = null as number | null, ends = 300, next = null as number | null, used = 0 }) =>
  Effect.andThen(
    rows(sql`truncate api_budgets`),
    rows(sql`insert into api_budgets (token_hash, capacity, used, window_ends_at, blocked_until, next_at)
      values (${T}, 100, ${used}, driftless_now() + make_interval(secs => ${ends}),
        driftless_now() + make_interval(secs => ${blocked}::float8), driftless_now() + make_interval(secs => ${next}::float8))`)
  )
const stored = row(sql<{
  capacity: number
  window_seconds: number
  used: number
  ends: number
  blocked: number | null
}>`
  select capacity, window_seconds, used, extract(epoch from window_ends_at - driftless_now())::float8 as ends,
    extract(epoch from blocked_until - driftless_now())::float8 as blocked from api_budgets`)

describe.skipIf(offer.missing)(`the budget of a token${skipped(offer)}`, () => {
  layer(layerFresh(offer), { excludeTestServices: true })((it) => {
    it.effect("a token that nobody has used starts at once, and its first call counts", () =>
      Effect.gen(function* () {
        yield* rows(sql`truncate api_budgets`)
        assert.strictEqual(yield* wait(yield* here), 0)
        assert.deepInclude(yield* stored, { used: 1, capacity: 1200 })
      })
    )

    it.effect("a token that got a 429 waits until that is over, in every process and also with a fresh memory", () =>
      Effect.gen(function* () {
        yield* window({})
        const one = yield* here
        const two = yield* there
        yield* one.answered(T, { blockedSeconds: 40 })
        for (const budget of [one, two, yield* here]) {
          const seconds = yield* wait(budget)
          assert.isAbove(seconds, 35)
          assert.isAtMost(seconds, 40)
        }
        assert.strictEqual((yield* stored).used, 0)
      })
    )

    it.effect("the process that got a 429 starts nothing although the row could not be written", () =>
      Effect.gen(function* () {
        yield* window({})
        const cut = yield* forgetful
        yield* cut.answered(T, { blockedSeconds: 40 })
        assert.isNull((yield* stored).blocked)
        assert.isAbove(yield* wait(cut), 35)
      })
    )

    it.effect("a shorter block ends no longer one in the process that heard both and could write neither", () =>
      Effect.gen(function* () {
        yield* window({})
        const cut = yield* forgetful
        yield* cut.answered(T, { blockedSeconds: 60 })
        yield* cut.answered(T, { blockedSeconds: 5 })
        assert.isNull((yield* stored).blocked)
        assert.isAbove(yield* wait(cut), 55)
      })
    )

    it.effect("a shorter block never ends a longer one", () =>
      Effect.gen(function* () {
        yield* window({})
        yield* (yield* here).answered(T, { blockedSeconds: 60 })
        yield* (yield* there).answered(T, { blockedSeconds: 5 })
        assert.isAbove((yield* stored).blocked ?? 0, 55)
      })
    )

    it.effect("calls start at once up to half of our share, which is 80 % of the quota", () =>
      Effect.gen(function* () {
        yield* window({})
        const all = yield* waits(yield* here, 45)
        assert.strictEqual(all.filter((seconds) => seconds === 0).length, 40)
        assert.deepStrictEqual(
          all.slice(0, 40),
          Array.from({ length: 40 }, () => 0)
        )
      })
    )

    it.effect("calls that go on with what has begun start at once, count, and come to their end with our share", () =>
      Effect.gen(function* () {
        yield* window({ used: 70, next: 30 })
        const budget = yield* here
        assert.isAbove(yield* wait(budget), 25)
        for (let i = 0; i < 10; i++) assert.strictEqual(yield* wait(budget, true), 0)
        assert.isAbove(yield* wait(budget, true), 290)
        assert.strictEqual((yield* stored).used, 80)
      })
    )

    it.effect("calls above half of our share are spread over the rest of the window", () =>
      Effect.gen(function* () {
        yield* window({ used: 40, ends: 80 })
        const budget = yield* here
        // 40 calls are left of our 80, and 80 s: one every two seconds.
        assert.strictEqual(yield* wait(budget), 0)
        const second = yield* wait(budget)
        assert.isAbove(second, 1.5)
        assert.isAtMost(second, 2)
        yield* window({ used: 41, ends: 80, next: -0.001 })
        assert.strictEqual(yield* wait(budget), 0)
      })
    )

    it.effect("no call starts above our share: the reserve is for people", () =>
      Effect.gen(function* () {
        yield* window({ used: 79, ends: 70 })
        const budget = yield* here
        assert.strictEqual(yield* wait(budget), 0)
        const seconds = yield* wait(budget)
        assert.isAbove(seconds, 65)
        assert.isAtMost(seconds, 70)
        assert.strictEqual((yield* stored).used, 80)
      })
    )

    it.effect("a window that is over begins anew", () =>
      Effect.gen(function* () {
        yield* window({ used: 100, ends: -1, next: 100 })
        assert.strictEqual(yield* wait(yield* here), 0)
        const { ends, used } = yield* stored
        assert.strictEqual(used, 1)
        assert.isAbove(ends, 290)
      })
    )

    it.effect("two replicas that ask at once share one budget", () =>
      Effect.gen(function* () {
        yield* window({})
        const budgets = [yield* here, yield* there]
        const asked = Array.from({ length: 100 }, (_, i) => wait(budgets[i % 2]!))
        const all = yield* Effect.all(asked, { concurrency: 16 })
        assert.strictEqual(all.filter((seconds) => seconds === 0).length, 40)
        assert.strictEqual((yield* stored).used, 40)
      })
    )

    it.effect("what an answer's headers say replaces what we assumed: quota, window, and what others have used", () =>
      Effect.gen(function* () {
        yield* window({ used: 3 })
        const budget = yield* here
        yield* budget.answered(T, { quota: 50, windowSeconds: 60, remaining: 20, resetSeconds: 30 })
        const learnt = yield* stored
        assert.deepInclude(learnt, { capacity: 50, window_seconds: 60, used: 30, blocked: null })
        assert.closeTo(learnt.ends, 30, 2)
        // An answer that was slow, and counts less than we know, changes nothing.
        yield* budget.answered(T, { remaining: 40 })
        assert.strictEqual((yield* stored).used, 30)
        yield* budget.answered(T, {})
        assert.deepInclude(yield* stored, { capacity: 50, window_seconds: 60, used: 30 })
      })
    )

    it.effect("an answer of the next window brings its own count, not that of the window before", () =>
      Effect.gen(function* () {
        yield* window({ used: 80, ends: 1 })
        const budget = yield* here
        yield* budget.answered(T, { remaining: 99, resetSeconds: 300 })
        assert.strictEqual((yield* stored).used, 1)
        assert.strictEqual(yield* wait(budget), 0)
      })
    )

    it.effect("without the row nobody knows what others use: the call waits", () =>
      Effect.gen(function* () {
        const database = yield* Database
        const cut = yield* process({
          ...database,
          query: (operation) => database.query(operation, () => Promise.reject(new Error("cut")))
        })
        assert.isAbove(yield* wait(cut), 0)
      })
    )
  })
})
