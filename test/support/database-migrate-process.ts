/** A process that migrates the database at the URL in its first argument and prints the names it applied, as JSON. */
import { Effect, Redacted } from "effect"
import { migrate } from "../../src/database/migrate.ts"
import { layerPostgres } from "../../src/database/postgres.ts"

const url = Redacted.make(process.argv[2] ?? "")
const applied = await Effect.runPromise(Effect.provide(migrate(), layerPostgres({ url, poolSize: 2 })))
process.stdout.write(JSON.stringify(applied))
