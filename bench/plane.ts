/** The whole control plane in this process, as `driftless serve` composes it, over PostgreSQL or embedded, with one zone. */
import { Clock, Effect, Layer, Redacted } from "effect"
import { sql } from "kysely"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { readSettings } from "../src/config.ts"
import { Database } from "../src/database/database.ts"
import { Wakes } from "../src/database/wake.ts"
import * as logging from "../src/logging.ts"
import { controlPlane } from "../src/main.ts"
import { freshDatabase, type Postgres } from "./server.ts"
import { type Simulator, TOKEN, ZONE } from "./simulator.ts"

export type Backend = "PostgreSQL" | "PGlite"

/** Everything in a fresh database; provides what the stores need. */
export const layerPlane = (backend: Backend, server: Postgres, simulator: Simulator) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const directory = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "driftless-bench-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
      )
      const url = backend === "PostgreSQL" ? Redacted.value(yield* freshDatabase(server)) : undefined
      const environment = {
        DATABASE_URL: url,
        DRIFTLESS_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
        DRIFTLESS_DATA_DIR: directory,
        DRIFTLESS_API_PORT: "0",
        DRIFTLESS_METRICS_PORT: "0",
        CLOUDFLARE_BASE_URL: simulator.url,
        CLOUDFLARE_API_TOKEN: TOKEN
      }
      const settings = yield* Effect.fromResult(readSettings(environment))
      return controlPlane(settings, environment, { onListening: () => Effect.void })
    })
  ).pipe(Layer.provide(logging.layer({ format: "json", level: "error" })))

/** Rows of one transaction, by SQL as the seed does it, and the hint that the API sends after its own. */
export const change = Effect.fnUntraced(function* (...statements: ReadonlyArray<ReturnType<typeof sql>>) {
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  yield* transaction(
    "bench.change",
    Effect.gen(function* () {
      for (const statement of statements) yield* query("bench.change", (db) => statement.execute(db))
      yield* wakes.send("dns")
    })
  )
})

/** The zone with its credential and `records` A records, none of them at the provider yet. */
export const createZone = (records: number) =>
  change(
    sql`with domain as (insert into domains (domain) values (${ZONE}) returning id),
        key as (insert into api_keys (name, token_from) values ('bench', 'env:CLOUDFLARE_API_TOKEN') returning id)
      insert into domain_dns_providers (domain_id, api_key_id) select domain.id, key.id from domain, key`,
    sql`insert into dns_records (domain_id, type, name, value)
      select domains.id, 'A', 'host-' || n, '192.0.2.' || n % 250 from domains, generate_series(1, ${records}::int) n`
  )

/** Waits until no row waits for the provider; fails when one was rejected or after two minutes. */
export const converged = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  const look = Effect.gen(function* () {
    const { rows } = yield* query("bench.waiting", (db) =>
      sql<{ waiting: number; rejected: string | null }>`
        select count(*) filter (where observed_generation < generation or drifted) as waiting, max(nullif(last_error, '')) as rejected
        from dns_records`.execute(db)
    )
    const { rejected, waiting } = rows[0] ?? { waiting: 1, rejected: null }
    if (rejected !== null) return yield* Effect.die(new Error(`a record was rejected: ${rejected}`))
    return waiting
  })
  yield* look.pipe(
    Effect.tap((waiting) => (waiting === 0 ? Effect.void : Effect.sleep("50 millis"))),
    Effect.repeat({ until: (waiting) => waiting === 0 }),
    Effect.timeout("2 minutes")
  )
})

export interface Spent {
  readonly seconds: number
  /** Of this process: the control plane, and PGlite where it is embedded. */
  readonly cpuSeconds: number
}

/** What `body` takes. */
export const spent = Effect.fnUntraced(function* <A, E, R>(body: Effect.Effect<A, E, R>) {
  const began = yield* Clock.currentTimeMillis
  const before = process.cpuUsage()
  yield* body
  const { system, user } = process.cpuUsage(before)
  return {
    seconds: ((yield* Clock.currentTimeMillis) - began) / 1000,
    cpuSeconds: (system + user) / 1e6
  } satisfies Spent as Spent
})
