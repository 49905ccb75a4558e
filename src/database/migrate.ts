/**
 * Brings the schema up to date: `migrations/*.sql` in order of name, each once, under a lock, at start.
 *
 * Migrations only expand, or contract what no served program uses any more. The database stores the oldest
 * program that it still serves; only a program older than that is refused, so that during a rollout and a
 * rollback the version beside the new one works.
 */
import { Data, Effect } from "effect"
import { sql } from "kysely"
import { readdirSync, readFileSync } from "node:fs"
import packageJson from "../../package.json" with { type: "json" }
import { Database } from "./database.ts"

export const PROGRAM_VERSION: string = packageJson.version

export class ProgramTooOld extends Data.TaggedError("ProgramTooOld")<{ readonly oldest: string }> {
  override get message() {
    return (
      `this is Driftless ${PROGRAM_VERSION}, but the database was upgraded and serves ${this.oldest} or newer: ` +
      "run a newer program"
    )
  }
}

const folder = new URL("../../migrations/", import.meta.url)

export interface Migration {
  readonly name: string
  readonly text: string
}

/** The migrations that this program brings, in order. */
export const migrations = (): ReadonlyArray<Migration> =>
  readdirSync(folder)
    .filter((file) => file.endsWith(".sql"))
    .sort()
    .map((file) => ({ name: file.slice(0, -".sql".length), text: readFileSync(new URL(file, folder), "utf8") }))

/** Applies what is missing and answers its names. Two programs at once: the second waits, then finds nothing to do. */
export const migrate = Effect.fn("database.migrate")(function* (all: ReadonlyArray<Migration> = migrations()) {
  const { query, transaction } = yield* Database
  return yield* transaction(
    "migrate",
    Effect.gen(function* () {
      // A second program waits for the first however long its migration takes.
      yield* query("migrate.patience", (db) => sql`set local lock_timeout = 0`.execute(db))
      yield* query("migrate.patience", (db) => sql`set local statement_timeout = 0`.execute(db))
      // One key for everyone; freed with the transaction, also when this process dies in it.
      yield* query("migrate.lock", (db) => sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(db))
      yield* query("migrate.begin", (db) =>
        sql`create table if not exists driftless_migrations
          (name text primary key, applied_at timestamptz not null default statement_timestamp())`.execute(db)
      )
      const done = yield* query("migrate.done", (db) =>
        sql<{ name: string }>`select name from driftless_migrations`.execute(db)
      )
      const applied = new Set(done.rows.map(({ name }) => name))
      yield* refuseOld(applied)
      const missing = all.filter(({ name }) => !applied.has(name))
      for (const { name, text } of missing) {
        for (const statement of statementsOf(text)) {
          yield* query(`migrate.${name}`, (db) => sql.raw(statement).execute(db))
        }
        yield* query("migrate.record", (db) =>
          sql`insert into driftless_migrations (name) values (${name})`.execute(db)
        )
      }
      return missing.map(({ name }) => name)
    })
  )
})

const refuseOld = Effect.fnUntraced(function* (applied: ReadonlySet<string>) {
  if (applied.size === 0) return
  const { query } = yield* Database
  const instance = yield* query("migrate.instance", (db) =>
    db.selectFrom("driftless_instance").select("oldest_program").executeTakeFirstOrThrow()
  )
  if (olderThan(PROGRAM_VERSION, instance.oldest_program)) {
    return yield* new ProgramTooOld({ oldest: instance.oldest_program })
  }
})

/** Compares `major.minor.patch`; what follows a dash does not count. */
export const olderThan = (version: string, other: string): boolean => {
  const parts = (text: string) => (text.split("-")[0] ?? "").split(".").map(Number)
  const [left, right] = [parts(version), parts(other)]
  for (let i = 0; i < 3; i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/** Splits on `;` outside quotes, comments and dollar quotes: the extended protocol takes one statement a call. */
export const statementsOf = (text: string): ReadonlyArray<string> => {
  const statements: Array<string> = []
  let current = ""
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith("--") || token.startsWith("/*")) continue
    if (token === ";") {
      if (current.trim() !== "") statements.push(current.trim())
      current = ""
    } else {
      current += token
    }
  }
  return current.trim() === "" ? statements : [...statements, current.trim()]
}

const TOKEN = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$[A-Za-z_]*\$)[\s\S]*?\1|;|[\s\S]/gu

/** Any constant of ours: "drif" read as a number. */
const LOCK_KEY = 0x64726966
