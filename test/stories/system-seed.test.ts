/**
 * The acceptance list of the ask: its 18 functional checks over HTTP, its 12 checks by SQL, and its way by SQL alone,
 * in its order and with its words, against the running product on a real PostgreSQL.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { anyPostgres, skipped } from "../support/database.ts"
import { serve } from "../support/system-process.ts"
import { aDatabase, aDomain, type Api, apiAt, type Data, shown, type System } from "../support/system-world.ts"

const offer = await anyPostgres()
const ZONE = "example.com"
const TOKEN = "token-of-the-acceptance-list"
/** Milliseconds: the ask waits 40 s for its worker. */
const WORKER = { timeout: 40_000, interval: 50 }

const stops = new AsyncDisposableStack()
let simulator: Simulator
let database: System
let api: Api
let domainId = 0
/** Ids of records by their name. */
const ids = new Map<string, number>()

const idOf = (name: string) => ids.get(name) ?? Number.NaN
const create = async (type: string, name: string, value: string, ownerType: string, ownerId = 1) => {
  const body = { domainId, type, name, value, ttl: 120, ownerType, ownerId }
  const { body: answer, status } = await api.post("/api/v1/dns/records/create", body)
  expect({ status, answer }).toEqual({
    status: 200,
    answer: {
      code: 0,
      message: "success",
      data: {
        id: expect.any(Number),
        ...body,
        status: "pending",
        desiredState: "present",
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z$/u)
      }
    }
  })
  ids.set(name, Number(answer.data["id"]))
}
const list = async (query = ""): Promise<Data> => {
  const { body, status } = await api.get(`/api/v1/dns/records${query}`)
  expect({ status, code: body.code, message: body.message }).toEqual({ status: 200, code: 0, message: "success" })
  return body.data
}
const namesIn = ({ list: found = [] }: Data) => found.map(({ name }) => String(name)).toSorted()
const record = async (name: string) => (await api.get(`/api/v1/dns/records/${idOf(name)}`)).body.data
const becomes = (name: string, status: string) =>
  vi.waitFor(async () => expect((await record(name))["status"]).toBe(status), WORKER)
const zone = () => simulator.engine.control.records(ZONE)

/** Cloudflare refuses every write that holds the text. */
const refuse = (text: string) =>
  simulator.engine.control.addFault({
    match: { kind: "write", body: text },
    times: "always",
    effect: { do: "answer", status: 400, code: 9005, message: "Content for A record is invalid." }
  })
/** Holds the next change, so that what is under way can be seen. */
const holdNextBatch = (ms: number) =>
  simulator.engine.control.addFault({ match: { kind: "batch" }, effect: { do: "slow", ms } })

describe.skipIf(offer.missing)(`the acceptance list of the ask${skipped(offer)}`, () => {
  beforeAll(async () => {
    simulator = await startSimulator({ zones: [ZONE, "by-sql.test"], tokens: [TOKEN] })
    stops.defer(() => simulator.close())
    database = await aDatabase(offer, stops)
    const plane = await serve(
      {
        DATABASE_URL: database.url,
        DRIFTLESS_ENCRYPTION_KEY: Buffer.alloc(32, 7).toString("base64"),
        CLOUDFLARE_BASE_URL: simulator.url
      },
      stops
    )
    api = apiAt(plane.api)
    domainId = await aDomain(api, ZONE, TOKEN)
    await aDomain(api, "not-there.test", TOKEN)
    refuse("192.0.2.66")
  })
  afterAll(() => stops.disposeAsync())

  it("1: creates an A record of a node group", () => create("A", "www", "1.2.3.4", "node_group"))
  it("2: creates a CNAME record of a website domain", () =>
    create("CNAME", "shop", "www.example.com", "website_domain"))
  it("3: creates a TXT record of an ACME challenge", () => create("TXT", "_acme-challenge", "digest", "acme_challenge"))
  it("4: creates a record of the zone itself, of a line group", () => create("A", "@", "1.2.3.5", "line_group"))
  it("5: creates a record of a name with two labels", async () => {
    await create("A", "a.b", "1.2.3.6", "node_group", 2)
    await create("A", "refused", "192.0.2.66", "external")
  })

  it("6: lists all records", async () => {
    const data = await list()
    expect(data).toMatchObject({ total: 6, page: 1, pageSize: 20 })
    expect(namesIn(data)).toEqual(["@", "_acme-challenge", "a.b", "refused", "shop", "www"])
  })

  it("7: lists by domainId", async () => {
    expect(await list(`?domainId=${domainId}`)).toMatchObject({ total: 6 })
    expect(await list(`?domainId=${domainId + 1}`)).toMatchObject({ total: 0, list: [] })
  })

  it("8: lists by status", async () => {
    await becomes("refused", "error")
    expect(namesIn(await list("?status=error"))).toEqual(["refused"])
    expect(await list("?status=pending&pageSize=1&page=1")).toMatchObject({ page: 1, pageSize: 1 })
  })

  it("9: lists by ownerType and ownerId", async () => {
    expect(namesIn(await list("?ownerType=node_group"))).toEqual(["a.b", "www"])
    expect(namesIn(await list("?ownerType=node_group&ownerId=2"))).toEqual(["a.b"])
  })

  it("10: shows one record", async () => {
    expect(await record("www")).toMatchObject({ id: idOf("www"), domainId, type: "A", name: "www", value: "1.2.3.4" })
    const { body, status } = await api.get("/api/v1/dns/records/999999")
    expect({ status, code: body.code }).toEqual({ status: 404, code: 3001 })
  })

  it("11: waits for the worker", async () => {
    for (const name of ["www", "shop", "_acme-challenge", "@", "a.b"]) await becomes(name, "active")
    expect(shown(zone())).toEqual([
      '_acme-challenge.example.com TXT "digest"',
      "a.b.example.com A 1.2.3.6",
      "example.com A 1.2.3.5",
      "shop.example.com CNAME www.example.com",
      "www.example.com A 1.2.3.4"
    ])
  })

  it("12: shows what converged as active, with the id that Cloudflare gave", async () => {
    const { id } = zone().find(({ name }) => name === "www.example.com") ?? { id: "none" }
    expect(await record("www")).toMatchObject({ status: "active", providerRecordId: id, lastError: "", retryCount: 0 })
  })

  it("13: shows what was refused as an error, with why and when it is tried again", async () => {
    const shownRecord = await record("refused")
    expect(shownRecord).toMatchObject({ status: "error", retryCount: 1, retryStopped: false, providerRecordId: "" })
    expect(shownRecord["lastError"]).toContain("Content for A record is invalid.")
    const wait = (Date.parse(String(shownRecord["nextRetryAt"])) - Date.parse(String(shownRecord["updatedAt"]))) / 1000
    expect(Math.round(wait)).toBe(60)
  })

  it("14: retries by hand", async () => {
    simulator.engine.control.clearFaults()
    expect(await record("refused")).toMatchObject({ status: "error" })
    const { body } = await api.post("/api/v1/dns/records/retry", { id: idOf("refused") })
    expect(body).toEqual({ code: 0, message: "success" })
    await becomes("refused", "active")
    expect(await record("refused")).toMatchObject({ retryCount: 0, lastError: "", nextRetryAt: null })
  })

  it("15: marks records for deletion", async () => {
    holdNextBatch(5000)
    const { body } = await api.post("/api/v1/dns/records/delete", { ids: [idOf("www"), idOf("shop")] })
    expect(body).toEqual({ code: 0, message: "success", data: { affected: 2 } })
  })

  it("16: shows what is to be deleted while it still stands", async () => {
    expect(await record("www")).toMatchObject({ desiredState: "absent" })
    expect(await list(`?domainId=${domainId}`)).toMatchObject({ total: 6 })
    // SQL check 4.
    expect(
      await database.sql("select name from domain_dns_records where desired_state = 'absent' order by name")
    ).toEqual([{ name: "shop" }, { name: "www" }])
  })

  it("17: waits until the worker has deleted them", () =>
    vi.waitFor(async () => expect(await list()).toMatchObject({ total: 4 }), WORKER))

  it("18: finds them gone from the database, and from the zone", async () => {
    const rows = await database.sql("select 1 from domain_dns_records where id = any ($1)", [
      [idOf("www"), idOf("shop")]
    ])
    expect(rows).toEqual([])
    expect((await api.get(`/api/v1/dns/records/${idOf("www")}`)).status).toBe(404)
    expect(shown(zone()).filter((line) => /^(www|shop)\./u.test(line))).toEqual([])
  })

  it("answers its twelve checks by SQL", async () => {
    const { sql } = database
    refuse("192.0.2.67")
    await sql(`insert into domain_dns_records (domain_id, type, name, value, owner_type, owner_id)
      select id, 'A', 'refused-again', '192.0.2.67', 'external', 2 from domains where domain = 'example.com'
      union all select id, 'A', 'waits', '192.0.2.1', 'user', 0 from domains where domain = 'not-there.test'`)
    const again = async () =>
      (await sql("select retry_count, status from domain_dns_records where name = 'refused-again'"))[0]
    const refusedTimes = async (from: number, to: number) => {
      for (let count = from; count <= to; count++) {
        await vi.waitFor(async () => expect(await again()).toEqual({ retry_count: count, status: "error" }), WORKER)
        if (count === to) return
        // The time until the next try goes by; the rest is the product's.
        await sql("update dns_records set next_retry_at = driftless_now() where name = 'refused-again'")
        await sql("update reconcile_work set due_at = driftless_now() where owner is null and write_until is null")
      }
    }
    await refusedTimes(1, 5)
    const half = [{ name: "refused-again" }]
    expect(await sql("select name from domain_dns_records where retry_count >= 5")).toEqual(half)
    expect(await sql("select name from domain_dns_records where next_retry_at is not null")).toEqual(half)
    await sql("update dns_records set next_retry_at = driftless_now() where name = 'refused-again'")
    await refusedTimes(6, 10)
    const active = [{ name: "@" }, { name: "_acme-challenge" }, { name: "a.b" }, { name: "refused" }]
    const checks: ReadonlyArray<readonly [query: string, rows: unknown]> = [
      ["select name from domain_dns_records where status = 'pending'", [{ name: "waits" }]],
      ["select name from domain_dns_records where status = 'active' order by name collate \"C\"", active],
      [
        "select name, last_error from domain_dns_records where status = 'error'",
        [{ name: "refused-again", last_error: expect.stringContaining("Content for A record is invalid.") }]
      ],
      ["select name from domain_dns_records where desired_state = 'absent'", []],
      [
        "select owner_type, count(*)::int from domain_dns_records group by owner_type order by owner_type",
        [
          { owner_type: "acme_challenge", count: 1 },
          { owner_type: "external", count: 2 },
          { owner_type: "line_group", count: 1 },
          { owner_type: "node_group", count: 1 },
          { owner_type: "user", count: 1 }
        ]
      ],
      [
        "select status, count(*)::int from domain_dns_records group by status order by status",
        [
          { status: "active", count: 4 },
          { status: "error", count: 1 },
          { status: "pending", count: 1 }
        ]
      ],
      ["select name from domain_dns_records where retry_count >= 5", [{ name: "refused-again" }]],
      ["select name from domain_dns_records where next_retry_at is not null", []],
      [
        "select name from domain_dns_records where provider_record_id is not null and provider_record_id <> '' order by name collate \"C\"",
        active
      ],
      [
        "select r.name, d.domain from domain_dns_records r join domains d on d.id = r.domain_id where r.name in ('@', 'waits') order by r.name",
        [
          { name: "@", domain: ZONE },
          { name: "waits", domain: "not-there.test" }
        ]
      ],
      [
        "select name from (select * from domain_dns_records order by created_at desc, id desc limit 10) latest limit 2",
        [{ name: "waits" }, { name: "refused-again" }]
      ],
      ["select name from domain_dns_records where retry_count >= 10", [{ name: "refused-again" }]]
    ]
    for (const [query, rows] of checks) expect({ query, rows: await sql(query) }).toEqual({ query, rows })
    simulator.engine.control.clearFaults()
  })

  it("keeps what was put in by SQL alone, and encrypts its token", async () => {
    const { sql } = database
    const zoneId = simulator.engine.control.setZone("by-sql.test")
    await sql("INSERT INTO domains (domain, status) VALUES ('by-sql.test', 'active')")
    await sql(
      "INSERT INTO api_keys (name, api_token, provider, status) VALUES ('Cloudflare API', $1, 'cloudflare', 'active')",
      [TOKEN]
    )
    await sql(
      `INSERT INTO domain_dns_providers (domain_id, provider, provider_zone_id, api_key_id, status)
       SELECT d.id, 'cloudflare', $1, k.id, 'active' FROM domains d, api_keys k
       WHERE d.domain = 'by-sql.test' AND k.name = 'Cloudflare API'`,
      [zoneId]
    )
    await sql(`INSERT INTO domain_dns_records (domain_id, type, name, value, ttl, status, desired_state, owner_type, owner_id)
      SELECT id, 'A', 'www', '192.0.2.1', 120, 'pending', 'present', 'node_group', 1 FROM domains WHERE domain = 'by-sql.test'`)
    const becomesInZone = (lines: ReadonlyArray<string>) =>
      vi.waitFor(() => expect(shown(simulator.engine.control.records("by-sql.test"))).toEqual(lines), WORKER)
    await becomesInZone(["www.by-sql.test A 192.0.2.1"])
    await sql("UPDATE domain_dns_records SET value = '192.0.2.2' WHERE value = '192.0.2.1' AND name = 'www'")
    await becomesInZone(["www.by-sql.test A 192.0.2.2"])
    await sql("DELETE FROM domain_dns_records WHERE name = 'www' AND value = '192.0.2.2'")
    await becomesInZone([])
    await vi.waitFor(
      async () => expect(await sql("select 1 from domain_dns_records where name = 'www'")).toEqual([]),
      WORKER
    )
    const [key] = await sql("select api_token from api_keys where name = 'Cloudflare API'")
    expect(key?.["api_token"]).toMatch(/^v1:[0-9a-f]{16}:/u)
  })
})
