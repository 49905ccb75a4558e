/** The guarantees G1–G8 of a reconcile runtime, with several replicas on one real PostgreSQL. */
import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber, Queue } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import * as work from "../../src/database/work.ts"
import { Next, type Pass } from "../../src/reconcilers/pass.ts"
import { anotherPool, anyPostgres, eventually, layerFresh, row, rows, skipped } from "../support/database.ts"
import { type ProbeOptions, replica } from "../support/database-loops.ts"
import { workOf } from "../support/database-rows.ts"
import { Broken, changed, due, emptyWork, PROBE, silenced } from "../support/database-work.ts"

const offer = await anyPostgres()
/** A replica with connections of its own, as another process has them. */
const another = <E, R>(options: ProbeOptions<E, R>) =>
  Effect.flatMap(anotherPool(4), (database) => Effect.provideService(replica(options), Database, database))
const unsettled = row(
  sql<{ n: number }>`select count(*) as n from reconcile_work where observed < generation or owner is not null`
)
const settledAll = eventually(unsettled, ({ n }) => n === 0)
const desired = (key: string) => row(sql<{ value: number }>`select value from desired where key = ${key}`)
/** Asks for `value` of `key`, in one transaction with its work. */
const ask = Effect.fnUntraced(function* (key: string, value: number) {
  const { transaction } = yield* Database
  yield* transaction(
    "ask",
    Effect.andThen(rows(sql`update desired set value = ${value} where key = ${key}`), changed(key))
  )
})
const begin = Effect.fnUntraced(function* (keys: ReadonlyArray<string>) {
  yield* emptyWork
  yield* rows(sql`drop table if exists desired`)
  yield* rows(
    sql`create table desired (key text primary key, value int not null default 0, absent boolean not null default false)`
  )
  yield* rows(sql`insert into desired (key) select * from unnest(${keys}::text[])`)
  yield* due(keys)
})

describe.skipIf(offer.missing)(`the loop on PostgreSQL${skipped(offer)}`, () => {
  layer(layerFresh(offer, 20), { excludeTestServices: true })((it) => {
    it.effect("G1: at most one pass of a key runs at a time, across all replicas", () =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 25 }, (_, i) => `k${i}`)
        yield* begin(keys)
        const running = new Set<string>()
        const owners = new Set<string>()
        let passes = 0
        const reconcile = ({ claim }: Pass) =>
          Effect.gen(function* () {
            if (running.has(claim.key)) return yield* Effect.die(new Error(`two passes of ${claim.key}`))
            running.add(claim.key)
            owners.add(claim.owner)
            passes++
            yield* desired(claim.key)
            yield* work.fence(claim, "test")
            running.delete(claim.key)
            return Next.Settled({})
          })
        const replicas = yield* Effect.forEach(["one", "two", "three", "four"], (owner) =>
          another({ owner, reconcile, concurrency: 10 })
        )
        const change = (i: number) => Effect.andThen(ask(keys[(i * 7) % keys.length]!, i), replicas[i % 4]!.ring)
        yield* Effect.forEach(
          Array.from({ length: 400 }, (_, i) => i),
          change,
          { concurrency: 8 }
        )
        yield* settledAll
        assert.isAtLeast(owners.size, 2)
        assert.isAtLeast(passes, 25)
        for (const { metric } of replicas) {
          assert.strictEqual(yield* metric(`controller_runtime_reconcile_panics_total{controller="${PROBE}"}`), 0)
        }
      })
    )

    it.effect(
      "G2: a pass reads what is wanted now: fifty edits during a pass become one more pass with the last of them",
      () =>
        Effect.gen(function* () {
          yield* begin(["a"])
          const started = yield* Queue.unbounded<void>()
          const go = yield* Queue.unbounded<void>()
          const seen: Array<number> = []
          const { ring } = yield* replica({
            reconcile: ({ claim }) =>
              Effect.gen(function* () {
                seen.push((yield* desired(claim.key)).value)
                yield* Queue.offer(started, undefined)
                yield* Queue.take(go)
                return Next.Settled({})
              })
          })
          yield* Queue.take(started)
          for (let value = 1; value <= 50; value++) yield* ask("a", value)
          yield* Queue.offerAll(go, [undefined, undefined])
          yield* ring
          yield* settledAll
          assert.deepStrictEqual(seen, [0, 50])
        })
    )

    it.effect("G3: a change that commits while its key is reconciled causes one more pass", () =>
      Effect.gen(function* () {
        yield* begin(["a"])
        const started = yield* Queue.unbounded<number>()
        const go = yield* Queue.unbounded<void>()
        yield* replica({
          reconcile: ({ claim }) =>
            Effect.gen(function* () {
              yield* Queue.offer(started, (yield* desired(claim.key)).value)
              yield* Queue.take(go)
              return Next.Settled({})
            })
        })
        assert.strictEqual(yield* Queue.take(started), 0)
        yield* ask("a", 1)
        yield* Queue.offer(go, undefined)
        assert.strictEqual(yield* Queue.take(started), 1)

        // And one whose transaction is open while the pass completes: the completion waits for it and sees it.
        const { transaction } = yield* Database
        const written = yield* Deferred.make<void>()
        const commit = yield* Deferred.make<void>()
        const editor = yield* Effect.forkChild(
          transaction(
            "edit",
            Effect.gen(function* () {
              yield* rows(sql`update desired set value = 2 where key = 'a'`)
              yield* changed("a")
              yield* Deferred.succeed(written, undefined)
              yield* Deferred.await(commit)
            })
          )
        )
        yield* Deferred.await(written)
        yield* Queue.offer(go, undefined)
        yield* eventually(
          rows(sql`select 1 from pg_stat_activity where wait_event_type = 'Lock'`),
          (found) => found.length > 0
        )
        yield* Deferred.succeed(commit, undefined)
        yield* Fiber.join(editor)
        assert.strictEqual(yield* Queue.take(started), 2)
        yield* Queue.offer(go, undefined)
        yield* settledAll
      })
    )

    it.effect("G4: a failure is retried with a growing delay, and never dropped", () =>
      Effect.gen(function* () {
        yield* begin(["a"])
        let failing = true
        const { ring } = yield* replica({
          reconcile: () =>
            Effect.suspend(() =>
              failing ? Effect.fail(new Broken({ message: "no" })) : Effect.succeed(Next.Settled({}))
            )
        })
        for (let attempts = 1; attempts <= 5; attempts++) {
          const idle = yield* eventually(workOf("a", PROBE), (w) => w.owner === null && w.attempts === attempts)
          const wait = 2 ** (attempts - 1)
          assert.isAtMost(idle.due_in, wait * 1.1)
          assert.isAbove(idle.due_in, wait * 0.9 - 0.8)
          if (attempts === 5) failing = false
          yield* silenced("a")
          yield* ring
        }
        yield* settledAll
        assert.strictEqual((yield* workOf("a", PROBE)).attempts, 0)
      })
    )

    it.effect("G5: a key that nothing asks for is looked at again when its resync comes round", () =>
      Effect.gen(function* () {
        yield* begin(["a"])
        const passes = yield* Queue.unbounded<void>()
        yield* replica({
          resync: Duration.millis(300),
          reconcile: () => Effect.as(Queue.offer(passes, undefined), Next.Settled({}))
        })
        for (let i = 0; i < 4; i++) yield* Queue.take(passes)
        assert.strictEqual((yield* workOf("a", PROBE)).generation, 1)
      })
    )

    it.effect(
      "G6: a row goes only after its object outside is confirmed gone, and only by the hand of the key's owner",
      () =>
        Effect.gen(function* () {
          yield* begin(["a"])
          yield* rows(sql`update desired set absent = true`)
          const outside = new Set(["a"])
          const refusals = yield* Queue.unbounded<string>()
          let tries = 0
          const remove = ({ claim }: Pass) =>
            Effect.gen(function* () {
              const { transaction } = yield* Database
              if (++tries === 1) return yield* new Broken({ message: "the provider did not answer" })
              outside.delete(claim.key)
              // The second worker is paused for so long that its lease is over.
              if (tries === 2) yield* rows(sql`update reconcile_work set owner = 'somebody', fence = fence + 1`)
              yield* transaction(
                "finalize",
                Effect.andThen(rows(sql`delete from desired where key = ${claim.key}`), work.fence(claim, "finalize"))
              ).pipe(Effect.tapError((error) => Queue.offer(refusals, error._tag)))
              return Next.Settled({})
            })
          const { ring } = yield* replica({ reconcile: remove })
          yield* eventually(workOf("a", PROBE), (w) => w.owner === null && w.attempts === 1)
          assert.deepStrictEqual([...outside], ["a"])
          assert.strictEqual((yield* rows(sql`select * from desired`)).length, 1)
          yield* silenced("a")
          yield* ring
          assert.strictEqual(yield* Queue.take(refusals), "FenceLost")
          assert.strictEqual((yield* rows(sql`select * from desired`)).length, 1)
          yield* silenced("a")
          yield* ring
          yield* settledAll
          assert.deepStrictEqual(yield* rows(sql`select * from desired`), [])
          assert.strictEqual(tries, 3)
        })
    )

    it.effect("G7: a generation counts as observed only when a pass that could see it has completed", () =>
      Effect.gen(function* () {
        yield* begin(["a"])
        const started = yield* Queue.unbounded<void>()
        const answers = yield* Queue.unbounded<Effect.Effect<Next, Broken>>()
        const { ring } = yield* replica({
          reconcile: () => Effect.andThen(Queue.offer(started, undefined), Effect.flatten(Queue.take(answers)))
        })
        const settle = Effect.succeed(Next.Settled({}))
        yield* Queue.take(started)
        yield* ask("a", 1)
        assert.deepInclude(yield* workOf("a", PROBE), { generation: 2, observed: 0 })
        yield* Queue.offer(answers, settle)
        yield* Queue.take(started)
        assert.deepInclude(yield* workOf("a", PROBE), { generation: 2, observed: 1 })
        yield* Queue.offer(answers, Effect.fail(new Broken({ message: "no" })))
        yield* eventually(workOf("a", PROBE), (w) => w.owner === null)
        assert.deepInclude(yield* workOf("a", PROBE), { generation: 2, observed: 1 })
        yield* silenced("a")
        yield* ring
        yield* Queue.take(started)
        yield* Queue.offer(answers, settle)
        yield* settledAll
        assert.deepInclude(yield* workOf("a", PROBE), { generation: 2, observed: 2 })
      })
    )

    it.effect(
      "G8: a key that has never succeeded says why from its first pass on, and is never shown as observed",
      () =>
        Effect.gen(function* () {
          yield* begin(["a"])
          assert.deepInclude(yield* workOf("a", PROBE), { observed: 0, generation: 1 })
          let reason = "first"
          const { ring } = yield* replica({
            reconcile: () => Effect.suspend(() => Effect.fail(new Broken({ message: reason })))
          })
          const said = rows(
            sql<{
              message: string
              observed_generation: number
            }>`select message, observed_generation from reconcile_conditions`
          )
          const first = yield* eventually(said, (found) => found.length === 1)
          assert.deepStrictEqual(first, [{ message: "first", observed_generation: 1 }])
          reason = "second"
          yield* ask("a", 1)
          yield* ring
          const second = yield* eventually(said, ([found]) => found?.message === "second")
          assert.deepStrictEqual(second, [{ message: "second", observed_generation: 2 }])
          assert.strictEqual((yield* workOf("a", PROBE)).observed, 0)
        })
    )
  })
})
