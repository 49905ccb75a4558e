/**
 * The PostgreSQL that is measured: `DATABASE_URL` where it is given, else one started for the run with what makes a
 * commit last (the tests' servers leave that out). Each benchmark gets a fresh, migrated database on it.
 */
import { Effect, Layer, Redacted } from "effect"
import { execFileSync } from "node:child_process"
import { randomBytes } from "node:crypto"
import { chmodSync, existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { migrate } from "../src/database/migrate.ts"
import { layerPostgres } from "../src/database/postgres.ts"
import { type Binaries, debianBinaries, execute, npmBinaries, startServer } from "../test/support/postgres.ts"

export interface Postgres {
  /** Version and settings that decide how fast it can be. */
  readonly about: string
  readonly url: (database: string) => string
}

/** One server for a run; it ends with the scope. */
export const postgres = Effect.gen(function* () {
  const given = process.env["DATABASE_URL"]
  const url =
    given === undefined || given === ""
      ? yield* started()
      : (database: string) => Object.assign(new URL(given), { pathname: `/${database}` }).href
  const { rows } = yield* Effect.promise(() =>
    execute(
      url("postgres"),
      "select 'PostgreSQL ' || current_setting('server_version') || ', fsync ' || current_setting('fsync')" +
        " || ', synchronous_commit ' || current_setting('synchronous_commit')" +
        " || ', shared_buffers ' || current_setting('shared_buffers') as about"
    )
  )
  return { url, about: String((rows[0] as { about: unknown } | undefined)?.about) } satisfies Postgres as Postgres
})

const started = Effect.fnUntraced(function* () {
  const binaries = available()
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "driftless-bench-"))),
    (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true }))
  )
  const server = yield* Effect.acquireRelease(
    Effect.promise(() => startServer({ ...binaries, folder: durable(binaries.folder, folder) })),
    ({ stop }) => Effect.promise(stop)
  )
  return server.url
})

/** Debian's, since pgbench comes with it; else the one that npm brings. */
const available = (): Binaries => {
  try {
    return debianBinaries(15)
  } catch {
    return npmBinaries()
  }
}

/** The same binaries, but the last word on the command line makes commits last and gives the table room in memory. */
const durable = (real: string, folder: string): string => {
  chmodSync(folder, 0o755)
  symlinkSync(join(real, "initdb"), join(folder, "initdb"))
  const script = `#!/bin/sh\nexec "${join(real, "postgres")}" "$@" -c fsync=on -c shared_buffers=256MB -c max_wal_size=4GB\n`
  writeFileSync(join(folder, "postgres"), script, { mode: 0o755 })
  return folder
}

/** URL of a fresh, migrated database, dropped with the scope. */
export const freshDatabase = Effect.fnUntraced(function* ({ url }: Postgres) {
  const name = `driftless_bench_${randomBytes(4).toString("hex")}`
  yield* Effect.acquireRelease(
    Effect.promise(() => execute(url("postgres"), `create database ${name}`)),
    () => Effect.promise(() => execute(url("postgres"), `drop database ${name} with (force)`))
  )
  yield* Effect.provide(migrate(), Layer.fresh(layerPostgres({ url: Redacted.make(url(name)), poolSize: 2 })))
  return Redacted.make(url(name))
})

/** Path of pgbench; undefined where there is none. */
export const pgbench = (): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/lib/postgresql/15/bin"]
    .map((folder) => join(folder, "pgbench"))
    .find((path) => existsSync(path) && works(path))

const works = (path: string) => {
  try {
    execFileSync(path, ["--version"], { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}
