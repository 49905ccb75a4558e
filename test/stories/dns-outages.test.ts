/** When the provider fails: answers that are lost or late, outages, limits, refusals. Nobody pays for what is not theirs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest"
import { charged, isActive, many } from "../support/dns-mishaps.ts"
import { insertRecords, startWorld, TOKEN, type World } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const fault: World["control"]["addFault"] = (fault) => world.control.addFault(fault)

describe("an answer that is lost", () => {
  it("after the change was made: nothing is made twice, and the record is ours", async () => {
    await insertRecords(world, many(3))
    fault({ match: { kind: "batch" }, effect: { do: "lose", when: "after", how: "reset" } })
    await world.pass()
    expect(world.zone()).toHaveLength(3)
    expect((await world.rows()).map(({ status }) => status)).not.toContain("active")
    const records = world.zone().map(({ id }) => id)
    world.calls()
    await world.until(() => isActive(world), "1 minute")
    expect(world.zone().map(({ id }) => id)).toEqual(records)
    expect(world.calls()["batch"]).toBeUndefined()
    expect(await charged(world)).toBe(0)
  })

  it("before the change was made: it is made once", async () => {
    await insertRecords(world, many(3))
    fault({ match: { kind: "batch" }, effect: { do: "lose", when: "before" } })
    await world.pass()
    expect(world.zone()).toEqual([])
    await world.until(() => isActive(world), "1 minute")
    expect(world.zone()).toHaveLength(3)
    expect(await charged(world)).toBe(0)
  })

  it("half way is a lost answer too", async () => {
    await insertRecords(world, many(3))
    fault({ match: { kind: "batch" }, effect: { do: "lose", when: "after", how: "midway" } })
    await world.until(() => isActive(world), "1 minute")
    expect(world.zone()).toHaveLength(3)
  })

  it("of a creation whose row is deleted meanwhile: the record goes too", async () => {
    await insertRecords(world, many(1))
    fault({ match: { kind: "batch" }, effect: { do: "lose", when: "after" } })
    await world.pass()
    await world.sql("delete from domain_dns_records")
    expect(world.zone()).toHaveLength(1)
    await world.until(async () => (await world.rows()).length === 0, "3 minutes")
    expect(world.zone()).toEqual([])
  })

  it("where neither comments nor adoption can help, the intent says that the record is ours", async () => {
    await world.settle()
    await world.sql("update dns_zones set zone_type = 'secondary'")
    await world.sql("update domains set adoption = 'Never'")
    await insertRecords(world, many(1))
    fault({ match: { kind: "batch" }, effect: { do: "lose", when: "after" } })
    await world.until(() => isActive(world), "1 minute")
    expect(world.zone()).toMatchObject([{ comment: null, id: (await world.rows())[0]?.provider_record_id }])
  })
})

describe("an answer that is lost, and a list that is not up to date", () => {
  it("leave no orphan: what appears later is ours, even where no comment says so", async () => {
    await world.settle()
    await world.sql("update dns_zones set zone_type = 'secondary'")
    await world.sql("update domains set adoption = 'Never'")
    await insertRecords(world, many(1))
    fault({ match: { kind: "batch" }, effect: { do: "lose", when: "after" } })
    await world.pass()
    const zones = (records: ReadonlyArray<unknown>) =>
      world.control.restore(JSON.stringify({ version: 1, zones: [{ name: "example.test", records }] }))
    const [landed] = world.zone()
    zones([])
    await world.sql("delete from domain_dns_records")
    await world.advance("15 seconds")
    await world.settle()
    expect(await world.rows()).toHaveLength(1)
    zones([landed])
    await world.until(async () => (await world.rows()).length === 0, "3 minutes")
    expect(world.zone()).toEqual([])
  })
})

describe("an answer that does not come", () => {
  it("ends the call at its deadline, and nothing is sent before the write can no longer land", async () => {
    await insertRecords(world, many(1))
    fault({ match: { kind: "batch" }, effect: { do: "slow", ms: 600_000 } })
    const pass = world.pass()
    await vi.waitFor(() => expect(world.control.counts()["batch"]).toBe(1), { timeout: 20_000 })
    const began = world.clock.now
    await world.advance("10 seconds")
    await pass
    expect(await world.row("n0")).toMatchObject({ status: "pending", retry_count: 0 })
    const [work] = await world.sql<{ write_until: Date; due_at: Date }>(
      "select write_until, due_at from reconcile_work"
    )
    expect(work?.write_until.getTime()).toBe(began + 12_000)
    expect(work?.due_at.getTime()).toBeGreaterThanOrEqual(began + 12_000)
    await world.until(() => isActive(world), "1 minute")
    expect(world.zone()).toHaveLength(1)
  })

  it("is waited for longer where hundreds are sent, and the key is held for as long as those may land", async () => {
    await insertRecords(world, many(201))
    fault({ match: { kind: "batch" }, effect: { do: "slow", ms: 600_000 } })
    const pass = world.pass()
    await vi.waitFor(() => expect(world.control.counts()["batch"]).toBe(1), { timeout: 20_000 })
    const began = world.clock.now
    const [open] = await world.sql<{ write_until: Date }>("select write_until from reconcile_work")
    expect(open?.write_until.getTime()).toBe(began + 32_000)
    await world.advance("30 seconds")
    await pass
    const [left] = await world.sql<{ due_at: Date }>("select due_at from reconcile_work")
    expect(left?.due_at.getTime()).toBeGreaterThanOrEqual(began + 32_000)
  })

  it("of a list is waited for no longer than its deadline", async () => {
    await insertRecords(world, many(1))
    fault({ match: { kind: "list" }, effect: { do: "slow", ms: 600_000 } })
    const pass = world.pass()
    await vi.waitFor(() => expect(world.control.counts()["list"]).toBe(1), { timeout: 20_000 })
    await world.advance("30 seconds")
    await pass
    expect(await world.condition()).toMatchObject({ reason: "ProviderUnavailable", stalled: false })
    await world.until(() => isActive(world), "1 minute")
  })
})

describe("an outage", () => {
  it.each([
    ["of everything", {}],
    ["of writes alone, for two tries", { kind: "batch" }]
  ])("%s: the zone waits and says so, no row is charged, and all converges afterwards", async (_, match) => {
    await insertRecords(world, many(5))
    fault({ match, times: 2, effect: { do: "answer", status: 503, body: "html" } })
    await world.pass()
    expect(await world.condition()).toMatchObject({ reason: "ProviderUnavailable", stalled: false })
    await world.until(() => isActive(world), "1 minute")
    expect(await charged(world)).toBe(0)
    await world.settle()
    expect(await world.condition()).toBeUndefined()
  })

  it("of an hour: no row is charged, and the provider is asked ever more rarely, at most every five minutes", async () => {
    await insertRecords(world, many(2))
    fault({ times: "always", effect: { do: "answer", status: 500 } })
    const end = world.clock.now + 3_600_000
    await world.until(() => world.clock.now > end, "2 hours")
    expect(world.calls()["total"]).toBeLessThan(30)
    expect(await charged(world)).toBe(0)
    world.control.clearFaults()
    await world.until(() => isActive(world), "6 minutes")
  })
})

describe("a rate limit", () => {
  it("keeps everybody from calling until it is over, and charges no row", async () => {
    await insertRecords(world, many(2))
    await world.settle()
    world.control.block(TOKEN, 120)
    await world.advance("41 seconds")
    await world.pass()
    expect(world.calls()["status 429"]).toBe(1)
    expect(await world.condition()).toMatchObject({ reason: "RateLimited", stalled: false })
    await insertRecords(world, [{ name: "more", value: "192.0.2.1" }])
    for (let waited = 0; waited < 75; waited += 5) {
      await world.advance("5 seconds")
      await world.settle("one")
      await world.settle("two")
    }
    expect(world.calls()["total"]).toBeUndefined()
    expect(await charged(world)).toBe(0)
    await world.until(() => isActive(world), "1 minute")
    expect(world.calls()["status 429"]).toBeUndefined()
  })

  it("that refuses a change takes its intent back and changes nothing", async () => {
    await insertRecords(world, many(2))
    fault({ match: { kind: "batch" }, effect: { do: "answer", status: 429, retryAfterSeconds: 30 } })
    await world.settle()
    expect(world.zone()).toEqual([])
    expect(await world.sql("select * from dns_ledger")).toEqual([])
    expect(await world.until(() => isActive(world), "1 minute")).toBeGreaterThanOrEqual(30)
  })
})

describe("a token that is refused", () => {
  it("stops the zone until a person helps; no row is charged; a new token is used at once", async () => {
    await insertRecords(world, many(2))
    world.control.setToken(TOKEN, { active: false })
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "CredentialRejected", stalled: true })
    expect(await charged(world)).toBe(0)
    world.control.setToken("another-token-of-the-tests", { active: true })
    await world.sql("update api_keys set api_token = 'another-token-of-the-tests'")
    await world.settle()
    expect(await isActive(world)).toBe(true)
    expect(await world.condition()).toBeUndefined()
  })

  it("for changes alone is the same", async () => {
    await insertRecords(world, many(2))
    world.control.setToken(TOKEN, { active: true, readOnly: true })
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "CredentialRejected", stalled: true })
    expect(await charged(world)).toBe(0)
    world.control.setToken(TOKEN, { active: true })
    await world.until(() => isActive(world), "2 minutes")
  })
})
