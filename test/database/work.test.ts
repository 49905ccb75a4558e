/** The work table on a real PostgreSQL: claims, leases, fences and completions of workers that run at once. */
import { assert, describe, layer } from "@effect/vitest"
import { Deferred, Duration, Effect, Fiber } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import * as work from "../../src/database/work.ts"
import { anyPostgres, layerFresh, row, rows, skipped } from "../support/database.ts"
import { workOf } from "../support/database-rows.ts"
import { changed, due, emptyWork, failed, PROBE, settled, silenced } from "../support/database-work.ts"

const offer = await anyPostgres()
const claimOne = Effect.fnUntraced(function* (owner: string) {
  const [claim] = yield* work.claim(PROBE, owner, 1)
  return claim ?? (yield* Effect.die(new Error("nothing was due")))
})

describe.skipIf(offer.missing)(`the work table on PostgreSQL${skipped(offer)}`, () => {
  layer(layerFresh(offer), { excludeTestServices: true })((it) => {
    it.effect("many workers that claim at once get each key exactly once", () =>
      Effect.gen(function* () {
        yield* emptyWork
        const keys = Array.from({ length: 2000 }, (_, i) => `key-${String(i).padStart(4, "0")}`)
        yield* due(keys)
        const worker = Effect.fnUntraced(function* (owner: string) {
          const got: Array<string> = []
          for (;;) {
            const claims = yield* work.claim(PROBE, owner, 37)
            if (claims.length === 0 && (yield* work.nextDue(PROBE))! > 0) return got
            got.push(...claims.map(({ key }) => key))
          }
        })
        const all = yield* Effect.all(
          Array.from({ length: 8 }, (_, i) => worker(`worker-${i}`)),
          { concurrency: 8 }
        )
        assert.deepStrictEqual(all.flat().toSorted(), keys)
        assert.isAbove(all.filter((got) => got.length > 0).length, 1)
      })
    )

    it.effect("an expired lease is taken over by the same scan, which says so, under a higher fence", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["a"])
        const first = yield* claimOne("one")
        assert.isFalse(first.takeover)
        assert.deepStrictEqual(yield* work.claim(PROBE, "two", 1), [])
        yield* silenced("a")
        const second = yield* claimOne("two")
        assert.isTrue(second.takeover)
        assert.isAbove(second.fence, first.fence)
        assert.strictEqual(second.attempts, 2)
      })
    )

    it.effect("a heartbeat extends what it can lock; a row locked by its own long write is not lost", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["busy", "idle"])
        const claims = yield* work.claim(PROBE, "one", 2)
        yield* rows(sql`update reconcile_work set due_at = due_at - interval '10 seconds'`)
        const { transaction } = yield* Database
        const locked = yield* Deferred.make<void>()
        const free = yield* Deferred.make<void>()
        const busy = claims.find(({ key }) => key === "busy")!
        const apply = yield* Effect.forkChild(
          transaction(
            "apply",
            Effect.gen(function* () {
              yield* work.fence(busy, "test")
              yield* Deferred.succeed(locked, undefined)
              yield* Deferred.await(free)
            })
          )
        )
        yield* Deferred.await(locked)
        assert.deepStrictEqual([...(yield* work.heartbeat(PROBE, claims))], ["idle"])
        assert.isAbove((yield* workOf("idle", PROBE)).due_in, 14)
        assert.deepStrictEqual(yield* work.lost(PROBE, [busy]), [])
        yield* Deferred.succeed(free, undefined)
        yield* Fiber.join(apply)
        assert.isAbove((yield* workOf("busy", PROBE)).due_in, 13)
      })
    )

    it.effect("a claim is lost when somebody else has the key, when it was given back, and when the row is gone", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["kept", "returned", "taken", "zapped"])
        const claims = yield* work.claim(PROBE, "one", 4)
        yield* rows(sql`update reconcile_work set owner = null where key = 'returned'`)
        yield* silenced("taken")
        yield* claimOne("two")
        yield* rows(sql`delete from reconcile_work where key = 'zapped'`)
        assert.deepStrictEqual([...(yield* work.heartbeat(PROBE, claims))], ["kept"])
        const lost = yield* work.lost(PROBE, claims)
        assert.deepStrictEqual(lost.map(({ key }) => key).toSorted(), ["returned", "taken", "zapped"])
      })
    )

    it.effect("a write whose fence is lost rolls back with everything beside it", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* rows(sql`create table writes (text text)`)
        yield* due(["a"])
        const { transaction } = yield* Database
        const write = (claim: work.Claim, text: string) =>
          transaction(
            "write",
            Effect.andThen(rows(sql`insert into writes values (${text})`), work.fence(claim, "here"))
          )
        const old = yield* claimOne("one")
        yield* write(old, "mine")
        yield* silenced("a")
        const current = yield* claimOne("two")
        const refused = yield* Effect.flip(write(old, "late"))
        assert.instanceOf(refused, work.FenceLost)
        assert.deepInclude(refused, { key: "a", site: "here" })
        yield* write(current, "theirs")
        assert.deepStrictEqual(yield* rows(sql`select text from writes`), [{ text: "mine" }, { text: "theirs" }])
        assert.deepStrictEqual(yield* work.complete(PROBE, [settled(old)]), [old])
        assert.strictEqual((yield* workOf("a", PROBE)).owner, "two")
        assert.deepStrictEqual(yield* work.complete(PROBE, [settled(old), settled(current)]), [])
        assert.isNull((yield* workOf("a", PROBE)).owner)
      })
    )

    it.effect("fences of an older epoch are dead: their writes, heartbeats and completions are refused", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["a"])
        const old = yield* claimOne("one")
        yield* rows(sql`update driftless_instance set boot = boot + 1`)
        assert.instanceOf(yield* Effect.flip(work.fence(old, "test")), work.FenceLost)
        assert.strictEqual((yield* work.heartbeat(PROBE, [old])).size, 0)
        assert.deepStrictEqual(yield* work.lost(PROBE, [old]), [old])
        assert.deepStrictEqual(yield* work.complete(PROBE, [settled(old)]), [old])
        yield* silenced("a")
        yield* work.fence(yield* claimOne("one"), "test")
      })
    )

    it.effect("a key is not taken over while a write of its dead owner may still land", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["a"])
        const claim = yield* claimOne("one")
        yield* work.fence(claim, "test", { write: "opens", within: Duration.seconds(40) })
        const opened = yield* workOf("a", PROBE)
        assert.isAbove(opened.due_in, 39)
        yield* work.heartbeat(PROBE, [claim])
        assert.isAtLeast((yield* workOf("a", PROBE)).due_at.getTime(), opened.write_until?.getTime() ?? Infinity)
        yield* work.fence(claim, "test")
        assert.deepStrictEqual((yield* workOf("a", PROBE)).write_until, opened.write_until)
        yield* work.fence(claim, "test", { write: "answered" })
        assert.isNull((yield* workOf("a", PROBE)).write_until)
        assert.isAtMost((yield* workOf("a", PROBE)).due_in, 15)
      })
    )

    it.effect("a graceful release and a completion make a key due, but no sooner than its open write ends", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["closed", "done", "open"])
        const claims = yield* work.claim(PROBE, "one", 3)
        const named = (key: string) => claims.find((claim) => claim.key === key)!
        for (const key of ["open", "done"]) {
          yield* work.fence(named(key), "test", { write: "opens", within: Duration.seconds(8) })
        }
        yield* work.complete(PROBE, [{ ...settled(named("done")), delay: Duration.zero }])
        yield* work.release(PROBE, "one")
        for (const key of ["open", "done"]) {
          const { due_at, owner, write_until } = yield* workOf(key, PROBE)
          assert.isNull(owner)
          assert.strictEqual(due_at.getTime(), write_until?.getTime())
        }
        assert.isAtMost((yield* workOf("closed", PROBE)).due_in, 0)
        assert.deepStrictEqual(
          (yield* work.claim(PROBE, "two", 3)).map(({ key }) => key),
          ["closed"]
        )
      })
    )

    it.effect("a release gives back one reconciler's keys, not those that the process holds for another", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["a"])
        yield* rows(sql`insert into reconcile_work (reconciler, key, due_at) values ('other', 'a', driftless_now())`)
        yield* work.claim(PROBE, "one", 1)
        yield* work.claim("other", "one", 1)
        yield* work.release(PROBE, "one")
        assert.isNull((yield* workOf("a", PROBE)).owner)
        assert.strictEqual((yield* workOf("a", "other")).owner, "one")
      })
    )

    it.effect("a completion does not overwrite the due time of an edit made meanwhile", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["edited", "left"])
        const claims = yield* work.claim(PROBE, "one", 2)
        yield* changed("edited")
        yield* work.complete(PROBE, claims.map(settled))
        const edited = yield* workOf("edited", PROBE)
        assert.isAtMost(edited.due_in, 0)
        assert.deepInclude(edited, { generation: 2, observed: 1, priority: 100, owner: null })
        const left = yield* workOf("left", PROBE)
        assert.isAbove(left.due_in, 3590)
        assert.deepInclude(left, { generation: 1, observed: 1, priority: -100, attempts: 0 })
      })
    )

    it.effect("a completion keeps one condition a key: since when, of which generation, gone with success", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["a"])
        const condition = row(sql<{ reason: string; since: Date; observed_generation: number }>`
          select reason, since, observed_generation from reconcile_conditions`)
        const pass = Effect.fnUntraced(function* (completion: (claim: work.Claim) => work.Completion) {
          yield* silenced("a")
          yield* work.complete(PROBE, [completion(yield* claimOne("one"))])
        })
        yield* pass((claim) => failed(claim, "Outage"))
        const first = yield* condition
        yield* changed("a")
        yield* pass((claim) => failed(claim, "Outage"))
        const second = yield* condition
        assert.strictEqual(second.since.getTime(), first.since.getTime())
        assert.deepStrictEqual([first.observed_generation, second.observed_generation], [1, 2])
        assert.strictEqual((yield* workOf("a", PROBE)).observed, 0)
        yield* pass((claim) => failed(claim, "RateLimited"))
        assert.isAbove((yield* condition).since.getTime(), first.since.getTime())
        yield* pass(settled)
        assert.deepStrictEqual(yield* rows(sql`select * from reconcile_conditions`), [])
      })
    )

    it.effect("a message that PostgreSQL cannot store does not hold up the completions beside it", () =>
      Effect.gen(function* () {
        yield* emptyWork
        yield* due(["bad", "good"])
        const claims = yield* work.claim(PROBE, "one", 2)
        const completions = claims.map((claim) =>
          claim.key === "good"
            ? settled(claim)
            : {
                ...failed(claim),
                condition: { stalled: false, reason: "Failed", message: `a\u0000b${"x".repeat(9000)}` }
              }
        )
        assert.deepStrictEqual(yield* work.complete(PROBE, completions), [])
      })
    )
  })
})
