/**
 * `npm start` as a person meets it: alone it shows records converging at a simulated Cloudflare; wherever a real zone
 * could be reached, or somebody else has begun, it applies nothing; and it ends when it is told to.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, type TestContext, vi } from "vitest"
import { startSimulator } from "../../src/simulator/server.ts"
import { anyPostgres, skipped } from "../support/database.ts"
import { aDirectory, begin, type Plane, serve, start } from "../support/system-process.ts"
import { aDatabase, aDomain, apiAt, document } from "../support/system-world.ts"

const offer = await anyPostgres()
const TOKEN = "token-of-the-first-start"
const BOUND = { timeout: 120_000 }
/** Seconds from SIGTERM to the end, as the ask has it. */
const STOP = 10
const ASKED = /asks for the records of examples\/quickstart/u

const cleanupOf = ({ onTestFinished }: TestContext) => {
  const stops = new AsyncDisposableStack()
  onTestFinished(() => stops.disposeAsync())
  return stops
}
const simulate = async (stops: AsyncDisposableStack, zone = "example.test") => {
  const simulator = await startSimulator({ zones: [zone], tokens: [TOKEN] })
  stops.defer(() => simulator.close())
  return simulator
}
const adminOf = (directory: string) => readFileSync(join(directory, "admin-token"), "utf8").trim()
/** Names and statuses of all records, as the API of the process tells them. */
const records = async ({ api }: Plane, directory: string) => {
  const { body } = await apiAt(api, adminOf(directory)).get("/api/v1/dns/records?pageSize=100")
  return (body.data.list ?? []).map(({ name, status }) => `${String(name)} ${String(status)}`)
}
const stopsInTime = async ({ end }: Pick<Plane, "end">) => {
  const { code, output, seconds } = await end("SIGTERM")
  expect({ code, output }).toMatchObject({ code: 0, output: expect.not.stringMatching(/"level":50|error:/u) })
  expect(seconds).toBeLessThan(STOP)
}

describe("npm start without an account", () => {
  it(
    "shows records converging and where to look next, goes on after a restart, and keeps others out",
    BOUND,
    async (context) => {
      const stops = cleanupOf(context)
      const directory = join(aDirectory(stops), "new")
      const first = await start({ DRIFTLESS_DATA_DIR: directory }, stops)
      const shown = first.output()
      expect(shown).toMatch(ASKED)
      for (const host of ["www.example.test", "shop.example.test", "example.test"]) {
        expect(shown).toMatch(
          new RegExp(String.raw`\d s {2}active +\S+ +${host.replaceAll(".", String.raw`\.`)} `, "u")
        )
      }
      expect(shown).toContain("npm run driftless -- get dnsrecords")
      expect(shown).toContain(directory)
      expect((await fetch(`${first.metrics}/readyz`)).status).toBe(200)
      const converged = await records(first, directory)
      expect(converged).toHaveLength(6)
      expect(converged.every((record) => record.endsWith(" active"))).toBe(true)

      const second = await begin("start", { DRIFTLESS_DATA_DIR: directory }, stops).ended
      expect(second).toMatchObject({
        code: 1,
        output: expect.stringMatching(/^error: the data directory .* is in use/mu)
      })
      expect(second.output).toContain("DATABASE_URL")

      await stopsInTime(first)
      const again = await start({ DRIFTLESS_DATA_DIR: directory }, stops)
      expect(again.output()).toContain("Driftless goes on in the zone example.test")
      expect(again.output()).not.toMatch(ASKED)
      expect(await records(again, directory)).toEqual(converged)
      // The simulated zone is as it was left, so nothing is written twice.
      const writes = await (await fetch(`${again.metrics}/metrics`)).text()
      expect(writes).not.toMatch(/^driftless_dns_api_requests_total\{endpoint="batch"/mu)

      const [, url = "", edit = ""] = /curl -s (\S+\/control\/edits) -d '([^']+)'/u.exec(again.output()) ?? []
      const meddled = await fetch(url, { method: "POST", body: edit })
      expect(await meddled.json()).toMatchObject({ name: "www.example.test", content: "203.0.113.66" })
      await stopsInTime(again)
    }
  )

  it("applies nothing on a database that a person has begun", BOUND, async (context) => {
    const stops = cleanupOf(context)
    const simulator = await simulate(stops, "mine.test")
    const directory = aDirectory(stops)
    const mine = await serve({ DRIFTLESS_DATA_DIR: directory, CLOUDFLARE_BASE_URL: simulator.url }, stops)
    const applied = await apiAt(mine.api).apply(
      document("Credential", "mine", { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } })
    )
    expect(applied.status).toBe(200)
    await mine.end("SIGTERM")
    const started = await start({ DRIFTLESS_DATA_DIR: directory, DRIFTLESS_ADMIN_TOKEN: "admin-token-of-mine" }, stops)
    expect(started.output()).toContain("It asks for nothing on its own")
    expect(started.output()).not.toMatch(ASKED)
    const { body } = await apiAt(started.api, "admin-token-of-mine").get("/api/v1/manifests")
    expect(body.data).toMatchObject({ total: 1, list: [{ kind: "Credential", metadata: { name: "mine" } }] })
    await stopsInTime(started)
  })
})

// One of them mostly waits, so the other runs meanwhile.
describe.concurrent("npm start where a zone could be reached", () => {
  it("applies nothing, and says how to begin", BOUND, async (context) => {
    const stops = cleanupOf(context)
    const simulator = await simulate(stops)
    const directory = aDirectory(stops)
    for (const variables of [
      { CLOUDFLARE_BASE_URL: simulator.url, CLOUDFLARE_API_TOKEN: TOKEN },
      { CLOUDFLARE_API_TOKEN: TOKEN }
    ]) {
      const started = await start({ DRIFTLESS_DATA_DIR: directory, ...variables }, stops)
      expect(started.output()).toContain("It asks for nothing on its own")
      expect(started.output()).toContain("npm run driftless -- apply -f")
      expect(await records(started, directory)).toEqual([])
      await stopsInTime(started)
    }
    expect(simulator.engine.control.counts()["total"] ?? 0).toBe(0)
    expect(simulator.engine.control.records("example.test")).toEqual([])
  })

  it.skipIf(offer.missing)(
    `ends within ten seconds with a change under way, and gives its zones back${skipped(offer)}`,
    BOUND,
    async (context) => {
      const stops = cleanupOf(context)
      const simulator = await simulate(stops)
      const { control } = simulator.engine
      const { sql, url } = await aDatabase(offer, stops)
      const variables = {
        DATABASE_URL: url,
        DRIFTLESS_ENCRYPTION_KEY: Buffer.alloc(32, 9).toString("base64"),
        DRIFTLESS_ADMIN_TOKEN: "admin-token-of-a-stop",
        CLOUDFLARE_BASE_URL: simulator.url
      }
      const started = await start(variables, stops)
      const api = apiAt(started.api, "admin-token-of-a-stop")
      const domainId = await aDomain(api, "example.test", TOKEN)
      control.addFault({ match: { kind: "batch" }, effect: { do: "slow", ms: 120_000 } })
      await api.post("/api/v1/dns/records/create", { domainId, type: "A", name: "www", value: "192.0.2.1" })
      await vi.waitFor(() => expect(control.counts()["batch"]).toBe(1), { timeout: 20_000, interval: 20 })
      await stopsInTime(started)
      const [work] = await sql(
        "select owner, write_until is not null as waits from reconcile_work where reconciler = 'dns'"
      )
      // Free, but not before the write that nobody heard the end of can no more land.
      expect(work).toEqual({ owner: null, waits: true })
      const next = await start(variables, stops)
      await vi.waitFor(
        async () => expect(await sql("select status from domain_dns_records")).toEqual([{ status: "active" }]),
        { timeout: 40_000, interval: 100 }
      )
      expect(control.counts()["batch"]).toBe(1)
      expect(control.records("example.test")).toHaveLength(1)
      await stopsInTime(next)
    }
  )
})
