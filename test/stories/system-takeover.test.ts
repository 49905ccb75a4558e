/**
 * Processes that die and processes that share: ten thousand rows through a SIGKILL, on both kinds of database, and
 * two replicas on one.
 */
import { PGlite } from "@electric-sql/pglite"
import { join } from "node:path"
import { describe, expect, it, type TestContext, vi } from "vitest"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { anyPostgres, skipped } from "../support/database.ts"
import { aDirectory, serve, type Variables } from "../support/system-process.ts"
import { aDatabase, aDomain, type Api, apiAt, document, metricOf, type Row } from "../support/system-world.ts"

const offer = await anyPostgres()
const ZONE = "example.test"
const TOKEN = "token-of-ten-thousand-rows"
const ROWS = 10_000
/** What the ask allows; in milliseconds. */
const THREE_MINUTES = 180_000
const BOUND = { timeout: 240_000 }
const KEY = Buffer.alloc(32, 8).toString("base64")

/** A hundred records with a hundred values each, and what they need. */
const documents = [
  document("Credential", "cloudflare", { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } }),
  document("Domain", "zone", { domain: ZONE, credentialRef: { name: "cloudflare" } }),
  ...Array.from({ length: 100 }, (_, host) =>
    document("DnsRecord", `host-${host}`, {
      domainRef: { name: "zone" },
      type: "A",
      name: `host-${host}`,
      values: Array.from({ length: ROWS / 100 }, (__, value) => `192.0.2.${value + 1}`)
    })
  )
]

const cleanupOf = ({ onTestFinished }: TestContext) => {
  const stops = new AsyncDisposableStack()
  onTestFinished(() => stops.disposeAsync())
  return stops
}

const simulate = async (stops: AsyncDisposableStack, ...zones: ReadonlyArray<string>) => {
  const simulator = await startSimulator({ zones, tokens: [TOKEN], plan: "enterprise" })
  stops.defer(() => simulator.close())
  return simulator
}

/** The second batch is carried out, but its answer stays under way for longer than anybody waits. */
const holdSecondBatch = ({ engine: { control } }: Simulator) =>
  control.addFault({ match: { kind: "batch" }, skip: 1, effect: { do: "slow", ms: 120_000 } })

const batchesOf = ({ engine: { control } }: Simulator, zone = ZONE) => {
  const path = `/zones/${control.setZone(zone)}/dns_records/batch`
  return control.calls().filter((call) => call.path.endsWith(path))
}

const totalOf = async (api: Api, query: string) =>
  Number((await api.get(`/api/v1/dns/records?pageSize=1${query}`)).body.data["total"])

const allActive = (api: Api) =>
  vi.waitFor(async () => expect(await totalOf(api, "&status=active")).toBe(ROWS), {
    timeout: THREE_MINUTES,
    interval: 500
  })

/** Each record once, each row with a record of its own, each record in the ledger, and none of them sent twice. */
const expectWhole = (simulator: Simulator, rows: ReadonlyArray<Row>, ledger: ReadonlyArray<Row>) => {
  const records = simulator.engine.control.records(ZONE)
  expect(records).toHaveLength(ROWS)
  expect(new Set(records.map(({ content, name, type }) => `${name} ${type} ${content}`)).size).toBe(ROWS)
  const ids = records.map(({ id }) => id).toSorted()
  const idsIn = (found: ReadonlyArray<Row>) => found.map((row) => String(row["provider_record_id"])).toSorted()
  expect(idsIn(rows)).toEqual(ids)
  expect(idsIn(ledger)).toEqual(ids)
  const sent = batchesOf(simulator).reduce((sum, { operations }) => sum + (operations["posts"] ?? 0), 0)
  expect(sent).toBe(ROWS)
}

const ROW_IDS = "select provider_record_id from dns_records where observed_generation = generation and not drifted"
const LEDGER_IDS = "select provider_record_id from dns_ledger"

// Most of it is waiting for what the dead process may still have under way, so both wait at the same time.
describe.concurrent("ten thousand rows, and a process that is killed in the middle of them", () => {
  it.skipIf(offer.missing)(
    `are finished by another process on the same PostgreSQL${skipped(offer)}`,
    BOUND,
    async (context) => {
      const stops = cleanupOf(context)
      const simulator = await simulate(stops, ZONE)
      const { sql, url } = await aDatabase(offer, stops)
      const variables = { DATABASE_URL: url, DRIFTLESS_ENCRYPTION_KEY: KEY, CLOUDFLARE_BASE_URL: simulator.url }
      const first = await serve(variables, stops)
      const domainId = await aDomain(apiAt(first.api), ZONE, TOKEN)
      holdSecondBatch(simulator)
      await sql(
        `insert into domain_dns_records (domain_id, type, name, value)
         select $1, 'A', 'host-' || n, '192.0.2.' || n % 250 from generate_series(1, ${ROWS}) n`,
        [domainId]
      )
      await vi.waitFor(() => expect(batchesOf(simulator)).toHaveLength(2), { timeout: 60_000, interval: 20 })
      await first.end("SIGKILL")
      const died = performance.now()
      const second = await serve(variables, stops)
      await allActive(apiAt(second.api))
      expect(performance.now() - died).toBeLessThan(THREE_MINUTES)
      expectWhole(simulator, await sql(ROW_IDS), await sql(LEDGER_IDS))
      expect(batchesOf(simulator)).toHaveLength(3)
      expect(await metricOf(second.metrics, 'driftless_lease_expired_total{reconciler="dns"}')).toBe(1)
    }
  )

  it("are finished by the next process on the same data directory", BOUND, async (context) => {
    const stops = cleanupOf(context)
    const simulator = await simulate(stops, ZONE)
    const directory = aDirectory(stops)
    const variables = {
      DRIFTLESS_DATA_DIR: directory,
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_BASE_URL: simulator.url
    }
    const first = await serve(variables, stops)
    holdSecondBatch(simulator)
    expect(await apiAt(first.api).apply(...documents)).toMatchObject({ status: 200 })
    await vi.waitFor(() => expect(batchesOf(simulator)).toHaveLength(2), { timeout: 60_000, interval: 20 })
    await first.end("SIGKILL")
    const second = await serve(variables, stops)
    await allActive(apiAt(second.api))
    expect(await second.end("SIGTERM")).toMatchObject({ code: 0 })
    const lite = await PGlite.create({ dataDir: join(directory, "postgres") })
    stops.defer(() => lite.close())
    const rows = async (query: string) => (await lite.query<Row>(query)).rows
    expectWhole(simulator, await rows(ROW_IDS), await rows(LEDGER_IDS))
  })
})

describe.skipIf(offer.missing)(`two replicas on one database${skipped(offer)}`, () => {
  const zones = ["a", "b", "c", "d", "e", "f"].map((name) => `${name}.test`)
  const RECORDS = 20
  /** Of one batch, so that a zone takes several. */
  const LIMIT = 5
  const SLOW = 200

  it("share its zones, work on each one at a time, and count the calls of a token once", BOUND, async (context) => {
    const stops = cleanupOf(context)
    const simulator = await simulate(stops, ...zones)
    const { control } = simulator.engine
    const { sql, url } = await aDatabase(offer, stops)
    const variables: Variables = {
      DATABASE_URL: url,
      DRIFTLESS_ENCRYPTION_KEY: KEY,
      CLOUDFLARE_BASE_URL: simulator.url,
      // Else one of them would take all zones at once.
      DRIFTLESS_DNS_CONCURRENCY: "1"
    }
    const replicas = await Promise.all([serve(variables, stops), serve(variables, stops)])
    const api = apiAt(replicas[0]?.api ?? "")
    control.addFault({ match: { kind: "batch" }, times: "always", effect: { do: "slow", ms: SLOW } })
    for (const zone of zones) {
      const domainId = await aDomain(api, zone, TOKEN)
      await sql("update domain_dns_providers set batch_limit = $1 where domain_id = $2", [LIMIT, domainId])
    }
    await sql(`insert into domain_dns_records (domain_id, type, name, value)
      select d.id, 'A', 'host-' || n, '192.0.2.' || n from domains d, generate_series(1, ${RECORDS}) n`)
    await vi.waitFor(async () => expect(await totalOf(api, "&status=active")).toBe(zones.length * RECORDS), {
      timeout: 60_000,
      interval: 100
    })
    for (const zone of zones) {
      const batches = batchesOf(simulator, zone)
      expect(batches.map(({ operations, status }) => ({ operations, status }))).toEqual(
        Array.from({ length: RECORDS / LIMIT }, () => ({ operations: { posts: LIMIT }, status: 200 }))
      )
      // Two at a time would be told by the time between them.
      const gaps = batches.slice(1).map(({ at }, index) => at - (batches[index]?.at ?? 0))
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(SLOW)
    }
    for (const { metrics } of replicas) {
      expect(await metricOf(metrics, 'driftless_dns_api_requests_total{endpoint="batch",code="200"}')).toBeGreaterThan(
        0
      )
      expect(await metricOf(metrics, 'driftless_fence_rejected_total{site="complete"}')).toBe(0)
    }
    for (const { end } of replicas) expect(await end("SIGTERM")).toMatchObject({ code: 0 })
    const calls = control.counts()["total"] ?? 0
    const budgets = await sql("select used from api_budgets")
    expect(budgets).toHaveLength(1)
    expect(budgets[0]?.["used"]).toBeGreaterThanOrEqual(calls)
    // A call that comes more than a second after its permit takes another one.
    expect(budgets[0]?.["used"]).toBeLessThan(1.2 * calls)
    expect(await sql("select key from reconcile_work where owner is not null")).toEqual([])
  })
})
