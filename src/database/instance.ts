/** Who this database is: its id, the key its secrets need, and whether it was begun by the quickstart. */
import { Context, Data, Effect } from "effect"
import { sql } from "kysely"
import { Database } from "./database.ts"
import { Secrets } from "./secrets.ts"
import { releaseAll } from "./work.ts"

export class WrongEncryptionKey extends Data.TaggedError("WrongEncryptionKey")<{
  readonly given: string
  readonly wanted: string
}> {
  override get message() {
    return (
      `the encryption key (fingerprint ${this.given}) is not the one this database was made with ` +
      `(fingerprint ${this.wanted}): set DRIFTLESS_ENCRYPTION_KEY to that key`
    )
  }
}

/** The id that `identify` answered at the start, for all that comes after: it is asked for once. */
export class InstanceId extends Context.Service<InstanceId, string>()("driftless/database/InstanceId") {}

/**
 * Claims the database for this installation: the first start stores `newId` and the fingerprint of the key, each
 * later one is refused with another key. Answers the instance id, which marks what is ours at a provider.
 */
export const identify = Effect.fn("database.identify")(function* (newId: string) {
  const { query } = yield* Database
  const { fingerprint } = yield* Secrets
  yield* query("instance.identify", (db) =>
    sql`update driftless_instance set
      instance_id = coalesce(instance_id, ${newId}), key_fingerprint = coalesce(key_fingerprint, ${fingerprint})
      where instance_id is null or key_fingerprint is null`.execute(db)
  )
  const row = yield* instance()
  if (row.key_fingerprint !== fingerprint) {
    return yield* new WrongEncryptionKey({ given: fingerprint, wanted: row.key_fingerprint ?? "none" })
  }
  return row.instance_id ?? newId
})

/** Begins a new epoch and frees the leases of the process that had the embedded database before; needs its lock. */
export const takeOver = Effect.fn("database.takeOver")(function* () {
  const { query, transaction } = yield* Database
  yield* transaction(
    "instance.takeOver",
    Effect.gen(function* () {
      yield* query("instance.boot", (db) => sql`update driftless_instance set boot = boot + 1`.execute(db))
      yield* releaseAll()
    })
  )
})

export const instance = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  return yield* query("instance.read", (db) =>
    db.selectFrom("driftless_instance").selectAll().executeTakeFirstOrThrow()
  )
})
