/**
 * A process that has the embedded database of the directory in argv[2] open. It says `refused` and why, or `open`
 * with the count and the greatest of the numbers that it finds. Then it inserts the next numbers for ever, and says
 * each one after its commit.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { layerPglite } from "../../src/database/pglite.ts"

// Nothing is left when the tests are killed.
process.stdin
  .on("end", () => process.exit(1))
  .resume()
  .unref()

const say = (text: string) => Effect.sync(() => void process.stdout.write(`${text}\n`))

Effect.gen(function* () {
  const { query } = yield* Database
  yield* query("test.create", (db) => sql`create table if not exists numbers (n bigint primary key)`.execute(db))
  const found = yield* query("test.count", (db) =>
    sql<{ count: number; max: number }>`select count(*) as count, coalesce(max(n), 0) as max from numbers`.execute(db)
  )
  yield* say(`open ${found.rows[0]?.count} ${found.rows[0]?.max}`)
  const insert = query("test.insert", (db) =>
    sql<{ n: number }>`insert into numbers select coalesce(max(n), 0) + 1 from numbers returning n`.execute(db)
  )
  return yield* Effect.forever(Effect.flatMap(insert, ({ rows }) => say(`ack ${rows[0]?.n}`)))
}).pipe(
  Effect.provide(layerPglite(process.argv[2] ?? "")),
  Effect.catchTag("DataDirectoryInUse", (error) => say(`refused ${error.message}`)),
  NodeRuntime.runMain
)
