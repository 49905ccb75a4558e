/** What a transaction keeps true, on every backend. */
import { assert, type Vitest } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { sql } from "kysely"
import { Database, DatabaseError } from "../../src/database/database.ts"
import { row, rows } from "../support/database.ts"

const count = row(sql<{ n: number }>`select count(*)::int as n from notes`).pipe(Effect.map(({ n }) => n))
const note = (text: string) => rows(sql`insert into notes (text) values (${text})`)
const prepared = Effect.gen(function* () {
  yield* rows(sql`drop table if exists notes`)
  yield* rows(sql`create table notes (text text not null, parent text)`)
  yield* rows(sql`alter table notes add constraint notes_once unique (text)`)
  yield* rows(sql`alter table notes add constraint notes_parent foreign key (parent) references notes (text)
    deferrable initially deferred`)
})

export const transactionContract = (it: Vitest.MethodsNonLive<Database>) => {
  it.effect("a transaction commits when its body succeeds and answers its value", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      const answer = yield* transaction("t", Effect.as(note("a"), 7))
      assert.strictEqual(answer, 7)
      assert.strictEqual(yield* count, 1)
    })
  )

  it.effect("a transaction leaves nothing behind when its body fails, and passes the failure on", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      const error = yield* Effect.flip(transaction("t", Effect.andThen(note("a"), Effect.fail("no" as const))))
      assert.strictEqual(error, "no")
      assert.strictEqual(yield* count, 0)
    })
  )

  it.effect("a transaction leaves nothing behind when its body dies", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      const exit = yield* Effect.exit(transaction("t", Effect.andThen(note("a"), Effect.die("bug"))))
      assert.strictEqual(exit._tag, "Failure")
      assert.strictEqual(yield* count, 0)
    })
  )

  it.effect("a transaction that is interrupted rolls back and frees its connection", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      // More often than a pool has connections: one that leaked each time would be missed.
      for (let i = 0; i < 15; i++) {
        const written = yield* Deferred.make<void>()
        const fiber = yield* Effect.forkChild(
          transaction(
            "t",
            Effect.andThen(note("a"), Effect.andThen(Deferred.succeed(written, undefined), Effect.never))
          )
        )
        yield* Deferred.await(written)
        yield* Fiber.interrupt(fiber)
      }
      assert.strictEqual(yield* count, 0)
    })
  )

  it.effect("a commit that fails is a failure with the constraint's name, and leaks no connection", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      for (let i = 0; i < 15; i++) {
        const error = yield* Effect.flip(
          transaction("t", rows(sql`insert into notes (text, parent) values ('child', 'nobody')`))
        )
        assert.instanceOf(error, DatabaseError)
        assert.strictEqual(error.sqlState, "23503")
        assert.strictEqual(error.constraint, "notes_parent")
      }
      assert.strictEqual(yield* count, 0)
    })
  )

  it.effect("a transaction whose statement failed does not pretend to commit when the failure is swallowed", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      const swallowing = Effect.andThen(note("a"), Effect.ignore(note("a")))
      const error = yield* Effect.flip(transaction("t", swallowing))
      assert.instanceOf(error, DatabaseError)
      assert.strictEqual(yield* count, 0)
      yield* transaction("t", note("b"))
      assert.strictEqual(yield* count, 1)
    })
  )

  it.effect("a transaction inside another joins it: the outer one decides", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      const inner = transaction("inner", note("inner"))
      yield* Effect.exit(transaction("outer", Effect.andThen(inner, Effect.fail("no"))))
      assert.strictEqual(yield* count, 0)
      yield* transaction("outer", Effect.andThen(inner, note("outer")))
      assert.strictEqual(yield* count, 2)
    })
  )

  it.effect("what was asked for after the commit runs after it, in order, and not at all without one", () =>
    Effect.gen(function* () {
      yield* prepared
      const { afterCommit, transaction } = yield* Database
      const seen: Array<string> = []
      const say = (text: string) => afterCommit(Effect.sync(() => void seen.push(text)))
      yield* Effect.exit(transaction("t", Effect.andThen(say("never"), Effect.fail("no"))))
      assert.deepStrictEqual(seen, [])
      yield* Effect.exit(
        transaction(
          "t",
          Effect.andThen(say("never"), rows(sql`insert into notes (text, parent) values ('child', 'nobody')`))
        )
      )
      assert.deepStrictEqual(seen, [])
      yield* transaction(
        "t",
        Effect.gen(function* () {
          yield* say("first")
          yield* transaction("inner", say("second"))
          seen.push("body")
        })
      )
      assert.deepStrictEqual(seen, ["body", "first", "second"])
      yield* say("outside")
      assert.deepStrictEqual(seen.at(-1), "outside")
    })
  )

  it.effect("a broken rule of the schema is told by its SQLSTATE and constraint", () =>
    Effect.gen(function* () {
      yield* prepared
      yield* note("a")
      const error = yield* Effect.flip(note("a"))
      assert.isTrue(error.isUniqueViolation)
      assert.isFalse(error.isContention)
      assert.strictEqual(error.constraint, "notes_once")
    })
  )

  it.effect("a serialization failure runs the transaction again until it succeeds", () =>
    Effect.gen(function* () {
      yield* prepared
      const { transaction } = yield* Database
      let attempts = 0
      const flaky = Effect.suspend(() =>
        Effect.andThen(
          note(`attempt ${++attempts}`),
          attempts < 3
            ? rows(sql`do $$ begin raise exception 'again' using errcode = 'serialization_failure'; end $$`)
            : Effect.void
        )
      )
      yield* transaction("t", flaky)
      assert.deepStrictEqual(yield* rows(sql`select text from notes`), [{ text: "attempt 3" }])
    })
  )

  it.effect("int8 arrives as a number, timestamps as dates, jsonb parsed, bytea as bytes", () =>
    Effect.gen(function* () {
      const got = yield* row(sql<{ big: number; counted: number; at: Date; doc: unknown; bytes: Uint8Array }>`
        select 9007199254740991::int8 as big, count(*) as counted, timestamptz '2026-01-02 03:04:05+00' as at,
          '{"a": [1]}'::jsonb as doc, '\\x0102'::bytea as bytes`)
      assert.strictEqual(got.big, Number.MAX_SAFE_INTEGER)
      assert.strictEqual(got.counted, 1)
      assert.strictEqual(got.at.toISOString(), "2026-01-02T03:04:05.000Z")
      assert.deepStrictEqual(got.doc, { a: [1] })
      assert.deepStrictEqual([...got.bytes], [1, 2])
    })
  )
}
