/** Our mark beside the words of users, rows that share a record, and records that are left to others. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { aDay, strange } from "../support/dns-mishaps.ts"
import { insertRecords, INSTANCE, MARK, shown, startWorld, type World, ZONE } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const www = { type: "A", name: "www", content: "192.0.2.1" }
const wanted = { name: "www", value: "192.0.2.1" }

describe("our mark", () => {
  it("makes a record without a ledger entry ours: it serves its row, or is cleaned up", async () => {
    const ours = strange(world, { ...www, comment: MARK })
    strange(world, { type: "A", name: "left-over", content: "192.0.2.5", comment: MARK })
    await insertRecords(world, [wanted])
    await world.settle()
    expect(world.zone()).toMatchObject([{ id: ours.id }])
    expect(await world.row("www")).toMatchObject({ status: "active", provider_record_id: ours.id })
  })

  it("stands after the user's own words, which may change", async () => {
    await insertRecords(world, [{ ...wanted, comment: "  front page " }])
    await world.settle()
    expect(world.zone()).toMatchObject([{ comment: `front page ${MARK}` }])
    await world.sql("update domain_dns_records set comment = 'start page'")
    await world.settle()
    expect(world.zone()).toMatchObject([{ comment: `start page ${MARK}` }])
    world.calls()
    await world.advance("41 seconds")
    await world.settle("two")
    expect(world.calls()["batch"]).toBeUndefined()
  })

  it("fits with the words into what the plan allows; a comment without room is refused, and only that row", async () => {
    world.control.setZone(ZONE, { plan: "free" })
    const room = 100 - MARK.length - 1
    await insertRecords(world, [
      { name: "fits", value: "192.0.2.1", comment: "x".repeat(room) },
      { name: "not", value: "192.0.2.2", comment: "x".repeat(room + 1) }
    ])
    await world.settle()
    expect(await world.row("fits")).toMatchObject({ status: "active" })
    expect(world.zone()).toMatchObject([{ name: "fits.example.test", comment: `${"x".repeat(room)} ${MARK}` }])
    expect(await world.row("not")).toMatchObject({ status: "error", error_reason: "InvalidRecord" })
    expect((await world.row("not")).last_error).toContain(`leaves room for ${room}`)
  })

  it("is not written where comments cannot be had: there the ledger alone decides", async () => {
    await world.settle()
    await world.sql("update dns_zones set zone_type = 'secondary'")
    const { id: theirs } = strange(world, { type: "TXT", name: "www", content: '"theirs"' })
    await insertRecords(world, [wanted])
    await world.settle()
    expect(world.zone().map(({ comment }) => comment)).toEqual([null, null])
    expect(await world.row("www")).toMatchObject({ status: "active" })
    await world.sql("update domain_dns_records set value = '192.0.2.2'")
    await world.settle("two")
    await world.sql("delete from domain_dns_records")
    await world.settle("three")
    expect(world.zone()).toMatchObject([{ id: theirs }])
    expect(await world.rows()).toEqual([])
  })
})

describe("rows that want the same", () => {
  it("share one record, which goes with the last of them", async () => {
    await insertRecords(world, [
      { ...wanted, owner: ["node_group", 1] },
      { ...wanted, owner: ["line_group", 2] }
    ])
    await world.settle()
    expect(world.zone()).toHaveLength(1)
    const [one, other] = await world.rows()
    expect([one?.status, other?.status, one?.provider_record_id]).toEqual([
      "active",
      "active",
      other?.provider_record_id
    ])
    await world.sql("delete from domain_dns_records where owner_id = 1")
    await world.settle()
    expect(world.zone()).toHaveLength(1)
    expect(await world.row("www")).toMatchObject({ status: "active" })
    await world.sql("delete from domain_dns_records where owner_id = 2")
    await world.settle()
    expect(world.zone()).toEqual([])
    expect(await world.rows()).toEqual([])
  })

  it.each([
    ["another ttl", [wanted, { ...wanted, ttl: 600, owner: ["external", 1] as const }]],
    [
      "another CNAME target",
      [
        { name: "www", type: "CNAME", value: "a.example.net" },
        { name: "www", type: "CNAME", value: "b.example.net" }
      ]
    ],
    ["a CNAME beside an A", [wanted, { name: "www", type: "CNAME", value: "a.example.net" }]]
  ])(
    "but with %s: the oldest wins, the other says Conflict and names it, and takes over when it goes",
    async (_, rows) => {
      const [winner] = await insertRecords(world, rows)
      await world.settle()
      const [first, second] = await world.rows()
      expect(first).toMatchObject({ id: winner, status: "active" })
      expect(second).toMatchObject({ status: "error", error_reason: "Conflict" })
      expect(second?.last_error).toContain(`record ${winner} asks for`)
      expect(world.zone()).toHaveLength(1)
      await world.sql("delete from domain_dns_records where id = $1", [winner])
      await world.settle()
      expect(await world.rows()).toMatchObject([{ id: second?.id, status: "active" }])
      expect(world.zone()).toHaveLength(1)
    }
  )
})

describe("deletionPolicy Retain", () => {
  it("leaves the record, takes our mark off it, and keeps the user's words", async () => {
    await world.sql("update domains set deletion_policy = 'Retain'")
    await insertRecords(world, [{ ...wanted, comment: "front page" }])
    await world.settle()
    const [before] = world.zone()
    await world.sql("delete from domain_dns_records")
    await world.settle()
    expect(await world.rows()).toEqual([])
    expect(world.zone()).toMatchObject([{ id: before?.id, content: "192.0.2.1", comment: "front page" }])
    expect(await world.sql("select * from dns_ledger")).toEqual([])
    await aDay(world)
    expect(world.zone()).toMatchObject([{ id: before?.id, comment: "front page" }])
    expect(world.zone().some(({ comment }) => comment?.includes(INSTANCE))).toBe(false)
  })

  it("refuses what cannot stand beside the record that is left", async () => {
    await world.sql("update domains set deletion_policy = 'Retain'")
    await insertRecords(world, [wanted])
    await world.settle()
    await world.sql("update dns_records set type = 'CNAME', value = 'a.example.net'")
    await world.settle()
    expect(await world.row("www")).toMatchObject({ status: "error", error_reason: "HeldBySomeoneElse" })
    expect(shown(world.zone())).toEqual(["www.example.test A 192.0.2.1"])
  })
})
