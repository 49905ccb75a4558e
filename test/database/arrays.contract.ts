/** Arrays as text, against what the database itself makes of them. */
import type { Vitest } from "@effect/vitest"
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { sql } from "kysely"
import { column, numbers, texts } from "../../src/database/arrays.ts"
import type { Database } from "../../src/database/database.ts"
import { row } from "../support/database.ts"

const PLAIN = ["1", "example.com", "Ärger/名前", "a'b:c$1"]
const SPECIAL = [
  "",
  " ",
  "a,b",
  "{}",
  "NULL",
  "null",
  'say "no"',
  "back\\slash",
  "\\",
  '"',
  "new\nline\ttab",
  "\u0001",
  "😀"
]

export const arraysContract = (it: Vitest.MethodsNonLive<Database>) => {
  it.effect("texts come back from an array as they went into it, whatever they contain", () =>
    Effect.gen(function* () {
      for (const values of [PLAIN, SPECIAL, [...SPECIAL, ...PLAIN], ["one"], [""], []]) {
        const parameter = column(values, (value) => value)
        const { kept, answer } = yield* row(sql<{ kept: ReadonlyArray<string>; answer: string }>`
          select ${parameter}::text[] as kept, ${parameter}::text[]::text as answer`)
        assert.deepStrictEqual(kept, values)
        assert.deepStrictEqual(texts(answer), values)
      }
    })
  )

  it.effect("numbers come back from an array as they went into it", () =>
    Effect.gen(function* () {
      const values = [0, -1, 0.1, 1e-7, 123456.789, 1e21, 2 ** 53 - 1]
      const { answer } = yield* row(sql<{ answer: string }>`
        select ${column(values, (value) => value)}::float8[]::text as answer`)
      assert.deepStrictEqual(numbers(answer), values)
      assert.deepStrictEqual(numbers("{}"), [])
    })
  )

  it.effect("null is NULL beside values of every type, also where the others need to be escaped", () =>
    Effect.gen(function* () {
      const mixed = [
        { text: 'a"', flag: true, number: 1 },
        { text: null, flag: null, number: null }
      ]
      const answer = yield* row(sql`select ${column(mixed, ({ text }) => text)}::text[] as texts,
        ${column(mixed, ({ flag }) => flag)}::boolean[] as flags, ${column(mixed, ({ number }) => number)}::int[] as numbers`)
      assert.deepStrictEqual(answer, { texts: ['a"', null], flags: [true, null], numbers: [1, null] })
    })
  )

  it.effect("a column without any value is filled up with NULLs beside the others", () =>
    Effect.gen(function* () {
      const answer = yield* row(sql`select array_agg(i) as pairs from (
        select key || coalesce(reason, ' without') as i
        from unnest(${column(["a", "b"], (key) => key)}::text[], ${column(["a", "b"], () => null)}::text[]) as u (key, reason)) i`)
      assert.deepStrictEqual(answer, { pairs: ["a without", "b without"] })
    })
  )

  it.effect("an aggregate of no rows has no elements", () =>
    Effect.gen(function* () {
      const { keys } = yield* row(sql<{ keys: string | null }>`
        select array_agg(key)::text as keys from (values ('a')) as v (key) where false`)
      assert.isNull(keys)
      assert.deepStrictEqual(texts(keys), [])
      assert.deepStrictEqual(numbers(keys), [])
    })
  )
}
