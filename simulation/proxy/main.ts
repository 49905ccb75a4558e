/**
 * The same in the small on real sockets: two control planes on a real PostgreSQL and the simulator, behind proxies that
 * cut, delay and halve, killed at random points round after round while the records change. In the end each row has its
 * record, once, and nothing of ours is left over.
 */
import { spawn, type ChildProcessByStdio } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable } from "node:stream"
import pg from "pg"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { debianBinaries, npmBinaries, startServer } from "../../test/support/postgres.ts"
import { type Random, randomOf } from "../random.ts"
import { Link } from "./link.ts"

const MAIN = join(import.meta.dirname, "..", "..", "src", "cli", "main.ts")
const ZONES = ["one.test", "two.test"] as const
const TOKEN = "proxy-token"
/** Rounds between two looks at whether all has converged. */
const BETWEEN_LOOKS = 25
/** A lease, a write's window, the longest wait of a zone, and a slow machine. Milliseconds. */
const PATIENCE = 240_000
/** A plane says so when it has begun to serve. */
const STARTED = "the API listens on"
/** Characters of what a plane wrote to stderr that are told when it ended. */
const LAST_WORDS = 2000

type Process = ChildProcessByStdio<null, Readable, Readable>

interface Plane {
  readonly process: Process
  serves: boolean
}

interface Scene {
  readonly sql: pg.Client
  readonly simulator: Simulator
  readonly database: Link
  readonly provider: Link
  readonly random: Random
  readonly start: () => Process
  readonly planes: Array<Plane>
  /** Planes that ended although nobody killed them. */
  readonly deaths: Array<string>
}

export const runProxy = async (rounds: number, seed = 1): Promise<boolean> => {
  const server = await start()
  const directory = mkdtempSync(join(tmpdir(), "driftless-proxy-"))
  const address = new URL(server.url("postgres"))
  const simulator = await startSimulator({ zones: ZONES, tokens: [TOKEN], rateLimit: { quota: 100_000 } })
  const database = await Link.open({ host: "127.0.0.1", port: Number(address.port) })
  const provider = await Link.open({ host: "127.0.0.1", port: simulator.port })
  const sql = new pg.Client({ connectionString: address.href })
  await sql.connect()
  const environment = {
    ...process.env,
    DATABASE_URL: Object.assign(new URL(address), { port: String(database.port) }).href,
    CLOUDFLARE_BASE_URL: `http://127.0.0.1:${provider.port}/client/v4`,
    CLOUDFLARE_API_TOKEN: TOKEN,
    DRIFTLESS_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
    DRIFTLESS_DATA_DIR: directory,
    DRIFTLESS_API_PORT: "0",
    DRIFTLESS_METRICS_PORT: "0",
    DRIFTLESS_DNS_INTERVAL: "5s",
    DRIFTLESS_LOG_LEVEL: "info",
    DRIFTLESS_LOG_FORMAT: "json"
  }
  const startPlane = () =>
    spawn(process.execPath, ["--disable-warning=ExperimentalWarning", MAIN, "serve"], {
      env: environment,
      stdio: ["ignore", "pipe", "pipe"]
    })
  const scene: Scene = {
    sql,
    simulator,
    database,
    provider,
    random: randomOf(seed, "proxy"),
    start: startPlane,
    planes: [],
    deaths: []
  }
  try {
    return await play(scene, rounds)
  } finally {
    for (const plane of scene.planes.splice(0)) plane.process.kill("SIGKILL")
    await sql.end()
    await Promise.allSettled([database.close(), provider.close(), simulator.close()])
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
}

const start = () => {
  try {
    return startServer(npmBinaries())
  } catch {
    return startServer(debianBinaries(15))
  }
}

const play = async (scene: Scene, rounds: number): Promise<boolean> => {
  const { planes, sql } = scene
  for (const index of [0, 1]) supervise(scene, index)
  await until("the schema is there", PATIENCE, async () => {
    const { rows } = await sql.query(
      "select to_regclass('dns_records') is not null and exists (select from pg_class where relname = 'manifests_deleted') as there"
    )
    return rows[0]?.there === true ? [] : ["not yet"]
  })
  await sql.query(`insert into api_keys (name, token_from) values ('proxy', 'env:CLOUDFLARE_API_TOKEN')`)
  for (const zone of ZONES) {
    await sql.query(
      "with d as (insert into domains (domain) values ($1) returning id) insert into domain_dns_providers (domain_id, api_key_id) select d.id, 1 from d",
      [zone]
    )
  }
  let kills = 0
  for (let round = 1; round <= rounds; round++) {
    await change(scene, round)
    mistreat(scene)
    await pause(scene.random.between(50, 900))
    // One that starts is seldom killed: it takes longer than a few rounds, and none would ever get to work.
    const victim = planes[scene.random.between(0, 1)]
    if (victim !== undefined && scene.random.chance(victim.serves ? 0.5 : 0.1)) {
      victim.process.kill("SIGKILL")
      kills++
    }
    if (scene.deaths.length > 0) return failed(scene.deaths, round)
    if (round % BETWEEN_LOOKS !== 0 && round !== rounds) continue
    calm(scene)
    const left = await until("all has converged", PATIENCE, () => problems(scene))
    if (left.length + scene.deaths.length > 0) return failed([...scene.deaths, ...left], round)
    console.log(`holds · ${round} rounds, ${kills} kills, ${scene.database.cuts + scene.provider.cuts} cuts`)
  }
  return true
}

const failed = (why: ReadonlyArray<string>, round: number): false => {
  console.log(`FAILS Proxy · round ${round}: ${why.join("; ")}`)
  return false
}

/**
 * Starts a plane, and another when it ends, as any supervisor does. One that cannot reach its database at its start
 * gives up with a line that says so; one that ends in any other way by itself must not.
 */
const supervise = (scene: Scene, index: number): void => {
  const plane: Plane = { process: scene.start(), serves: false }
  scene.planes[index] = plane
  let lastWords = ""
  createInterface(plane.process.stdout).on("line", (line) => (plane.serves ||= line.includes(STARTED)))
  plane.process.stderr.on("data", (bytes: Buffer) => (lastWords = (lastWords + bytes.toString()).slice(-LAST_WORDS)))
  plane.process.once("close", (code, signal) => {
    if (scene.planes[index] !== plane) return
    if (!plane.process.killed && (plane.serves || !lastWords.startsWith("error: "))) {
      scene.deaths.push(`a plane ended by itself (${signal ?? code}): ${lastWords}`)
    }
    supervise(scene, index)
  })
}

const mistreat = ({ database, provider, random }: Scene): void => {
  calm({ database, provider })
  const link = random.pick([database, provider])
  const kind = random.between(0, 3)
  if (kind === 0) link.cutAll()
  if (kind === 1) link.delay = random.between(20, 400)
  if (kind === 2) link.halveNext()
}

const calm = ({ database, provider }: Pick<Scene, "database" | "provider">): void => {
  database.delay = 0
  provider.delay = 0
}

/** One record comes, changes or goes, by SQL as the seed does it. */
const change = async ({ random, sql }: Scene, round: number): Promise<void> => {
  const domain = random.between(1, ZONES.length)
  const { rows } = await sql.query<{ id: number }>(
    "select id from domain_dns_records where domain_id = $1 and desired_state = 'present' order by id",
    [domain]
  )
  const kind = rows.length === 0 ? 0 : random.between(0, 2)
  if (kind === 0) {
    await sql.query("insert into domain_dns_records (domain_id, type, name, value) values ($1, 'A', $2, '192.0.2.1')", [
      domain,
      `host${round}`
    ])
  } else if (kind === 1) {
    await sql.query("update domain_dns_records set value = $2 where id = $1", [
      random.pick(rows).id,
      `192.0.2.${random.between(2, 250)}`
    ])
  } else await sql.query("delete from domain_dns_records where id = $1", [random.pick(rows).id])
}

const problems = async ({ simulator, sql }: Scene): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql.query<{
    domain: string
    name: string
    value: string
    status: string
    desired_state: string
  }>(
    "select d.domain, r.name, r.value, r.status, r.desired_state from domain_dns_records r join domains d on d.id = r.domain_id"
  )
  const wanted = new Set(
    rows.filter((row) => row.desired_state === "present").map((row) => `${row.name}.${row.domain} ${row.value}`)
  )
  const found: Array<string> = rows
    .filter((row) => row.status !== "active" || row.desired_state === "absent")
    .map((row) => `${row.name}.${row.domain} is ${row.desired_state} and ${row.status}`)
  for (const zone of ZONES) {
    for (const record of simulator.engine.control.records(zone)) {
      const key = `${record.name} ${record.content}`
      if (!wanted.delete(key)) found.push(`${key} stands and nobody asks for it, or twice`)
    }
  }
  return [...found, ...[...wanted].map((key) => `${key} does not stand`)]
}

const pause = (millis: number) => new Promise<void>((resolve) => setTimeout(resolve, millis))

/** Looks until nothing is left, for at most `bound`; answers what is. */
const until = async (
  what: string,
  bound: number,
  look: () => Promise<ReadonlyArray<string>>
): Promise<ReadonlyArray<string>> => {
  const deadline = Date.now() + bound
  while (true) {
    const left = await look()
    if (left.length === 0) return left
    if (Date.now() > deadline) return [`not within ${bound / 1000} s: ${what}`, ...left]
    await pause(200)
  }
}
