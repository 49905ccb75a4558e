/** When the provider refuses a change: the culprit is found, and nobody pays for what is not theirs. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { charged, isActive, many } from "../support/dns-mishaps.ts"
import { insertRecords, shown, startWorld, type World } from "../support/dns-world.ts"

/** Milliseconds; seconds on a machine of one's own. */
const SOME_FORTY_PASSES = 300_000

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const fault: World["control"]["addFault"] = (fault) => world.control.addFault(fault)

describe("a poisonous record among 3,500", () => {
  const POISON = "192.0.2.250"
  const rows = many(3500).map((row, i) => (i === 2345 ? { name: "poison", value: POISON } : row))
  const others = async () =>
    (
      await world.sql<{ rows: number }>(
        "select count(*)::int as rows from domain_dns_records where status = 'active' and name <> 'poison'"
      )
    )[0]?.rows

  it("is found by halving the batch: all others land in the same pass, and it says code and text", async () => {
    fault({
      match: { kind: "batch", body: POISON },
      times: "always",
      effect: { do: "answer", status: 400, code: 9003, message: "Target is not allowed" }
    })
    await insertRecords(world, rows)
    await world.pass()
    expect(await others()).toBe(3499)
    expect(await world.row("poison")).toMatchObject({
      status: "error",
      error_reason: "RejectedByProvider",
      last_error: "9003: Target is not allowed",
      retry_count: 1
    })
    expect(world.calls()["batch"]).toBeLessThanOrEqual(2 * Math.ceil(Math.log2(3500)) + 1)
    expect(await charged(world)).toBe(1)
  })

  it(
    "or among fewer that makes the provider fail for ever is found within minutes, and it alone is charged",
    async () => {
      fault({ match: { kind: "batch", body: POISON }, times: "always", effect: { do: "answer", status: 500 } })
      await insertRecords(world, rows.slice(2000, 2700))
      const isFound = async () => (await others()) === 699 && (await world.row("poison")).status === "error"
      expect(await world.until(isFound, "5 minutes")).toBeLessThan(300)
      expect(await world.row("poison")).toMatchObject({ error_reason: "ProviderUnavailable", retry_count: 1 })
      expect(await charged(world)).toBe(1)
      // What was sent in vain again and again is remembered once.
      const [remembered] = await world.sql<{ twice: number }>(
        "select (count(*) - count(distinct (type, name, value)))::int as twice from dns_tombstones"
      )
      expect(remembered).toEqual({ twice: 0 })
    },
    SOME_FORTY_PASSES
  )
})

describe("failures that are not in a row", () => {
  it("charge nobody: a verdict between them counts anew", async () => {
    await world.sql("update domain_dns_providers set batch_limit = 1")
    await insertRecords(world, [
      { name: "bad", value: "192.0.2.250" },
      { name: "good", value: "192.0.2.1" }
    ])
    fault({ match: { kind: "batch" }, times: 2, effect: { do: "answer", status: 500 } })
    fault({
      match: { kind: "batch", body: "192.0.2.250" },
      times: "always",
      effect: { do: "answer", status: 400, code: 9003, message: "no" }
    })
    fault({ match: { kind: "batch", body: "192.0.2.1" }, effect: { do: "answer", status: 500 } })
    await world.until(async () => (await world.row("good")).status === "active", "1 minute")
    expect(await world.row("bad")).toMatchObject({ error_reason: "RejectedByProvider", retry_count: 1 })
    expect(await charged(world)).toBe(1)
  })
})

describe("a record quota that is used up", () => {
  it("holds creations, lets deletions and changes go on, and is not searched for a culprit", async () => {
    await insertRecords(world, [
      { name: "changed", value: "192.0.2.1" },
      { name: "deleted", value: "192.0.2.2" },
      { name: "swapped", value: "192.0.2.3" }
    ])
    await world.settle()
    world.control.setZone("example.test", { quota: 3 })
    await world.sql("update dns_records set value = '192.0.2.9' where name = 'changed'")
    await world.sql("update dns_records set type = 'CNAME', value = 'a.example.net' where name = 'swapped'")
    await world.sql("delete from domain_dns_records where name = 'deleted'")
    await insertRecords(world, many(2))
    world.calls()
    await world.settle()
    expect(world.calls()["batch"]).toBe(2)
    expect(shown(world.zone())).toEqual([
      "changed.example.test A 192.0.2.9",
      "swapped.example.test CNAME a.example.net"
    ])
    expect(await world.condition()).toMatchObject({ reason: "QuotaExceeded", stalled: false })
    expect(await charged(world)).toBe(0)
    await world.advance("41 seconds")
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "QuotaExceeded", stalled: false })
    world.control.setZone("example.test", { quota: 10 })
    await world.until(() => isActive(world), "7 minutes")
    expect(world.zone()).toHaveLength(4)
    await world.settle()
    expect(await world.condition()).toBeUndefined()
  })

  it("does not make a row whose retry is due a reason to look without end", async () => {
    fault({ match: { kind: "batch" }, effect: { do: "answer", status: 400, code: 9003, message: "no" } })
    await insertRecords(world, many(1))
    await world.settle()
    world.control.setZone("example.test", { quota: 0 })
    await insertRecords(world, [{ name: "more", value: "192.0.2.1" }])
    await world.settle()
    world.calls()
    await world.advance("61 seconds")
    await world.settle()
    expect(world.calls()["batch"]).toBeUndefined()
  })
})
