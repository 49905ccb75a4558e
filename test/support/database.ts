/**
 * Databases for test files: on a real PostgreSQL (one for each file, from a migrated template, dropped at its end),
 * or embedded in memory. The clock of all SQL can be set where a connection is the only one.
 */
import { Context, type Duration, Effect, Layer, Redacted, References, Schedule } from "effect"
import { sql } from "kysely"
import { randomBytes } from "node:crypto"
import { inject } from "vitest"
import { Database } from "../../src/database/database.ts"
import { migrate } from "../../src/database/migrate.ts"
import { layerMemory } from "../../src/database/pglite.ts"
import { layerPostgres } from "../../src/database/postgres.ts"
import { execute } from "./postgres.ts"
import type { Offer, Tier } from "./postgres-global.ts"

/** URL of the file's database on a real PostgreSQL. */
export class DatabaseUrl extends Context.Service<DatabaseUrl, Redacted.Redacted<string>>()("test/DatabaseUrl") {}

/** Asks for a server; the first to ask waits until it is started. */
export const offerOf = async (tier: Tier): Promise<Offer> => {
  const answer = await fetch(`${inject("postgres")}/${tier}`)
  return (await answer.json()) as Offer
}

/** The server for tests that need concurrency and no particular version. */
export const anyPostgres = async (): Promise<Offer> => {
  const given = await offerOf("given")
  if (given.missing === undefined) return given
  const npm = await offerOf("npm")
  if (npm.missing === undefined) return npm
  const debian = await offerOf("debian")
  return debian.missing === undefined ? debian : { tier: "npm", missing: `${npm.missing}; ${debian.missing}` }
}

/** What a suite adds to its name when it is skipped, so that the report says why. */
export const skipped = ({ missing }: Offer): string => (missing === undefined ? "" : ` (skipped: ${missing})`)

/** Tests make failures on purpose; what the program says of them is looked at where it matters. */
const quiet = Layer.succeed(References.MinimumLogLevel, "None")

/** A fresh migrated database; its pool has `poolSize` connections. */
export const layerFresh = (offer: Offer, poolSize = 10) =>
  Layer.effect(DatabaseUrl, freshUrl(offer)).pipe(
    Layer.flatMap((context) =>
      Layer.mergeAll(
        Layer.succeedContext(context),
        quiet,
        layerPostgres({ url: Context.get(context, DatabaseUrl), poolSize })
      )
    )
  )

/** A database from the template, or an empty one, dropped with the scope although somebody may still be connected. */
export const freshUrl = (offer: Offer, from: "template" | "empty" = "template") =>
  Effect.gen(function* () {
    if (offer.missing !== undefined) return yield* Effect.die(new Error(offer.missing))
    const { admin, template } = offer
    const name = `driftless_${randomBytes(6).toString("hex")}`
    yield* Effect.acquireRelease(
      Effect.promise(() =>
        execute(admin, `create database ${name}${from === "template" ? ` template ${template}` : ""}`)
      ),
      () => Effect.promise(() => execute(admin, `drop database ${name} with (force)`))
    )
    return Redacted.make(Object.assign(new URL(admin), { pathname: `/${name}` }).href)
  })

/** Another pool on the file's database, as another replica has one; closed with the scope. */
export const anotherPool = Effect.fnUntraced(function* (poolSize = 3) {
  return yield* poolOf(yield* DatabaseUrl, poolSize)
})

export const poolOf = Effect.fnUntraced(function* (url: Redacted.Redacted, poolSize = 3) {
  return Context.get(yield* Layer.build(Layer.fresh(layerPostgres({ url, poolSize }))), Database)
})

/** Embedded, in memory, migrated. */
export const layerEmbedded = Layer.effectDiscard(migrate()).pipe(Layer.provideMerge(layerMemory), Layer.merge(quiet))

/** Makes all SQL of the embedded database believe that it is `time`: it has one session, so this reaches all of it. */
export const setTime = Effect.fnUntraced(function* (time: Date) {
  const { query } = yield* Database
  yield* query("test.time", (db) => sql`select set_config('driftless.now', ${time.toISOString()}, false)`.execute(db))
})

/** Rows of one statement of the test itself. */
export const rows = Effect.fnUntraced(function* <A>(statement: ReturnType<typeof sql<A>>) {
  const { query } = yield* Database
  return (yield* query("test", (db) => statement.execute(db))).rows
})

export const row = Effect.fnUntraced(function* <A>(statement: ReturnType<typeof sql<A>>) {
  const [first, ...rest] = yield* rows(statement)
  if (first === undefined || rest.length > 0)
    return yield* Effect.die(new Error(`expected one row, got ${rest.length + (first ? 1 : 0)}`))
  return first
})

/** Looks again and again until it is so, for at most `bound`; answers what it saw last. */
export const eventually = <A, E, R>(
  look: Effect.Effect<A, E, R>,
  isSo: (seen: A) => boolean,
  bound: Duration.Input = "20 seconds"
) =>
  look.pipe(
    Effect.repeat({ until: isSo, schedule: Schedule.spaced("10 millis") }),
    Effect.timeoutOrElse({
      duration: bound,
      orElse: () => Effect.flatMap(look, (seen) => Effect.die(new Error(`still not so: ${JSON.stringify(seen)}`)))
    })
  )

/** Empties what tests write, so that they share one database. */
export const emptied = Effect.asVoid(
  rows(sql`truncate dns_records, dns_ledger, dns_tombstones, domain_dns_providers, domains, api_keys, manifests, api_budgets,
    reconcile_work, reconcile_conditions, api_tokens restart identity cascade`)
)
