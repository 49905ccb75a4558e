/**
 * One process for one data directory. The lock is an exclusive transaction of SQLite on a file there: the
 * kernel frees it with its holder, between containers on one volume too. A pid in a file would lie after a crash.
 */
import { Data, Effect } from "effect"
import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

export class DataDirectoryInUse extends Data.TaggedError("DataDirectoryInUse")<{ readonly directory: string }> {
  override get message() {
    return (
      `the data directory ${this.directory} is in use by another Driftless process. ` +
      "The embedded database allows one process: stop the other, give this one its own DRIFTLESS_DATA_DIR, " +
      "or run both on PostgreSQL with DATABASE_URL"
    )
  }
}

/** Held until the scope closes or the process ends, however it ends. */
export const lockDirectory = (directory: string) =>
  Effect.acquireRelease(
    Effect.sync(() => lock(directory)).pipe(
      Effect.catchDefect((cause) =>
        isBusy(cause) ? Effect.fail(new DataDirectoryInUse({ directory })) : Effect.die(cause)
      )
    ),
    (held) => Effect.sync(() => held.close())
  )

const lock = (directory: string) => {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const file = new DatabaseSync(join(directory, "lock"), { timeout: 0 })
  try {
    file.exec("begin exclusive")
    return file
  } catch (cause) {
    file.close()
    throw cause
  }
}

const isBusy = (cause: unknown) => cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY

const SQLITE_BUSY = 5
