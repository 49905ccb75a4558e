/**
 * The `Database` embedded: PGlite in a data directory, for one process. It survives a killed process, not a
 * power cut (it never calls fsync), which is said at start. Nothing vacuums or checkpoints it but the timer here.
 */
import { PGlite, types } from "@electric-sql/pglite"
import { Effect, Layer, Queue, Schedule, Stream } from "effect"
import { Kysely, PGliteDialect, sql } from "kysely"
import { join } from "node:path"
import { type Connection, Database, makeDatabase, toDatabaseError } from "./database.ts"
import { lockDirectory } from "./lock.ts"
import type { Tables } from "./tables.ts"

const MAINTENANCE = Schedule.spaced("5 minutes")

/** A database in `directory`, made there when there is none. Refused while another process has it open. */
export const layerPglite = (directory: string) =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      yield* lockDirectory(directory)
      const database = yield* open(join(directory, "postgres"))
      yield* Effect.logWarning(
        `embedded database in ${directory}: it survives a crash of this process, but the last seconds may be lost ` +
          "when the machine loses power. Set DATABASE_URL to a PostgreSQL server for production"
      )
      yield* maintain(database).pipe(Effect.forkScoped)
      return database
    })
  )

/** A database in memory, gone with its scope: for tests and trials. */
export const layerMemory = Layer.effect(
  Database,
  Effect.suspend(() => open(undefined))
)

/** The service over a PGlite that somebody else opened and will close. */
export const fromPglite = (lite: PGlite): Database["Service"] =>
  makeDatabase("pglite", new Kysely<Tables>({ dialect: new PGliteDialect({ pglite: lite }) }), (channel) =>
    Stream.callback((queue) =>
      Effect.acquireRelease(
        Effect.tryPromise({
          try: () => lite.listen(channel, (payload) => void Queue.offerUnsafe(queue, payload)),
          catch: toDatabaseError("listen")
        }).pipe(Effect.tap(Effect.sync(() => Queue.offerUnsafe(queue, "")))),
        (unlisten) => Effect.promise(() => unlisten()).pipe(Effect.ignore)
      )
    )
  )

/** What PGlite parses differently from `pg` unless told. */
export const pgliteOptions = { parsers: { [types.INT8]: Number } }

function open(directory: string | undefined) {
  return Effect.acquireRelease(
    Effect.tryPromise({
      try: () => PGlite.create({ ...pgliteOptions, ...(directory === undefined ? {} : { dataDir: directory }) }),
      catch: toDatabaseError("open")
    }),
    (lite) => Effect.promise(() => (lite.closed ? Promise.resolve() : lite.close()))
  ).pipe(Effect.map(fromPglite))
}

/** VACUUM and CHECKPOINT, one statement each: they cannot run in a transaction. */
export const maintain = (database: Database["Service"]) =>
  Effect.forEach(["vacuum (analyze)", "checkpoint"], (statement) =>
    database.query("maintain", (db: Connection) => sql.raw(statement).execute(db))
  ).pipe(
    Effect.catch((error) => Effect.logWarning("maintenance of the embedded database failed", error)),
    Effect.repeat(MAINTENANCE)
  )
