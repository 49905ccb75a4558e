/** How the loop finds work, in which order, and how it stops: several replicas on one real PostgreSQL. */
import { assert, describe, layer } from "@effect/vitest"
import { Clock, Deferred, Duration, Effect, Queue, Random } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import * as work from "../../src/database/work.ts"
import { Next } from "../../src/reconcilers/pass.ts"
import { anotherPool, anyPostgres, eventually, layerFresh, rows, skipped } from "../support/database.ts"
import { replica } from "../support/database-loops.ts"
import { workOf } from "../support/database-rows.ts"
import { changed, due, emptyWork, PROBE, settled } from "../support/database-work.ts"

const offer = await anyPostgres()
const settles =
  (seen: Queue.Queue<string>) =>
  ({ claim }: { readonly claim: work.Claim }) =>
    Effect.as(Queue.offer(seen, claim.key), Next.Settled({}))
const seconds = Effect.fnUntraced(function* <A, E, R>(effect: Effect.Effect<A, E, R>) {
  const start = yield* Clock.currentTimeMillis
  yield* effect
  return ((yield* Clock.currentTimeMillis) - start) / 1000
})

describe.skipIf(offer.missing)(`finding work and stopping, on PostgreSQL${skipped(offer)}`, () => {
  layer(layerFresh(offer), { excludeTestServices: true })((it) => {
    it.effect("a hint wakes another process at once; a change whose hint is lost is found by polling", () =>
      Effect.gen(function* () {
        yield* emptyWork
        const seen = yield* Queue.unbounded<string>()
        const there = yield* Effect.provideService(
          replica({ owner: "two", reconcile: settles(seen) }),
          Database,
          yield* anotherPool()
        )
        const here = yield* replica({ owner: "one", reconcile: () => Effect.die("unused"), name: "idle" })
        yield* eventually(there.hintsComeThrough, Boolean)
        yield* due(["a"])
        yield* Queue.take(seen)
        // What the loop polls at most every 5 s has now just been looked at.
        yield* changed("a")
        yield* here.ring
        assert.isBelow(yield* seconds(Queue.take(seen)), 3)
        yield* changed("a")
        assert.isBelow(yield* seconds(Queue.take(seen)), 10)
      })
    )

    it.effect("a change by a user comes before the resyncs that are due, also one key at a time", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(
          Array.from({ length: 300 }, (_, i) => `resync-${i}`),
          { priority: -100, secondsAgo: 300 }
        )
        yield* due(Array.from({ length: 20 }, (_, i) => `change-${i}`))
        const order: Array<string> = []
        for (let i = 0; i < 120; i++) {
          const [claim] = yield* work.claim(PROBE, "one", 1)
          order.push(claim!.key.replace(/-.*/u, ""))
          yield* work.complete(PROBE, [settled(claim!)])
        }
        // Three of four claims are for changes: all twenty are out long before the resyncs are.
        assert.isAbove(order.slice(0, 60).filter((kind) => kind === "change").length, 15)
        assert.isAbove(order.slice(0, 40).filter((kind) => kind === "resync").length, 0)
      }).pipe(Random.withSeed("priorities"))
    )

    it.effect("a stream of changes does not starve what has waited for a minute", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["old-resync"], { priority: -100, secondsAgo: 120 })
        yield* due(["old-retry"], { priority: 0, secondsAgo: 120 })
        yield* due(["new-resync"], { priority: -100, secondsAgo: 10 })
        yield* due(Array.from({ length: 50 }, (_, i) => `change-${i}`))
        const batch = (yield* work.claim(PROBE, "one", 8)).map(({ key }) => key)
        assert.includeMembers(batch, ["old-resync", "old-retry"])
        assert.notInclude(batch, "new-resync")
        assert.lengthOf(batch, 8)
      })
    )

    it.effect("a claim is as full as it may be however old its work is, and takes none twice", () =>
      Effect.gen(function* () {
        for (const priority of [-100, 0, 100]) {
          yield* emptyWork
          yield* due(
            Array.from({ length: 60 }, (_, i) => `old-${i}`),
            { priority, secondsAgo: 120 }
          )
          for (const limit of [1, 7, 40]) {
            const claims = yield* work.claim(PROBE, "one", limit)
            assert.lengthOf(claims, limit)
            assert.lengthOf([...new Set(claims.map(({ key }) => key))], limit)
          }
          assert.lengthOf(yield* work.claim(PROBE, "one", 100), 60 - 48)
        }
      })
    )

    it.effect("a stop waits for the passes in flight, whose ends are written", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["a"])
        const started = yield* Deferred.make<void>()
        const stopping = yield* Deferred.make<void>()
        const { stop } = yield* replica({
          reconcile: (pass) =>
            Effect.gen(function* () {
              yield* Deferred.succeed(started, undefined)
              yield* eventually(pass.stopping, Boolean)
              yield* Deferred.succeed(stopping, undefined)
              return Next.Settled({})
            })
        })
        yield* Deferred.await(started)
        yield* stop
        assert.isTrue(yield* Deferred.isDone(stopping))
        assert.deepInclude(yield* workOf("a", PROBE), { owner: null, observed: 1 })
      })
    )

    it.effect("a stop ends within ten seconds whatever its passes do, gives all keys back, and keeps write_until", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["deaf", "slow", "writing"])
        const started = yield* Queue.unbounded<void>()
        const { stop } = yield* replica({
          reconcile: ({ claim }) =>
            Effect.gen(function* () {
              if (claim.key === "writing")
                yield* work.fence(claim, "test", { write: "opens", within: Duration.seconds(30) })
              yield* Queue.offer(started, undefined)
              return yield* Effect.never
            }).pipe(claim.key === "deaf" ? Effect.onInterrupt(() => Effect.sleep("30 seconds")) : (pass) => pass)
        })
        for (let i = 0; i < 3; i++) yield* Queue.take(started)
        assert.isBelow(yield* seconds(stop), 10)
        for (const key of ["deaf", "slow"]) {
          const { due_in, owner } = yield* workOf(key, PROBE)
          assert.isNull(owner)
          assert.isAtMost(due_in, 0)
        }
        const { due_at, owner, write_until } = yield* workOf("writing", PROBE)
        assert.isNull(owner)
        assert.strictEqual(due_at.getTime(), write_until?.getTime())
      })
    )

    it.effect("a stop while keys are being claimed leaves none of them leased", () =>
      Effect.gen(function* () {
        for (let round = 0; round < 10; round++) {
          yield* emptyWork
          const database = yield* Database
          const asking = yield* Deferred.make<void>()
          const slow: Database["Service"] = {
            ...database,
            query: (operation, run) =>
              operation === "work.claim"
                ? Effect.andThen(
                    Deferred.succeed(asking, undefined),
                    database.query(operation, async (db) => {
                      await sql`select pg_sleep(0.05)`.execute(db)
                      return run(db)
                    })
                  )
                : database.query(operation, run)
          }
          yield* due(["a", "b"])
          const { stop } = yield* Effect.provideService(
            replica({ reconcile: () => Effect.succeed(Next.Settled({})) }),
            Database,
            slow
          )
          yield* Deferred.await(asking)
          yield* stop
          const taken = yield* rows(sql`select key from reconcile_work where owner is not null`)
          assert.deepStrictEqual(taken, [])
        }
        // A claim that came after the release would show by now.
        yield* rows(sql`select pg_sleep(0.2)`)
        assert.deepStrictEqual(yield* rows(sql`select key from reconcile_work where owner is not null`), [])
      })
    )
  })
})
