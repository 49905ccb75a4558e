/** Faults of DNS that the seeds had in practice, by their numbers: edits while the provider is called, and what the zone holds besides. */
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { rejectAlways, remove } from "../support/dns-mishaps.ts"
import { insertRecords, shown, startWorld, type World, ZONE } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

describe("an edit while the provider is called", () => {
  /** Runs a pass; right after the provider carried out its batch, before anybody knows, this happens. */
  const during = (happens: () => Promise<unknown>) =>
    world.pass("one", (step) => (step === "after batch" ? Effect.asVoid(Effect.promise(happens)) : Effect.void))

  it("L9: of the value is not shown as done, and is done next", async () => {
    await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    await during(() => world.sql("update domain_dns_records set value = '192.0.2.2' where name = 'www'"))
    expect(await world.row("www")).toMatchObject({ value: "192.0.2.2", status: "pending" })
    expect(shown(world.zone())).toEqual(["www.example.test A 192.0.2.1"])
    await world.settle()
    expect(await world.row("www")).toMatchObject({ status: "active" })
    expect(shown(world.zone())).toEqual(["www.example.test A 192.0.2.2"])
  })

  it("L9: a deletion leaves no orphan", async () => {
    await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    await during(() => remove(world, "www"))
    expect(await world.row("www")).toMatchObject({ desired_state: "absent", status: "pending" })
    await world.settle()
    expect(await world.rows()).toEqual([])
    expect(world.zone()).toEqual([])
  })

  it("L9: a row that is wanted again while it is deleted comes back under its id", async () => {
    const [id] = await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    await world.settle()
    await remove(world, "www")
    await during(() => world.sql("update domain_dns_records set desired_state = 'present' where name = 'www'"))
    await world.settle()
    expect(await world.row("www")).toMatchObject({ id, status: "active" })
    expect(world.zone()).toMatchObject([{ id: (await world.row("www")).provider_record_id }])
  })

  it("L9: a rejection is not charged to what was edited meanwhile", async () => {
    rejectAlways(world, "192.0.2.66")
    await insertRecords(world, [{ name: "www", value: "192.0.2.66" }])
    await world.pass("one", (step) =>
      step === "before dns.refused"
        ? Effect.asVoid(Effect.promise(() => world.sql("update domain_dns_records set value = '192.0.2.1'")))
        : Effect.void
    )
    expect(await world.row("www")).toMatchObject({ status: "pending", retry_count: 0, last_error: "" })
    await world.settle()
    expect(await world.row("www")).toMatchObject({ status: "active" })
  })
})

describe("what the zone holds besides", () => {
  it("L43: a row that is to go is not brought back by its record, and an owned value is not overwritten", async () => {
    await insertRecords(world, [
      { name: "gone", value: "192.0.2.1" },
      { name: "kept", value: "192.0.2.2" }
    ])
    await world.settle()
    const kept = world.zone().find(({ name }) => name === "kept.example.test")
    world.control.edit({ op: "edit", zone: ZONE, id: kept?.id ?? "", fields: { content: "192.0.2.99" } })
    await world.sql("update domains set status = 'inactive'")
    await remove(world, "gone")
    await world.sql("update domains set status = 'active'")
    await world.advance("41 seconds")
    await world.settle("two")
    expect((await world.rows()).map(({ name, value }) => [name, value])).toEqual([["kept", "192.0.2.2"]])
    expect(shown(world.zone())).toEqual(["kept.example.test A 192.0.2.2"])
  })

  it("L43: records beyond the first page are seen, and the zone's own and read-only ones are left alone", async () => {
    const many = Array.from({ length: 5200 }, (_, i) => ({ name: `n${i}`, value: `192.0.2.${i % 250}` }))
    for (const readOnly of [true, false]) {
      world.control.edit({
        op: "create",
        zone: ZONE,
        record: { type: "NS", name: "@", content: `ns${readOnly}.example.net`, readOnly }
      })
    }
    world.control.edit({
      op: "create",
      zone: ZONE,
      record: { type: "MX", name: "@", content: "route.example.net", priority: 1, readOnly: true }
    })
    await insertRecords(world, many)
    await world.settle()
    expect(world.zone()).toHaveLength(5203)
    world.calls()
    await world.advance("41 seconds")
    await world.settle("two")
    expect(world.calls()).toMatchObject({ list: 2, total: 2 })
    expect(world.zone()).toHaveLength(5203)
    expect(await world.sql("select count(*)::int as rows from domain_dns_records where status = 'active'")).toEqual([
      { rows: 5200 }
    ])
  })
})
