/** Statements whose text is put together once. */
import type { Vitest } from "@effect/vitest"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { Database } from "../../src/database/database.ts"
import { statement } from "../../src/database/statement.ts"

const joined = Effect.fnUntraced(function* (a: number, b: number, c: number) {
  const { query } = yield* Database
  const { rows } = yield* query(
    "joined",
    (db) => statement<{ text: string }>(db)`select ${a}::text || ${b}::text || ${c}::text || ${a}::text as text`
  )
  return rows[0]?.text
})

export const statementContract = (it: Vitest.MethodsNonLive<Database>) => {
  it.effect("a statement takes the values of each call, in and outside of a transaction", () =>
    Effect.gen(function* () {
      const { transaction } = yield* Database
      assert.strictEqual(yield* joined(1, 2, 3), "1231")
      assert.strictEqual(yield* joined(4, 5, 6), "4564")
      assert.strictEqual(yield* transaction("joined", joined(7, 8, 9)), "7897")
    })
  )

  it.effect("statements of different places do not get into each other's way, with parameters or without", () =>
    Effect.gen(function* () {
      const { query } = yield* Database
      const first = yield* query("first", (db) => statement<{ n: number }>(db)`select ${1}::int as n`)
      const second = yield* query("second", (db) => statement<{ n: number }>(db)`select ${1}::int + 1 as n`)
      const third = yield* query("third", (db) => statement<{ n: number }>(db)`select 3 as n`)
      assert.deepStrictEqual([...first.rows, ...second.rows, ...third.rows], [{ n: 1 }, { n: 2 }, { n: 3 }])
    })
  )
}
