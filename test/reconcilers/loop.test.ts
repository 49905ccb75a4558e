/** The loop on the embedded database: each row of its table as rows, conditions and metrics say it; time is SQL's. */
import { assert, layer } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Fiber, Queue } from "effect"
import { TestClock } from "effect/testing"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { FenceLost } from "../../src/database/work.ts"
import { Blocked, type Condition, Next, NotYet, type Pass } from "../../src/reconcilers/pass.ts"
import { eventually, layerEmbedded, row, rows, setTime } from "../support/database.ts"
import { replica } from "../support/database-loops.ts"
import { workOf } from "../support/database-rows.ts"
import { Broken, due, emptyWork, PROBE } from "../support/database-work.ts"

interface Row {
  readonly says: string
  readonly reconcile: (pass: Pass) => Effect.Effect<Next, Broken | Blocked | NotYet | FenceLost>
  readonly observed: number
  /** Seconds until the next pass: at least, at most. */
  readonly next: readonly [number, number]
  readonly condition: { readonly reason: string; readonly stalled: boolean } | undefined
  readonly result: "success" | "error" | "requeue_after"
  /** Series that go from 0 to 1. */
  readonly counts: ReadonlyArray<string>
}

const waiting: Condition = { stalled: false, reason: "Converging", message: "wait" }
const controller = `{controller="${PROBE}"}`
const retry = (reason: string) => [
  `controller_runtime_reconcile_errors_total${controller}`,
  `workqueue_retries_total{name="${PROBE}",controller="${PROBE}"}`,
  `driftless_retries_total{reconciler="${PROBE}",reason="${reason}"}`
]
const table: ReadonlyArray<Row> = [
  {
    says: "Settled",
    reconcile: () => Effect.succeed(Next.Settled({})),
    observed: 1,
    next: [540, 660],
    condition: undefined,
    result: "success",
    counts: []
  },
  {
    says: "Settled with a moment and a condition",
    reconcile: () => Effect.succeed(Next.Settled({ again: Duration.seconds(40), condition: waiting })),
    observed: 1,
    next: [40, 40],
    condition: waiting,
    result: "requeue_after",
    counts: []
  },
  {
    says: "Recheck",
    reconcile: () => Effect.succeed(Next.Recheck({ delay: Duration.seconds(3), condition: waiting })),
    observed: 0,
    next: [3, 3],
    condition: waiting,
    result: "requeue_after",
    counts: []
  },
  {
    says: "Blocked",
    reconcile: () => Effect.fail(new Blocked({ reason: "CredentialRejected", message: "give one" })),
    observed: 0,
    next: [540, 660],
    condition: { stalled: true, reason: "CredentialRejected" },
    result: "error",
    counts: [...retry("CredentialRejected"), `controller_runtime_terminal_reconcile_errors_total${controller}`]
  },
  {
    says: "NotYet",
    reconcile: () =>
      Effect.fail(new NotYet({ reason: "ProviderUnavailable", message: "wait", after: Duration.seconds(33) })),
    observed: 0,
    next: [33, 33],
    condition: { stalled: false, reason: "ProviderUnavailable" },
    result: "error",
    counts: retry("ProviderUnavailable")
  },
  {
    says: "another failure",
    reconcile: () => Effect.fail(new Broken({ message: "reset" })),
    observed: 0,
    next: [0.9, 1.1],
    condition: { stalled: false, reason: "Failed" },
    result: "error",
    counts: retry("Failed")
  },
  {
    says: "nothing before its deadline",
    reconcile: () => Effect.never,
    observed: 0,
    next: [0.9, 1.1],
    condition: { stalled: false, reason: "TimedOut" },
    result: "error",
    counts: [...retry("TimedOut"), `controller_runtime_reconcile_timeouts_total${controller}`]
  },
  {
    says: "a defect",
    reconcile: () => Effect.die(new Error("bug")),
    observed: 0,
    next: [0.9, 1.1],
    condition: { stalled: false, reason: "InternalError" },
    result: "error",
    counts: [...retry("InternalError"), `controller_runtime_reconcile_panics_total${controller}`]
  }
]

const NOON = Date.UTC(2026, 0, 1, 12)
const conditions = rows(sql<{ reason: string; stalled: boolean; observed_generation: number }>`
  select reason, stalled, observed_generation from reconcile_conditions`)

layer(layerEmbedded, { excludeTestServices: true })("a pass", (it) => {
  for (const { condition, counts, next, observed, reconcile, result, says } of table) {
    it.effect(`that says ${says} becomes its row of the table`, () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* setTime(new Date(NOON))
        yield* due(["a"])
        const { metric } = yield* replica({ reconcile, deadline: Duration.millis(50) })
        const work = yield* eventually(workOf("a", PROBE), ({ fence, owner }) => fence === 1 && owner === null)
        assert.strictEqual(work.observed, observed)
        // The database counts in whole microseconds.
        assert.isAtLeast(work.due_in, next[0] - 0.001)
        assert.isAtMost(work.due_in, next[1] + 0.001)
        assert.strictEqual(work.attempts, result === "error" ? 1 : 0)
        const [said] = yield* conditions
        assert.strictEqual(said?.reason, condition?.reason)
        assert.strictEqual(said?.stalled, condition?.stalled)
        for (const each of ["success", "error", "requeue_after"]) {
          const series = `controller_runtime_reconcile_total{controller="${PROBE}",result="${each}"}`
          assert.strictEqual(yield* metric(series), each === result ? 1 : 0)
        }
        for (const series of counts) assert.strictEqual(yield* metric(series), 1, series)
        yield* eventually(metric(`controller_runtime_active_workers${controller}`), (busy) => busy === 0)
      })
    )
  }

  it.effect("that loses its fence completes nothing: the row stays as the new owner has it", () =>
    Effect.gen(function* () {
      yield* emptyWork
      yield* setTime(new Date(NOON))
      yield* due(["a"])
      const done = yield* Deferred.make<void>()
      const { metric } = yield* replica({
        reconcile: ({ claim }) =>
          rows(
            sql`update reconcile_work set owner = 'two', fence = fence + 1, due_at = driftless_now() + interval '15 seconds'`
          ).pipe(
            Effect.andThen(Deferred.succeed(done, undefined)),
            Effect.andThen(Effect.fail(new FenceLost({ key: claim.key, site: "here" })))
          )
      })
      yield* Deferred.await(done)
      yield* eventually(metric(`driftless_fence_rejected_total{site="here"}`), (n) => n === 1)
      yield* eventually(metric(`controller_runtime_active_workers${controller}`), (busy) => busy === 0)
      assert.deepInclude(yield* workOf("a", PROBE), { owner: "two", fence: 2, observed: 0 })
      assert.deepStrictEqual(yield* conditions, [])
    })
  )

  it.effect("takes the condition of an earlier one away when it succeeds", () =>
    Effect.gen(function* () {
      yield* emptyWork
      yield* setTime(new Date(NOON))
      yield* due(["a"])
      let fails = true
      const { ring } = yield* replica({
        reconcile: () =>
          Effect.suspend(() => (fails ? Effect.fail(new Broken({ message: "no" })) : Effect.succeed(Next.Settled({}))))
      })
      yield* eventually(conditions, (found) => found.length === 1)
      fails = false
      yield* setTime(new Date(NOON + 5000))
      yield* ring
      yield* eventually(conditions, (found) => found.length === 0)
      assert.deepInclude(yield* workOf("a", PROBE), { observed: 1, attempts: 0 })
    })
  )

  it.effect("runs beside others up to the bound of the process, never above", () =>
    Effect.gen(function* () {
      yield* emptyWork
      yield* setTime(new Date(NOON))
      yield* due(Array.from({ length: 12 }, (_, i) => `k${i}`))
      const started = yield* Queue.unbounded<void>()
      const go = yield* Queue.unbounded<void>()
      let running = 0
      let most = 0
      yield* replica({
        concurrency: 3,
        reconcile: () =>
          Effect.gen(function* () {
            most = Math.max(most, ++running)
            yield* Queue.offer(started, undefined)
            yield* Queue.take(go)
            running--
            return Next.Settled({})
          })
      })
      for (let i = 0; i < 12; i++) {
        yield* Queue.take(started)
        if (i >= 2) yield* Queue.offer(go, undefined)
      }
      yield* Queue.offerAll(go, [undefined, undefined])
      const left = row(sql<{ n: number }>`select count(*) as n from reconcile_work where observed = 0`)
      yield* eventually(left, ({ n }) => n === 0)
      assert.strictEqual(most, 3)
    })
  )
})

// Virtual time for the loop's own timers; SQL's time is set beside it.
layer(layerEmbedded)("a lease", (it) => {
  const pass = Effect.fnUntraced(function* (heartbeats: "answered" | "hang" | "die once") {
    yield* emptyWork
    yield* setTime(new Date(NOON))
    yield* due(["a"])
    const database = yield* Database
    const started = yield* Deferred.make<void>()
    const ended = yield* Deferred.make<number>()
    const start = yield* Clock.currentTimeMillis
    let died = 0
    const reconcile = () =>
      Effect.andThen(Deferred.succeed(started, undefined), Effect.never).pipe(
        Effect.onInterrupt(() =>
          Effect.flatMap(Clock.currentTimeMillis, (now) => Deferred.succeed(ended, (now - start) / 1000))
        )
      )
    yield* Effect.provideService(
      replica({ reconcile, deadline: Duration.minutes(5), grace: Duration.zero }),
      Database,
      {
        ...database,
        query: (operation, run) => {
          if (operation !== "work.heartbeat" || heartbeats === "answered") return database.query(operation, run)
          if (heartbeats === "hang") return Effect.never
          return died++ === 0 ? Effect.die(new Error("bug")) : database.query(operation, run)
        }
      }
    )
    yield* Deferred.await(started)
    const seconds = Effect.fnUntraced(function* (count: number) {
      for (let i = 1; i <= count; i++) {
        yield* setTime(new Date(NOON + i * 1000))
        yield* TestClock.adjust("1 second")
        // The loop's statements are real and take real time.
        yield* TestClock.withLive(Effect.sleep("5 millis"))
      }
    })
    return { ended, seconds }
  })

  it.effect("is extended while a long pass runs", () =>
    Effect.gen(function* () {
      const { ended, seconds } = yield* pass("answered")
      yield* seconds(60)
      assert.isFalse(yield* Deferred.isDone(ended))
      assert.isAbove((yield* workOf("a", PROBE)).due_in, 8)
    })
  )

  it.effect("is extended on after a heartbeat that died of a defect", () =>
    Effect.gen(function* () {
      const { ended, seconds } = yield* pass("die once")
      yield* seconds(60)
      assert.isFalse(yield* Deferred.isDone(ended))
      assert.isAbove((yield* workOf("a", PROBE)).due_in, 8)
    })
  )

  it.effect("that cannot be extended ends its pass before another replica may take the key", () =>
    Effect.gen(function* () {
      const { ended, seconds } = yield* pass("hang")
      const running = yield* Effect.forkChild(seconds(20))
      assert.isBelow(yield* Deferred.await(ended), 15)
      yield* Fiber.join(running)
    })
  )
})
