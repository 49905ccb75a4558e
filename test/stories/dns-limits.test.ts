/** Ten thousand at once, in the least number of calls that the provider allows; and deletions that wait for a person. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { insertRecords, startWorld, type World, ZONE } from "../support/dns-world.ts"

/** Milliseconds; seconds on a machine of one's own. */
const TEN_THOUSAND_ROWS = 300_000

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const active = async () =>
  (await world.sql<{ rows: number }>("select count(*)::int as rows from domain_dns_records where status = 'active'"))[0]
    ?.rows
const changeAll = () =>
  world.sql("update dns_records set value = host('10.1.0.0'::inet + id) where desired_state = 'present'")
const settledAfter = async (change: () => Promise<unknown>) => {
  await change()
  world.calls()
  await world.settle()
  expect(await world.condition()).toBeUndefined()
  return world.calls()
}

describe("calls", () => {
  it.each([
    [3500, 10_000, 3],
    [200, 2_000, 10]
  ])(
    "with batches of %i, %i creations, changes and deletions take %i calls each, and no more lists than the first",
    async (limit, count, calls) => {
      await world.sql("update domain_dns_providers set batch_limit = $1", [limit])
      const rows = Array.from({ length: count }, (_, i) => ({ name: `n${i}`, value: "192.0.2.1" }))
      expect(await settledAfter(() => insertRecords(world, rows))).toMatchObject({
        zones: 1,
        list: 1,
        batch: calls,
        total: calls + 2
      })
      expect(world.zone()).toHaveLength(count)
      const ids = new Set(world.zone().map(({ id }) => id))
      expect(await active()).toBe(count)

      expect(await settledAfter(changeAll)).toEqual({ batch: calls, total: calls, "status 200": calls })
      expect(world.zone().every(({ content, id }) => content.startsWith("10.1.") && ids.has(id))).toBe(true)
      expect(await active()).toBe(count)

      expect(await settledAfter(() => world.sql("update dns_records set desired_state = 'absent'"))).toMatchObject({
        batch: calls,
        total: calls
      })
      expect(world.zone()).toEqual([])
      expect(await world.rows()).toEqual([])
    },
    TEN_THOUSAND_ROWS
  )

  it.each([
    ["free", 200, 2],
    ["pro", 3500, 1]
  ] as const)("the plan %s says how much a batch may hold: %i", async (plan, _, calls) => {
    world.control.setZone(ZONE, { plan, quota: null })
    const rows = Array.from({ length: 201 }, (__, i) => ({ name: `n${i}`, value: "192.0.2.1" }))
    expect((await settledAfter(() => insertRecords(world, rows)))["batch"]).toBe(calls)
    expect(await active()).toBe(201)
  })

  it("a type is swapped in one call, so that the name is never without an answer", async () => {
    await insertRecords(world, [
      { name: "www", value: "192.0.2.1" },
      { name: "www", value: "192.0.2.2" }
    ])
    await world.settle()
    await world.sql("update domain_dns_providers set batch_limit = 3")
    const swap = async () => {
      await world.sql("delete from domain_dns_records")
      return insertRecords(world, [{ name: "www", type: "CNAME", value: "a.example.net" }])
    }
    expect(await settledAfter(swap)).toMatchObject({ batch: 1, total: 1 })
    expect(world.zone()).toMatchObject([{ type: "CNAME" }])
    const back = async () => {
      await world.sql("delete from domain_dns_records")
      return insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    }
    expect(await settledAfter(back)).toMatchObject({ batch: 1, total: 1 })
    expect(world.zone()).toMatchObject([{ type: "A" }])
  })
})

describe("a limit that was lowered because writes failed", () => {
  it("still swaps a type in one call, and grows back with each success", async () => {
    await insertRecords(world, [
      { name: "www", value: "192.0.2.1" },
      { name: "www", value: "192.0.2.2" }
    ])
    await world.settle()
    await world.sql("update dns_zones set write_limit = 1")
    await world.sql("delete from domain_dns_records")
    const limits: Array<unknown> = []
    expect(
      await settledAfter(() => insertRecords(world, [{ name: "www", type: "CNAME", value: "a.example.net" }]))
    ).toMatchObject({ batch: 1 })
    for (let i = 0; i < 12; i++) {
      limits.push((await world.sql("select write_limit from dns_zones"))[0]?.["write_limit"])
      await world.sql("update domain_dns_records set ttl = ttl + 1")
      await world.settle()
    }
    expect(limits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, null])
  })
})

describe("more deletions than maxDeletions", () => {
  const begun = async (maxDeletions: string) => {
    await insertRecords(
      world,
      Array.from({ length: 10 }, (_, i) => ({ name: `n${i}`, value: "192.0.2.1" }))
    )
    await world.settle()
    await world.sql("update domains set max_deletions = $1", [maxDeletions])
    await world.settle()
  }

  it.each(["3", "30%"])(
    "%s: wait with a condition while all else goes on, until a person confirms",
    async (maxDeletions) => {
      await begun(maxDeletions)
      await world.sql("delete from domain_dns_records where id <= 4")
      await world.sql("update domain_dns_records set value = '192.0.2.2' where id = 10")
      await world.settle()
      expect(world.zone()).toHaveLength(10)
      expect(world.zone().filter(({ content }) => content === "192.0.2.2")).toHaveLength(1)
      expect(await world.condition()).toMatchObject({ reason: "DeletionsHeld", stalled: true })
      expect((await world.condition())?.message).toContain("4 deletions")
      expect((await world.condition())?.message).toMatch(/\{"id": \d+, "confirmDeletions": true\}/u)
      await world.advance("1 hour")
      await world.settle()
      expect(world.zone()).toHaveLength(10)
      expect(await world.condition()).toMatchObject({ reason: "DeletionsHeld", stalled: true })
      await world.sql("update domains set deletions_confirmed_at = driftless_now()")
      await world.settle()
      expect(world.zone()).toHaveLength(6)
      expect(await world.rows()).toHaveLength(6)
      expect(await world.condition()).toBeUndefined()
    }
  )

  it("are held again when they were asked for after the confirmation, also where rows only moved away", async () => {
    await begun("3")
    await world.sql("update domains set deletions_confirmed_at = driftless_now()")
    await world.advance("1 minute")
    await world.sql("update domain_dns_records set name = 'moved' || id where id <= 4")
    await world.settle()
    expect(world.zone()).toHaveLength(14)
    expect(await active()).toBe(10)
    expect(await world.condition()).toMatchObject({ reason: "DeletionsHeld" })
    await world.sql("update domains set deletions_confirmed_at = driftless_now()")
    await world.settle()
    expect(world.zone()).toHaveLength(10)
  })

  it("hold back what cannot stand beside the records that wait", async () => {
    await begun("0")
    await world.sql("update dns_records set type = 'CNAME', value = 'a.example.net' where id = 1")
    world.calls()
    await world.settle()
    expect(world.calls()["batch"]).toBeUndefined()
    expect(await world.row("n0")).toMatchObject({ status: "pending", retry_count: 0 })
    expect(await world.condition()).toMatchObject({ reason: "DeletionsHeld" })
    await world.sql("update domains set deletions_confirmed_at = driftless_now()")
    await world.settle()
    expect(await world.row("n0")).toMatchObject({ status: "active" })
    expect(world.zone()).toHaveLength(10)
  })

  it("as many as allowed go at once", async () => {
    await begun("3")
    await world.sql("delete from domain_dns_records where id <= 3")
    await world.settle()
    expect(world.zone()).toHaveLength(7)
    expect(await world.condition()).toBeUndefined()
  })
})
