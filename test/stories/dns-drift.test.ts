/** What others do to a zone is seen by the timer, counted by its kind and healed; a zone that is as asked for costs nothing. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Metrics } from "../../src/metrics.ts"
import { insertRecords, MARK, shown, startWorld, TOKEN, type World, ZONE } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const recordOf = (name: string) =>
  world.zone().find((record) => record.name === `${name}.example.test`)?.id ?? "there is none"
/** Drift counted since the last time this was asked. */
const drift = (() => {
  let before: Readonly<Record<string, number>> = {}
  return async () => {
    const { values } = await world.run(Metrics.useSync((metrics) => metrics.dnsDrift)).then((counter) => counter.get())
    const now = Object.fromEntries(values.map(({ labels, value }) => [String(labels["kind"]), value]))
    const since = Object.entries(now).flatMap(([kind, value]) =>
      value > (before[kind] ?? 0) ? [[kind, value - (before[kind] ?? 0)]] : []
    )
    before = now
    return Object.fromEntries(since)
  }
})()

const begun = async () => {
  await insertRecords(world, [
    { name: "one", value: "192.0.2.1" },
    { name: "two", value: "192.0.2.2" },
    { name: "three", type: "TXT", value: "words" }
  ])
  await world.settle()
  await drift()
}
const WANTED = ["one.example.test A 192.0.2.1", 'three.example.test TXT "words"', "two.example.test A 192.0.2.2"]

describe("what somebody else did", () => {
  it.each([
    ["deleted", () => world.control.edit({ op: "delete", zone: ZONE, id: recordOf("one") }), { deleted: 1 }],
    [
      "given another value",
      () => world.control.edit({ op: "edit", zone: ZONE, id: recordOf("one"), fields: { content: "192.0.2.66" } }),
      { edited: 1 }
    ],
    [
      "given another ttl",
      () => world.control.edit({ op: "edit", zone: ZONE, id: recordOf("one"), fields: { ttl: 3600 } }),
      { edited: 1 }
    ],
    [
      "given another name",
      () => world.control.edit({ op: "edit", zone: ZONE, id: recordOf("one"), fields: { name: "elsewhere" } }),
      { edited: 1 }
    ],
    [
      "given another type",
      () =>
        world.control.edit({
          op: "edit",
          zone: ZONE,
          id: recordOf("one"),
          fields: { type: "CNAME", content: "a.example.net" }
        }),
      { edited: 1 }
    ],
    [
      "robbed of our mark",
      () => world.control.edit({ op: "edit", zone: ZONE, id: recordOf("three"), fields: { comment: null } }),
      { edited: 1 }
    ]
  ])("a record that was %s is counted and healed within one interval", async (_, happens, counted) => {
    await begun()
    happens()
    await world.advance("40 seconds")
    await world.settle()
    expect(shown(world.zone())).toEqual(WANTED)
    for (const { comment } of world.zone()) expect(comment).toBe(MARK)
    expect(await drift()).toEqual(counted)
    expect((await world.rows()).map(({ drifted, status }) => [drifted, status])).toEqual([
      [false, "active"],
      [false, "active"],
      [false, "active"]
    ])
  })

  it("an added record is counted once and left alone; one with our mark is cleaned up", async () => {
    await begun()
    const { id } = world.control.edit({
      op: "create",
      zone: ZONE,
      record: { type: "A", name: "theirs", content: "192.0.2.7" }
    })
    world.control.edit({
      op: "create",
      zone: ZONE,
      record: { type: "A", name: "copied", content: "192.0.2.7", comment: MARK }
    })
    for (let i = 0; i < 3; i++) {
      await world.advance("40 seconds")
      await world.settle()
    }
    expect(world.zone()).toHaveLength(4)
    expect(recordOf("theirs")).toBe(id)
    expect(await drift()).toEqual({ added: 2 })
  })

  it("shows as pending until it is healed", async () => {
    await begun()
    world.control.edit({ op: "delete", zone: ZONE, id: recordOf("one") })
    world.control.addFault({ match: { kind: "batch" }, effect: { do: "answer", status: 500 } })
    await world.advance("40 seconds")
    await world.pass()
    expect(await world.row("one")).toMatchObject({ status: "pending", drifted: true })
    await world.until(async () => (await world.row("one")).status === "active", "1 minute")
    expect(await drift()).toEqual({ deleted: 1 })
  })
})

describe("a zone that is as asked for", () => {
  it("costs no call before its timer, then one list, and never a write", async () => {
    await begun()
    world.calls()
    await world.advance("39 seconds")
    await world.settle()
    expect(world.calls()).toEqual({})
    await world.advance("1 second")
    await world.settle()
    expect(world.calls()).toEqual({ total: 1, list: 1, "status 200": 1 })
  })

  it("costs no list for a change: it is planned on the last list and the answers since", async () => {
    await begun()
    world.calls()
    await insertRecords(world, [{ name: "four", value: "192.0.2.4" }])
    await world.settle()
    await world.sql("update domain_dns_records set value = '192.0.2.5' where name = 'four'")
    await world.settle()
    await world.sql("delete from domain_dns_records where name = 'four'")
    await world.settle()
    expect(world.calls()).toEqual({ total: 3, batch: 3, "status 200": 3 })
    expect(shown(world.zone())).toEqual(WANTED)
  })

  it("is listed anew when the last list turns out to be stale, without a row being charged", async () => {
    await begun()
    world.control.edit({ op: "create", zone: ZONE, record: { type: "A", name: "four", content: "192.0.2.4" } })
    await insertRecords(world, [{ name: "four", value: "192.0.2.4" }])
    world.calls()
    await world.settle()
    expect(await world.row("four")).toMatchObject({
      status: "active",
      retry_count: 0,
      provider_record_id: recordOf("four")
    })
    expect(world.calls()).toMatchObject({ list: 1, batch: 2 })
  })

  it("is listed by a replica that did not have it before", async () => {
    await begun()
    world.calls()
    await insertRecords(world, [{ name: "four", value: "192.0.2.4" }])
    await world.settle("two")
    expect(world.calls()).toMatchObject({ list: 1, batch: 1, total: 2 })
  })
})

describe("the timer", () => {
  it("stretches so that the lists of a token take at most 30 % of its budget", async () => {
    await begun()
    // 1,200 calls in 300 s: 1.2 a second for lists. 120 pages take 100 s.
    await world.sql("update dns_zones set list_pages = 120")
    await insertRecords(world, [{ name: "four", value: "192.0.2.4" }])
    await world.settle()
    world.calls()
    await world.advance("95 seconds")
    await world.settle()
    expect(world.calls()).toEqual({})
    world.control.edit({ op: "delete", zone: ZONE, id: recordOf("one") })
    expect(await world.until(() => recordOf("one") !== "there is none", "10 seconds")).toBeLessThan(6)
  })
})

describe("a deletion and a list that does not know of it yet", () => {
  const gone = () => world.rows().then((rows) => rows.length === 2)

  it("leaves no orphan: what reappears is deleted again, and the tombstone goes after two clean lists", async () => {
    await begun()
    const before = world.zone().find(({ id }) => id === recordOf("one"))
    await world.sql("delete from domain_dns_records where name = 'one'")
    await world.settle()
    expect(await gone()).toBe(true)
    if (before === undefined) throw new Error("the record was not there")
    // The provider's copies disagree for a while: a list shows it again, under its old id.
    world.control.restore(
      JSON.stringify({ version: 1, zones: [{ name: ZONE, records: [...world.zone(), { ...before, comment: null }] }] })
    )
    expect(recordOf("one")).toBe(before.id)
    await world.advance("40 seconds")
    await world.settle()
    expect(recordOf("one")).toBe("there is none")
    expect(await world.sql("select * from dns_tombstones")).toHaveLength(1)
    await world.until(async () => (await world.sql("select * from dns_tombstones")).length === 0, "5 minutes")
    expect(world.zone()).toHaveLength(2)
  })

  it("never deletes what reappears while a row wants it", async () => {
    await begun()
    await world.sql("delete from domain_dns_records where name = 'one'")
    await world.settle()
    await insertRecords(world, [{ name: "one", value: "192.0.2.1" }])
    for (let i = 0; i < 5; i++) {
      await world.settle()
      expect(shown(world.zone())).toEqual(WANTED)
      await world.advance("40 seconds")
    }
    expect(await world.sql("select * from dns_tombstones")).toEqual([])
    expect(await world.row("one")).toMatchObject({ status: "active" })
  })

  it("waits for two lists 60 s apart where the deletion was made by somebody else", async () => {
    await begun()
    world.control.edit({ op: "delete", zone: ZONE, id: recordOf("one") })
    await world.sql("delete from domain_dns_records where name = 'one'")
    const seconds = await world.until(gone, "5 minutes", "two")
    expect(seconds).toBeGreaterThanOrEqual(60)
    expect(seconds).toBeLessThanOrEqual(120)
  })
})

describe("a rate limit's headers", () => {
  it.each(["ratelimit", "x-ratelimit"] as const)(
    "of the kind %s leave a fifth of the budget to people",
    async (headers) => {
      world.control.setRateLimit({ quota: 100, headers })
      await begun()
      world.control.useUp(TOKEN, 85)
      world.calls()
      await world.advance("41 seconds")
      // The answer to this list says that others have used what was left.
      await world.settle()
      expect(world.calls()["total"]).toBe(1)
      await insertRecords(world, [{ name: "four", value: "192.0.2.4" }])
      await world.settle()
      expect(world.calls()).toEqual({})
      expect(await world.condition()).toMatchObject({ reason: "RateLimited" })
      await world.until(async () => (await world.row("four")).status === "active", "5 minutes")
    }
  )
})
