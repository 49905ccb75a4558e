/**
 * The statements that the product sends, as text: taken from the product's own functions while they run on a
 * connection that goes nowhere, so that what pgbench runs cannot drift from what the product runs.
 */
import { Effect, Stream } from "effect"
import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler
} from "kysely"
import { Database, makeDatabase } from "../src/database/database.ts"
import type { Tables } from "../src/database/tables.ts"

/** What `run` sends, in order. Every statement answers no rows. */
export const statementsOf = <A, E>(
  run: Effect.Effect<A, E, Database>
): Effect.Effect<ReadonlyArray<CompiledQuery>, E> =>
  Effect.suspend(() => {
    const sent: Array<CompiledQuery> = []
    const kysely = new Kysely<Tables>({
      dialect: {
        createAdapter: () => new PostgresAdapter(),
        createDriver: () => new DummyDriver(),
        createIntrospector: (db) => new PostgresIntrospector(db),
        createQueryCompiler: () => new PostgresQueryCompiler()
      },
      log: ({ query }) => void sent.push(query)
    })
    const nowhere = makeDatabase("postgres", kysely, () => Stream.empty)
    return Effect.as(Effect.provideService(run, Database, nowhere), sent)
  })

/** A statement for pgbench: its parameters become pgbench variables, so that they are sent as parameters there too. */
export interface Script {
  readonly text: string
  /** For `--define`. */
  readonly variables: Readonly<Record<string, string>>
}

/**
 * `name` keeps apart the variables of several statements of one script. A parameter that equals one of `known` is
 * read from the variable of that name, which an earlier statement of the script has set.
 */
export const scriptOf = (
  { parameters, sql }: CompiledQuery,
  name: string,
  known: Readonly<Record<string, unknown>>
): Script => {
  const variables: Record<string, string> = {}
  const setEarlier = new Map(Object.entries(known).map(([variable, value]) => [literalOf(value), variable]))
  const text = sql.replaceAll(/\$(\d+)/gu, (_, number: string) => {
    const value = literalOf(parameters[Number(number) - 1])
    const earlier = setEarlier.get(value)
    if (earlier !== undefined) return `:${earlier}`
    variables[`${name}${number}`] = value
    return `:${name}${number}`
  })
  const unused = Object.keys(known).filter((variable) => !text.includes(`:${variable}:`))
  if (unused.length > 0) throw new Error(`${name} no longer has a parameter for: ${unused.join(", ")}`)
  return { text: text.replaceAll(/\s+/gu, " ").trim(), variables }
}

/** A parameter as text; arrays in PostgreSQL's notation, as the product writes those that it does not leave to `pg`. */
const literalOf = (value: unknown): string =>
  Array.isArray(value) ? `{${value.map(elementOf).join(",")}}` : String(value)

const elementOf = (item: unknown) => (item === null ? "NULL" : JSON.stringify(item))
