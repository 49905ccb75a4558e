/** Metrics and health on a port of their own, for machines: no token is asked for, and nothing there is secret. */
import { Duration, Effect, Layer } from "effect"
import { HttpRouter, HttpServerResponse } from "effect/http"
import { sql } from "kysely"
import { Database } from "../database/database.ts"
import { migrations } from "../database/migrate.ts"
import { Metrics } from "../metrics.ts"
import { type Listen, listening, server } from "./server.ts"

export interface HealthOptions extends Listen {
  /** Whether the API answers. */
  readonly apiListens: Effect.Effect<boolean>
}

/** Needs `Database` and `Metrics`. An unreachable provider makes nothing here unready. */
export const layer = ({ apiListens, host, onListening = () => Effect.void, port }: HealthOptions) =>
  listening(onListening).pipe(
    Layer.provideMerge(HttpRouter.serve(routes(apiListens), { disableLogger: true, disableListenLog: true })),
    Layer.provide(server({ host, port }))
  )

const routes = (apiListens: Effect.Effect<boolean>) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const database = yield* Database
      const metrics = yield* Metrics
      const ready = readiness(apiListens).pipe(Effect.provideService(Database, database))
      yield* router.add("GET", "/healthz", HttpServerResponse.text("ok\n"))
      yield* router.add(
        "GET",
        "/readyz",
        Effect.map(ready, (why) =>
          why === undefined ? HttpServerResponse.text("ok\n") : HttpServerResponse.text(`${why}\n`, { status: 503 })
        )
      )
      yield* router.add(
        "GET",
        "/metrics",
        Effect.map(metrics.expose, (text) =>
          HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" })
        )
      )
    })
  )

/** Undefined when all is well, else what is not. */
const readiness = Effect.fnUntraced(function* (apiListens: Effect.Effect<boolean>) {
  if (!(yield* apiListens)) return "the API does not listen yet"
  return yield* migrated().pipe(
    Effect.map((done) => (done ? undefined : "the database is not migrated yet")),
    Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.succeed("the database does not answer") }),
    Effect.orElseSucceed(() => "the database cannot be reached")
  )
})

const migrated = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  const names = migrations().map(({ name }) => name)
  const { rows } = yield* query("health.migrated", (db) =>
    sql<{ applied: number }>`
      select count(*) as applied from driftless_migrations where name = any(${names}::text[])`.execute(db)
  )
  return rows[0]?.applied === names.length
})

const PATIENCE = Duration.seconds(2)
