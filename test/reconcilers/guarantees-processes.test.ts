/** Replicas in processes of their own that are killed, stopped and told to end, on one real PostgreSQL. */
import { assert, describe, layer } from "@effect/vitest"
import { Clock, Effect, Redacted } from "effect"
import { sql } from "kysely"
import { anyPostgres, DatabaseUrl, eventually, layerFresh, row, rows, skipped } from "../support/database.ts"
import { line, start } from "../support/database-processes.ts"
import { due, emptyWork } from "../support/database-work.ts"

const offer = await anyPostgres()
const probe = Effect.fnUntraced(function* (owner: string, concurrency: number) {
  return yield* start("postgres-probe-process.ts", Redacted.value(yield* DatabaseUrl), owner, String(concurrency))
})
const begin = Effect.gen(function* () {
  yield* emptyWork
  yield* rows(sql`drop table if exists passes, gate`)
  yield* rows(sql`create table gate (key text primary key)`)
  yield* rows(sql`create table passes (id bigint generated always as identity, key text not null, owner text not null,
    event text not null, takeover boolean not null, at timestamptz not null default clock_timestamp())`)
})
const keysOf = (owner: string) =>
  rows(sql<{ key: string }>`select key from reconcile_work where owner = ${owner} order by key`).pipe(
    Effect.map((found) => found.map(({ key }) => key))
  )

describe.skipIf(offer.missing)(`replicas in processes of their own${skipped(offer)}`, () => {
  layer(layerFresh(offer), { excludeTestServices: true })((it) => {
    it.effect(
      "G1: a key of a killed or a stopped process is taken over when its lease is over, and the stopped one cannot write",
      () =>
        Effect.gen(function* () {
          yield* begin
          const keys = ["a", "b", "c", "d", "e", "f"]
          yield* due(keys)
          const killed = yield* probe("killed", 3)
          const paused = yield* probe("paused", 3)
          for (const each of [killed, paused]) for (let i = 0; i < 3; i++) yield* line(each, "begin")
          const held = { killed: yield* keysOf("killed"), paused: yield* keysOf("paused") }
          assert.deepStrictEqual([...held.killed, ...held.paused].toSorted(), keys)

          yield* killed.signal("SIGKILL")
          yield* paused.signal("SIGSTOP")
          const { ends } = yield* row(sql<{ ends: Date }>`select min(due_at) as ends from reconcile_work`)
          const survivor = yield* probe("survivor", 10)
          for (let i = 0; i < 6; i++) yield* line(survivor, "begin")
          const taken = yield* rows(sql<{ key: string; takeover: boolean; at: Date }>`
          select key, takeover, at from passes where owner = 'survivor' order by key`)
          assert.deepStrictEqual(
            taken.map(({ key }) => key),
            keys
          )
          for (const { at, takeover } of taken) {
            assert.isTrue(takeover)
            assert.isAtLeast(at.getTime(), ends.getTime())
          }

          // The gate opens while the stopped process sleeps, so that it wants to write when it wakes.
          yield* rows(sql`insert into gate select * from unnest(${keys}::text[])`)
          for (let i = 0; i < 6; i++) yield* line(survivor, "end")
          yield* paused.signal("SIGCONT")
          for (let i = 0; i < 3; i++) assert.match(yield* line(paused, "refused"), /^refused FenceLost/u)
          const written = yield* rows(sql`select key, owner from passes where event <> 'begin' order by key`)
          assert.deepStrictEqual(
            written,
            keys.map((key) => ({ key, owner: "survivor" }))
          )
          yield* eventually(
            rows(sql`select key from reconcile_work where observed = 0 or owner is not null`),
            (found) => found.length === 0
          )
        })
    )

    it.effect("SIGTERM ends a process within ten seconds, and its keys are free at once", () =>
      Effect.gen(function* () {
        yield* begin
        yield* due(["a", "b"])
        const leaving = yield* probe("leaving", 2)
        for (let i = 0; i < 2; i++) yield* line(leaving, "begin")
        const told = yield* Clock.currentTimeMillis
        yield* leaving.signal("SIGTERM")
        const { errors } = yield* leaving.ended
        assert.isBelow((yield* Clock.currentTimeMillis) - told, 10_000, errors)
        assert.deepStrictEqual(yield* rows(sql`select owner, due_at <= driftless_now() as due from reconcile_work`), [
          { owner: null, due: true },
          { owner: null, due: true }
        ])
        const next = yield* probe("next", 2)
        for (let i = 0; i < 2; i++) yield* line(next, "begin")
        assert.deepStrictEqual(yield* rows(sql`select takeover from passes where owner = 'next'`), [
          { takeover: false },
          { takeover: false }
        ])
      })
    )

    it.effect("SIGTERM lets the passes end that can", () =>
      Effect.gen(function* () {
        yield* begin
        yield* due(["a"])
        const leaving = yield* probe("leaving", 1)
        yield* line(leaving, "begin")
        yield* leaving.signal("SIGTERM")
        yield* rows(sql`insert into gate values ('a')`)
        yield* line(leaving, "end")
        yield* leaving.ended
        assert.deepStrictEqual(yield* rows(sql`select owner, observed from reconcile_work`), [
          { owner: null, observed: 1 }
        ])
      })
    )
  })
})
