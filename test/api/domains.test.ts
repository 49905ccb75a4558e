/** Credentials and domains over HTTP, on a real database. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { aDomain, type Surfaces, start } from "../support/control-plane.ts"

let plane: Surfaces

beforeAll(async () => {
  plane = await start()
})
afterAll(() => plane.close())

const KEYS = "/api/v1/api-keys"
const DOMAINS = "/api/v1/domains"
const TOKEN = "canary-token-0123456789-abcd"

const aKey = async (name: string, apiToken = TOKEN) =>
  Number((await plane.post(`${KEYS}/create`, { name, provider: "cloudflare", apiToken })).body.data["id"])

const aRecord = async (domainId: number, name: string) =>
  Number(
    (await plane.post("/api/v1/dns/records/create", { domainId, type: "A", name, value: "192.0.2.1" })).body.data["id"]
  )

describe("api-keys", () => {
  it("encrypts the token and shows its last four characters", async () => {
    const { body, text } = await plane.post(`${KEYS}/create`, { name: "main", provider: "cloudflare", apiToken: TOKEN })
    expect(body.data).toMatchObject({
      name: "main",
      provider: "cloudflare",
      status: "active",
      apiTokenMasked: "****abcd"
    })
    expect(text).not.toContain(TOKEN)
    const [row] = await plane.sql("select api_token from api_keys where id = $1", [body.data["id"]])
    expect(row?.["api_token"]).toMatch(/^v1:/u)
  })

  it("shows nothing of a short token", async () => {
    const { body } = await plane.post(`${KEYS}/create`, {
      name: "short",
      provider: "cloudflare",
      apiToken: "elevenchars"
    })
    expect(body.data["apiTokenMasked"]).toBe("****")
  })

  it("encrypts a token that SQL put in when it is first read", async () => {
    const [row] = await plane.sql(
      "insert into api_keys (name, api_token, provider, status) values ('by hand', $1, 'cloudflare', 'active') returning id",
      [TOKEN]
    )
    const { body, text } = await plane.get(`${KEYS}?pageSize=100`)
    expect(text).not.toContain(TOKEN)
    expect(body.data["list"]).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: row?.["id"], apiTokenMasked: "****abcd" })])
    )
    const [after] = await plane.sql("select api_token from api_keys where id = $1", [row?.["id"]])
    expect(after?.["api_token"]).toMatch(/^v1:/u)
  })

  it("gives a new token, and makes the zones of the credential due", async () => {
    const { apiKeyId, domainId } = await aDomain(plane, "rotate.test")
    const generation = async () =>
      Number(
        (await plane.sql("select generation from reconcile_work where key = $1", [String(domainId)]))[0]?.["generation"]
      )
    const before = await generation()
    const { body } = await plane.post(`${KEYS}/update`, { id: apiKeyId, apiToken: "another-token-0123456789-wxyz" })
    expect(body.data["apiTokenMasked"]).toBe("****wxyz")
    expect(await generation()).toBe(before + 1)
  })

  it("switches a credential off and renames it", async () => {
    const id = await aKey("off")
    const { body } = await plane.post(`${KEYS}/update`, { id, status: "inactive", name: "renamed" })
    expect(body.data).toMatchObject({ id, status: "inactive", name: "renamed", apiTokenMasked: "****abcd" })
  })

  it("deletes what nobody uses and refuses what is used", async () => {
    const id = await aKey("unused")
    expect((await plane.post(`${KEYS}/delete`, { ids: [id, 999_999] })).body.data).toEqual({ affected: 1 })
    const { apiKeyId } = await aDomain(plane, "uses.test")
    const { body, status } = await plane.post(`${KEYS}/delete`, { ids: [apiKeyId] })
    expect([status, body.code]).toEqual([409, 3003])
    expect(body.message).toContain("uses.test")
  })

  it.each<readonly [number, object, string]>([
    [2001, { name: "a", provider: "cloudflare" }, "apiToken"],
    [2002, { name: "a", provider: "cloudflare", apiToken: "with blank" }, "apiToken"],
    [2002, { name: "a", provider: "cloudflare", apiToken: "line\nbreak" }, "apiToken"],
    [2003, { name: "a", provider: "aliyun", apiToken: TOKEN }, "provider"],
    [2003, { name: "", provider: "cloudflare", apiToken: TOKEN }, "name"]
  ])("answers %i for %j, and quotes no token", async (code, input, path) => {
    const { body, text } = await plane.post(`${KEYS}/create`, input)
    expect([body.code, body.data["errors"]?.["0"]?.["path"]]).toEqual([code, path])
    expect(text).not.toMatch(/canary|with blank|line/u)
  })

  it("answers 404 for one that is not there", async () => {
    expect((await plane.post(`${KEYS}/update`, { id: 999_999, name: "x" })).body.code).toBe(3001)
  })
})

describe("domains", () => {
  it("answers with an id at once, before anybody has looked for the zone", async () => {
    const apiKeyId = await aKey("d")
    const { body, status } = await plane.post(`${DOMAINS}/create`, { domain: "Bücher.Example.", apiKeyId })
    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      id: expect.any(Number),
      domain: "xn--bcher-kva.example",
      apiKeyId,
      zoneId: "",
      status: "active",
      purpose: "unset",
      adoption: "Matching",
      deletionPolicy: "Delete",
      maxDeletions: null,
      batchLimit: null
    })
    const [work] = await plane.sql("select priority from reconcile_work where key = $1", [
      String(Number(body.data["id"]))
    ])
    expect(work?.["priority"]).toBe(100)
  })

  it("keeps every setting", async () => {
    const settings = {
      purpose: "cdn",
      adoption: "Never",
      deletionPolicy: "Retain",
      maxDeletions: "30%",
      batchLimit: 100,
      zoneId: "0123456789abcdef0123456789abcdef"
    }
    const { body } = await plane.post(`${DOMAINS}/create`, {
      domain: "set.test",
      apiKeyId: await aKey("s"),
      ...settings
    })
    expect(body.data).toMatchObject(settings)
    const { body: changed } = await plane.post(`${DOMAINS}/update`, {
      id: body.data["id"],
      maxDeletions: null,
      batchLimit: null,
      adoption: "Matching",
      status: "inactive"
    })
    expect(changed.data).toMatchObject({
      maxDeletions: null,
      batchLimit: null,
      adoption: "Matching",
      deletionPolicy: "Retain",
      status: "inactive",
      zoneId: settings.zoneId
    })
  })

  it("refuses the same domain again, in whatever letters", async () => {
    const { apiKeyId } = await aDomain(plane, "once.test")
    const { body, status } = await plane.post(`${DOMAINS}/create`, { domain: "ONCE.test", apiKeyId })
    expect([status, body.code]).toEqual([409, 3002])
  })

  it.each<readonly [number, object]>([
    [2002, { domain: "192.0.2.1" }],
    [2002, { domain: "test" }],
    [3001, { domain: "nokey.test", apiKeyId: 999_999 }],
    [2003, { domain: "limit.test", batchLimit: 3501 }]
  ])("answers %i for %j", async (code, some) => {
    expect((await plane.post(`${DOMAINS}/create`, { apiKeyId: await aKey("x"), ...some })).body.code).toBe(code)
  })

  it("counts records and shows how far it is", async () => {
    const { domainId } = await aDomain(plane, "far.test")
    const [one, two] = [await aRecord(domainId, "a"), await aRecord(domainId, "b")]
    await plane.sql("update dns_records set observed_generation = generation where id = $1", [one])
    await plane.sql(
      `update dns_records set rejected_generation = generation, retry_stopped = true, retry_count = 10,
        error_reason = 'HeldBySomeoneElse', last_error = 'somebody has it' where id = $1`,
      [two]
    )
    const { data } = (await plane.get(`${DOMAINS}/${domainId}`)).body
    expect(data).toMatchObject({
      records: { total: 2, active: 1, pending: 0, running: 0, error: 1, stopped: 1 },
      problems: [{ id: two, name: "b", reason: "HeldBySomeoneElse", message: "somebody has it", retryStopped: true }],
      conditions: [
        { type: "Ready", status: "False", reason: "HeldBySomeoneElse" },
        { type: "Reconciling", status: "False" },
        { type: "Stalled", status: "True" }
      ]
    })
  })

  it("shows what the last pass of its zone said", async () => {
    const { domainId } = await aDomain(plane, "said.test")
    await plane.sql(
      `insert into reconcile_conditions (reconciler, key, stalled, reason, message, observed_generation, since)
        values ('dns', $1, false, 'ZoneNotFound', 'no such zone yet', 1, '2026-01-01T00:00:00Z')`,
      [String(domainId)]
    )
    const { data } = (await plane.get(`${DOMAINS}/${domainId}`)).body
    expect(data["conditions"]?.["0"]).toEqual({
      type: "Ready",
      status: "False",
      reason: "ZoneNotFound",
      message: "no such zone yet",
      observedGeneration: 1,
      lastTransitionTime: "2026-01-01T00:00:00.000Z"
    })
  })

  it("shows a domain that SQL made without a binding, and binds it", async () => {
    const [row] = await plane.sql("insert into domains (domain, status) values ('unbound.test', 'active') returning id")
    expect((await plane.get(`${DOMAINS}/${Number(row?.["id"])}`)).body.data).toMatchObject({
      domain: "unbound.test",
      apiKeyId: null
    })
    const apiKeyId = await aKey("binds")
    const { body } = await plane.post(`${DOMAINS}/update`, { id: row?.["id"], apiKeyId })
    expect(body.data).toMatchObject({ apiKeyId, provider: "cloudflare" })
  })

  it("confirms deletions that wait", async () => {
    const { domainId } = await aDomain(plane, "confirm.test")
    await plane.post(`${DOMAINS}/update`, { id: domainId, confirmDeletions: true })
    const [row] = await plane.sql("select deletions_confirmed_at <= now() as done from domains where id = $1", [
      domainId
    ])
    expect(row?.["done"]).toBe(true)
  })

  it("forgets the zone on a rebind, and takes it from whoever works on it", async () => {
    const { domainId } = await aDomain(plane, "move.test")
    const recordId = await aRecord(domainId, "www")
    await plane.sql(
      "update dns_records set observed_generation = generation, provider_record_id = 'old' where id = $1",
      [recordId]
    )
    await plane.sql(
      "update domain_dns_providers set provider_zone_id = 'z', bound_to = 'simulator', bound_account = 'a' where domain_id = $1",
      [domainId]
    )
    await plane.sql(
      "insert into dns_ledger (domain_id, provider_record_id, type, name, value) values ($1, 'old', 'A', 'www', 'v')",
      [domainId]
    )
    await plane.sql("insert into dns_tombstones (domain_id, type, name, value) values ($1, 'A', 'x', 'v')", [domainId])
    await plane.sql("insert into dns_zones (domain_id) values ($1)", [domainId])
    await plane.sql(
      "update reconcile_work set owner = 'somebody', fence = 7, due_at = now() + interval '15 s' where key = $1",
      [String(domainId)]
    )

    const { body } = await plane.post(`${DOMAINS}/update`, { id: domainId, rebind: true })
    expect(body.data).toMatchObject({ zoneId: "", boundTo: null, records: { active: 0, pending: 1 } })
    for (const table of ["dns_ledger", "dns_tombstones", "dns_zones"]) {
      expect(await plane.sql(`select 1 from ${table} where domain_id = $1`, [domainId])).toEqual([])
    }
    const [record] = await plane.sql("select provider_record_id, generation from dns_records where id = $1", [recordId])
    expect(record).toEqual({ provider_record_id: "", generation: 2 })
    const [work] = await plane.sql("select owner, fence, due_at <= now() as due from reconcile_work where key = $1", [
      String(domainId)
    ])
    expect(work).toEqual({ owner: null, fence: 8, due: true })
  })

  it("deletes a domain without records and refuses one with records", async () => {
    const { domainId } = await aDomain(plane, "empty.test")
    const recordId = await aRecord(domainId, "www")
    const { body, status } = await plane.post(`${DOMAINS}/delete`, { ids: [domainId] })
    expect([status, body.code]).toEqual([409, 3003])
    await plane.sql("delete from dns_records where id = $1", [recordId])
    expect((await plane.post(`${DOMAINS}/delete`, { ids: [domainId] })).body.data).toEqual({ affected: 1 })
    expect((await plane.get(`${DOMAINS}/${domainId}`)).status).toBe(404)
    expect(await plane.sql("select 1 from reconcile_work where key = $1", [String(domainId)])).toEqual([])
  })

  it("lists in pages", async () => {
    const { data } = (await plane.get(`${DOMAINS}?pageSize=1&page=2`)).body
    expect(data).toMatchObject({ page: 2, pageSize: 1 })
    expect(data["list"]).toHaveLength(1)
    expect(Number(data["total"])).toBeGreaterThan(2)
  })
})
