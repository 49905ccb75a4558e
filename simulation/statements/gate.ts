/**
 * Connections to a real PostgreSQL whose statements go one at a time, when they are let. A statement that waits for a
 * lock is known by `pg_blocking_pids`, so that whatever order is asked for, the run goes on by itself or stands still
 * for a reason.
 */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult
} from "kysely"
import { Stream } from "effect"
import pg from "pg"
import { Database, makeDatabase } from "../../src/database/database.ts"
import type { Tables } from "../../src/database/tables.ts"

/** One of two that share the database. */
export class Side {
  readonly name: string
  readonly client: pg.Client
  pid = 0
  /** `out`: between statements; `at gate`: has one to send; `sent`: waits for its answer. */
  state: "out" | "at gate" | "sent" | "over" = "out"
  /** The statement at the gate. */
  next = ""
  /** Statements that were sent, in order. */
  readonly log: Array<string> = []
  /** It waited for a lock in this run. */
  hasWaited = false
  #release: (() => void) | undefined

  constructor(name: string, url: string) {
    this.name = name
    this.client = new pg.Client({ connectionString: url, types: { getTypeParser: parserOf } })
  }

  async open(): Promise<void> {
    await this.client.connect()
    // A deadlock is found at once; all else as in src/database/postgres.ts.
    await this.client.query(
      "set deadlock_timeout = '10ms'; set lock_timeout = '5s'; set idle_in_transaction_session_timeout = '20s'"
    )
    const { rows } = await this.client.query<{ pid: number }>("select pg_backend_pid() as pid")
    this.pid = rows[0]?.pid ?? 0
  }

  begin(): void {
    this.state = "out"
    this.hasWaited = false
    this.log.length = 0
  }

  async send(sql: string, parameters: ReadonlyArray<unknown>): Promise<pg.QueryResult> {
    await new Promise<void>((resolve) => {
      this.next = sql
      this.state = "at gate"
      this.#release = resolve
    })
    this.state = "sent"
    this.log.push(sql)
    try {
      return await this.client.query(sql, [...parameters])
    } finally {
      this.state = "out"
    }
  }

  release(): void {
    this.state = "sent"
    this.#release?.()
    this.#release = undefined
  }

  get database(): Database["Service"] {
    const dialect = {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new GatedDriver(this),
      createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler()
    }
    return Database.of(makeDatabase("postgres", new Kysely<Tables>({ dialect }), () => Stream.never))
  }
}

const parserOf = ((oid: number, format?: "text" | "binary") =>
  oid === pg.types.builtins.INT8 && format !== "binary"
    ? Number
    : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser

class GatedDriver implements Driver {
  readonly #side: Side
  constructor(side: Side) {
    this.#side = side
  }
  async init() {}
  async destroy() {}
  async releaseConnection() {}
  async acquireConnection(): Promise<DatabaseConnection> {
    const side = this.#side
    return {
      executeQuery: async <R>(query: CompiledQuery): Promise<QueryResult<R>> => {
        const { rowCount, rows } = await side.send(query.sql, query.parameters)
        return { rows: rows as Array<R>, numAffectedRows: BigInt(rowCount ?? 0) }
      },
      streamQuery: () => {
        throw new Error("nothing is streamed")
      }
    }
  }
  async beginTransaction() {
    await this.#side.send("begin", [])
  }
  async commitTransaction() {
    await this.#side.send("commit", [])
  }
  async rollbackTransaction() {
    await this.#side.send("rollback", [])
  }
}
