/** Whose a record is: what is not ours is never touched, what is ours goes with its last row. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { aDay, strange } from "../support/dns-mishaps.ts"
import { insertRecords, MARK, startWorld, type World, ZONE } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const www = { type: "A", name: "www", content: "192.0.2.1" }
const wanted = { name: "www", value: "192.0.2.1" }

describe("a stranger's record that is the same", () => {
  it("is adopted as it stands, marked, brought to the row's settings, and goes with its row", async () => {
    const { id } = strange(world, { ...www, comment: "theirs", ttl: 300 })
    await insertRecords(world, [wanted])
    await world.settle()
    expect(world.zone()).toMatchObject([{ id, comment: `theirs ${MARK}`, ttl: 120 }])
    expect(await world.row("www")).toMatchObject({ status: "active", provider_record_id: id })
    await world.sql("delete from domain_dns_records")
    await world.settle()
    expect(world.zone()).toEqual([])
    expect(await world.rows()).toEqual([])
  })

  it("is left alone with adoption Never; the row says who holds it, and proceeds when it is gone", async () => {
    await world.sql("update domains set adoption = 'Never'")
    const { id } = strange(world, www)
    await insertRecords(world, [wanted])
    await world.settle()
    const row = await world.row("www")
    expect(row).toMatchObject({
      status: "error",
      error_reason: "HeldBySomeoneElse",
      retry_count: 1,
      provider_record_id: ""
    })
    expect(row.last_error).toContain("somebody else keeps www.example.test as A 192.0.2.1")
    expect(world.zone()).toMatchObject([{ id, comment: null }])
    await world.sql("delete from domain_dns_records")
    await world.settle()
    expect(await world.rows()).toEqual([])
    expect(world.zone()).toMatchObject([{ id }])
  })

  it.each([
    [
      "carries the mark of another installation",
      { comment: "x [driftless:ba9876543210]" },
      "the Driftless ba9876543210 keeps"
    ],
    ["is read-only", { readOnly: true }, "the provider itself keeps"]
  ])("is left alone when it %s", async (_, facts, words) => {
    const before = strange(world, { ...www, ...facts })
    await insertRecords(world, [wanted])
    await world.settle()
    expect(await world.row("www")).toMatchObject({ status: "error", error_reason: "HeldBySomeoneElse" })
    expect((await world.row("www")).last_error).toContain(words)
    expect(world.zone()).toEqual([before])
  })
})

describe("a stranger's record that differs", () => {
  it.each([
    ["an A beside an A", { type: "A", name: "www", content: "192.0.2.77" }, wanted],
    ["a CNAME beside an A", { type: "CNAME", name: "www", content: "other.example.net" }, wanted],
    [
      "an A beside a CNAME",
      { type: "A", name: "www", content: "192.0.2.77" },
      { name: "www", type: "CNAME", value: "mine.example.net" }
    ],
    [
      "an NS beside a TXT",
      { type: "NS", name: "www", content: "ns1.example.net" },
      { name: "www", type: "TXT", value: "words" }
    ]
  ])("keeps the row out: %s", async (_, record, row) => {
    const before = strange(world, record)
    await insertRecords(world, [row])
    world.calls()
    await world.settle()
    expect(await world.row("www")).toMatchObject({ status: "error", error_reason: "HeldBySomeoneElse" })
    expect(world.zone()).toEqual([before])
    expect(world.calls()["batch"]).toBeUndefined()
  })

  it.each([
    ["TXT", { content: '"theirs"' }, "mine"],
    ["MX", { content: "theirs.example.net", priority: 5 }, "10 mine.example.net"],
    ["CAA", { content: '0 issue "theirs.example.net"' }, '0 issue "mine.example.net"'],
    ["SRV", { content: "1 1 theirs.example.net", priority: 1 }, "1 1 1 mine.example.net"]
  ])("is left beside ours where both can stand: %s", async (type, theirs, value) => {
    const before = strange(world, { type, name: "_sip._tcp", ...theirs })
    await insertRecords(world, [{ name: "_sip._tcp", type, value }])
    await world.settle()
    expect(await world.row("_sip._tcp")).toMatchObject({ status: "active" })
    expect(world.zone()).toHaveLength(2)
    expect(world.zone()).toContainEqual(before)
  })

  it("stops being retried after ten times, and lets the row proceed at once when it is gone even then", async () => {
    const { id } = strange(world, { ...www, content: "192.0.2.77" })
    await insertRecords(world, [wanted])
    world.calls()
    while (!(await world.row("www")).retry_stopped) {
      await world.settle()
      await world.advance("5 minutes")
    }
    expect(await world.row("www")).toMatchObject({ status: "error", retry_count: 10, next_retry_at: null })
    await aDay(world)
    expect(await world.row("www")).toMatchObject({ retry_count: 10, error_reason: "HeldBySomeoneElse" })
    expect(await world.condition()).toMatchObject({ stalled: true })
    expect(world.calls()["batch"]).toBeUndefined()
    world.control.edit({ op: "delete", zone: ZONE, id })
    await world.advance("41 seconds")
    await world.settle()
    expect(await world.row("www")).toMatchObject({
      status: "active",
      retry_count: 0,
      retry_stopped: false,
      error_reason: null
    })
    expect(await world.condition()).toBeUndefined()
  })
})

describe("a creation that was refused since the same record stood there by then", () => {
  /** As when it was delivered twice and the refusal of the second is what was heard; no comment says whose it is. */
  const deliveredTwice = async (zoneType: string) => {
    await world.settle()
    await world.sql("update dns_zones set zone_type = $1", [zoneType])
    await insertRecords(world, [wanted])
    const landed = { op: "create", zone: ZONE, record: www } as const
    await world.advance("41 seconds")
    world.control.addFault({ match: { kind: "list" }, effect: { do: "edit", edit: landed } })
    await world.pass()
    expect(await world.row("www")).toMatchObject({ error_reason: "RejectedByProvider", provider_record_id: "" })
    return world.zone()[0]?.id
  }

  it("is ours where no record can bear our mark, also when something else is wanted by now", async () => {
    const id = await deliveredTwice("secondary")
    await world.sql("update domain_dns_records set value = '192.0.2.2'")
    await world.settle()
    expect(world.zone()).toMatchObject([{ id, content: "192.0.2.2" }])
    expect(await world.row("www")).toMatchObject({ status: "active", provider_record_id: id })
  })

  it("is ours there, and goes, when nothing is wanted by now", async () => {
    await deliveredTwice("secondary")
    await world.sql("delete from domain_dns_records")
    await world.until(async () => (await world.rows()).length === 0, "3 minutes")
    expect(world.zone()).toEqual([])
  })

  it.each([
    ["where ours bears our mark", "full", "Matching"],
    ["where nothing is adopted", "secondary", "Never"]
  ])("is a stranger's %s", async (_, zoneType, adoption) => {
    await world.sql("update domains set adoption = $1", [adoption])
    const id = await deliveredTwice(zoneType)
    await world.sql("update domain_dns_records set value = '192.0.2.2'")
    await world.settle()
    expect(world.zone()).toMatchObject([{ id, content: "192.0.2.1" }])
    expect(await world.row("www")).toMatchObject({ error_reason: "HeldBySomeoneElse" })
  })
})

describe("the zone's own records", () => {
  it("NS and SOA of the apex are never touched, and do not keep other records from the apex", async () => {
    const before = [
      strange(world, { type: "NS", name: "@", content: "ns1.example.net" }),
      strange(world, { type: "SOA", name: "@", content: "ns1.example.net dns.example.net 1 2 3 4 5" })
    ]
    await insertRecords(world, [
      { name: "@", value: "192.0.2.1" },
      { name: "@", type: "MX", value: "10 mail.example.net" },
      { name: "@", type: "NS", value: "ns1.example.net" },
      { name: "@", type: "NS", value: "mine.example.net" }
    ])
    await world.settle()
    expect(
      (await world.rows()).map(({ error_reason, status, type, value }) => [type, value, status, error_reason])
    ).toEqual([
      ["A", "192.0.2.1", "active", null],
      ["MX", "10 mail.example.net", "active", null],
      ["NS", "ns1.example.net", "error", "ReservedByProvider"],
      ["NS", "mine.example.net", "error", "ReservedByProvider"]
    ])
    await world.sql("delete from domain_dns_records")
    await world.settle()
    expect(await world.rows()).toEqual([])
    expect(world.zone()).toEqual(before)
  })
})
