/** The `Database` over PostgreSQL 15 or newer: a pool for statements, a connection of its own for LISTEN. */
import { Cause, Duration, Effect, Layer, Queue, Redacted, Stream } from "effect"
import { Kysely, PostgresDialect } from "kysely"
import { Socket } from "node:net"
import pg from "pg"
import { Database, DatabaseError, makeDatabase, toDatabaseError } from "./database.ts"
import type { Tables } from "./tables.ts"

export interface PostgresOptions {
  readonly url: Redacted.Redacted<string>
  readonly poolSize: number
  /** A server that says nothing for so long in the middle of a statement is gone. */
  readonly silence?: Duration.Duration
}

/** A stopped replica cannot hold a zone longer than this, and nobody waits longer for a lock. */
const SESSION = "set idle_in_transaction_session_timeout = '5s'; set lock_timeout = '5s'; set statement_timeout = '30s'"

/** More than a statement may take. A host that vanished resets nothing, and the kernel would wait for it for 15 minutes. */
const SILENCE = Duration.seconds(35)

/** Also where no statement runs, and for one that has no bound. */
const KEEP_ALIVE = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 }

/** How often the LISTEN connection proves that notices still come through it. */
const SELF_TEST = Duration.seconds(10)

export const layerPostgres = ({ poolSize, silence = SILENCE, url }: PostgresOptions) =>
  Layer.effect(
    Database,
    Effect.gen(function* () {
      const pool = yield* Effect.acquireRelease(
        Effect.sync(() => openPool(Redacted.value(url), poolSize, silence)),
        (pool) => farewell(() => pool.end())
      )
      const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) })
      yield* refuseOldServers(pool)
      return makeDatabase("postgres", kysely, (channel) => listen(Redacted.value(url), channel))
    })
  )

/** A server that has fallen silent does not say goodbye, and must not hold up a stop. */
const farewell = (end: () => Promise<unknown>) =>
  Effect.promise(() => end().catch(() => undefined)).pipe(Effect.interruptible, Effect.timeoutOption(PATIENCE))

const PATIENCE = Duration.millis(500)

/** Over one connection whose statements take as long as they take. */
export const layerMigrations = (url: Redacted.Redacted) =>
  layerPostgres({ url, poolSize: 1, silence: Duration.infinity })

const openPool = (connectionString: string, max: number, silence: Duration.Duration) => {
  const pool = new pg.Pool({
    connectionString,
    max,
    application_name: "driftless",
    connectionTimeoutMillis: 10_000,
    ...KEEP_ALIVE,
    types: { getTypeParser: typeParser },
    // Before anybody gets a new connection; one that does not take the settings is closed.
    verify: (client, done) => client.query(SESSION, (error) => done(error ?? undefined))
  })
  // An idle connection that breaks is replaced by the pool; nobody waits for it.
  pool.on("error", () => undefined)
  // One that breaks in use fails its statement, or the next one; the event says so again, and unheard would end us.
  pool.on("connect", (client) => {
    client.on("error", () => undefined)
    endWhenSilent(client, silence)
  })
  return pool
}

/** By closing the socket: whoever waits for the statement hears of it, and the pool makes another connection. */
const endWhenSilent = ({ connection: { stream } }: pg.Client, silence: Duration.Duration) => {
  if (!(stream instanceof Socket) || !Duration.isFinite(silence)) return
  stream.setTimeout(Duration.toMillis(silence), () =>
    stream.destroy(new Error(`the server has said nothing for ${Duration.format(silence)}`))
  )
}

// Ids and counters are far below 2^53.
const typeParser = ((oid: number, format?: "text" | "binary") =>
  oid === pg.types.builtins.INT8 && format !== "binary"
    ? Number
    : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser

const refuseOldServers = (pool: pg.Pool) =>
  Effect.gen(function* () {
    const { rows } = yield* Effect.tryPromise({
      try: () => pool.query<{ server_version_num: string }>("show server_version_num"),
      catch: toDatabaseError("connect")
    })
    const version = Number(rows[0]?.server_version_num ?? 0)
    if (version >= 150_000) return
    return yield* new DatabaseError({
      operation: "connect",
      cause: new Error(`PostgreSQL ${Math.floor(version / 10_000)} is too old: Driftless needs 15 or newer`)
    })
  })

/**
 * Notices of a channel until the connection is lost, which fails the stream. What a lost connection missed is
 * said by the empty payload that each begins with once it has heard itself, so that the reader looks for itself.
 */
const listen = (connectionString: string, channel: string): Stream.Stream<string, DatabaseError> =>
  Stream.callback<string, DatabaseError>((queue) =>
    Effect.gen(function* () {
      const client = yield* Effect.acquireRelease(
        Effect.sync(
          () =>
            new pg.Client({
              connectionString,
              application_name: `driftless ${channel}`,
              ...KEEP_ALIVE,
              connectionTimeoutMillis: 10_000
            })
        ),
        (client) => farewell(() => client.end())
      )
      const fail = (cause: unknown) => Queue.failCauseUnsafe(queue, Cause.fail(toDatabaseError("listen")(cause)))
      let heard = 0
      client.on("error", fail)
      client.on("end", () => fail(new Error("the connection ended")))
      client.on("notification", ({ payload }) => {
        heard++
        if (heard === 1) Queue.offerUnsafe(queue, "")
        if (payload !== SELF_TEST_PAYLOAD) Queue.offerUnsafe(queue, payload ?? "")
      })
      yield* Effect.tryPromise({
        try: async () => {
          await client.connect()
          endWhenSilent(client, SILENCE)
          await client.query(`listen ${pg.escapeIdentifier(channel)}`)
        },
        catch: toDatabaseError("listen")
      })
      // A proxy in transaction mode accepts LISTEN and never delivers: only hearing oneself proves it.
      return yield* Effect.gen(function* () {
        const before = heard
        // Beside the wait: a server that is gone does not even answer.
        client.query("select pg_notify($1, $2)", [channel, SELF_TEST_PAYLOAD]).catch(fail)
        yield* Effect.sleep(SELF_TEST)
        if (heard === before) fail(new Error("LISTEN did not hear its own notice"))
      }).pipe(Effect.forever)
    }).pipe(Effect.catch((error) => Effect.sync(() => Queue.failCauseUnsafe(queue, Cause.fail(error)))))
  )

const SELF_TEST_PAYLOAD = "self-test"
