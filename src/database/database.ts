/**
 * PostgreSQL as Effects: one service over `pg` (postgres.ts) and the embedded PGlite (pglite.ts), same SQL.
 *
 * A transaction is one fiber's: queries inside it join it, and a nested `transaction` joins the outer one.
 * Deadlocks and serialization failures run the whole transaction again, so its body changes nothing in memory.
 */
import { Context, Effect, Schedule, Schema, type Stream } from "effect"
import { AbortedTransactionError, type ControlledTransaction, type Kysely } from "kysely"
import type { Tables } from "./tables.ts"

export class DatabaseError extends Schema.TaggedError<DatabaseError>()("DatabaseError", {
  /** Name of the statement or transaction. */
  operation: Schema.String,
  /** SQLSTATE where the server said one. */
  sqlState: Schema.optionalKey(Schema.String),
  constraint: Schema.optionalKey(Schema.String),
  cause: Schema.Defect()
}) {
  override get message() {
    const text = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `${this.operation}: ${this.sqlState === undefined ? "" : `${this.sqlState} `}${text}`
  }
  /** True when running the same transaction again can help: deadlock, serialization failure. */
  get isContention() {
    return this.sqlState === "40001" || this.sqlState === "40P01"
  }
  get isUniqueViolation() {
    return this.sqlState === "23505"
  }
}

export type Connection = Kysely<Tables>

export class Database extends Context.Service<
  Database,
  {
    readonly backend: "postgres" | "pglite"
    /** Runs statements on the transaction we are inside, else on the pool. */
    query<A>(operation: string, run: (db: Connection) => Promise<A>): Effect.Effect<A, DatabaseError>
    /** Everything inside commits together or not at all. */
    transaction<A, E, R>(operation: string, body: Effect.Effect<A, E, R>): Effect.Effect<A, E | DatabaseError, R>
    /** Runs once the transaction we are inside has committed (never if it has not); at once outside of one. */
    afterCommit(effect: Effect.Effect<void>): Effect.Effect<void>
    /** Payloads of a channel from now on; the empty payload says "listening from here", after each (re)connect. */
    listen(channel: string): Stream.Stream<string, DatabaseError>
  }
>()("driftless/database/Database") {}

export const toDatabaseError =
  (operation: string) =>
  (cause: unknown): DatabaseError => {
    const { code, constraint } = (typeof cause === "object" && cause !== null ? cause : {}) as {
      readonly code?: unknown
      readonly constraint?: unknown
    }
    return new DatabaseError({
      operation,
      cause,
      ...(typeof code === "string" ? { sqlState: code } : {}),
      ...(typeof constraint === "string" ? { constraint } : {})
    })
  }

interface Open {
  readonly connection: ControlledTransaction<Tables>
  readonly afterCommit: Array<Effect.Effect<void>>
}

const Current = Context.Reference<Open | undefined>("driftless/database/Current", { defaultValue: () => undefined })

const contention = Schedule.exponential("10 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 5 }))

/** The service over an open Kysely; the two backends differ only in how that is opened and how they listen. */
export const makeDatabase = (
  backend: "postgres" | "pglite",
  pool: Connection,
  listen: Database["Service"]["listen"]
): Database["Service"] => {
  const once = <A, E, R>(operation: string, body: Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.tryPromise({
        try: () => pool.startTransaction().execute(),
        catch: toDatabaseError(`${operation}.begin`)
      }).pipe(Effect.map((connection): Open => ({ connection, afterCommit: [] }))),
      (open) =>
        Effect.provideService(body, Current, open).pipe(Effect.map((value) => ({ value, after: open.afterCommit }))),
      ({ connection }, exit) =>
        Effect.tryPromise({
          try: () => end(connection, exit._tag === "Success"),
          catch: toDatabaseError(`${operation}.end`)
        })
    ).pipe(
      Effect.flatMap(({ after, value }) =>
        Effect.as(
          Effect.forEach(after, (run) => run, { discard: true }),
          value
        )
      )
    )

  return {
    backend,
    listen,
    query: (operation, run) =>
      Effect.flatMap(Current, (open) =>
        Effect.tryPromise({ try: () => run(open?.connection ?? pool), catch: toDatabaseError(operation) })
      ),
    transaction: (operation, body) =>
      Effect.flatMap(Current, (open) =>
        open !== undefined
          ? body // A second BEGIN would wait for the first on PGlite, for ever.
          : once(operation, body).pipe(
              Effect.retry({
                while: (error) => error instanceof DatabaseError && error.isContention,
                schedule: contention
              }),
              Effect.withSpan(`db.${operation}`)
            )
      ),
    afterCommit: (effect) =>
      Effect.flatMap(Current, (open) =>
        open === undefined ? effect : Effect.sync(() => void open.afterCommit.push(effect))
      )
  }
}

const end = async (connection: ControlledTransaction<Tables>, succeeded: boolean): Promise<void> => {
  // A connection that is gone cannot roll back; the server has done so already.
  if (!succeeded) return connection.rollback().execute().catch(ignore)
  try {
    await connection.commit().execute()
  } catch (cause) {
    // Kysely keeps the connection checked out after a failed COMMIT until it is rolled back.
    if (!(cause instanceof AbortedTransactionError)) await connection.rollback().execute().catch(ignore)
    throw cause
  }
}

const ignore = () => undefined
