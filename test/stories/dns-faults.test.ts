/** The faults of DNS that the seeds had in practice, by their numbers: none of them can happen here. */
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { rejectAlways, remove } from "../support/dns-mishaps.ts"
import { insertRecords, shown, startWorld, TOKEN, type World } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const failBatches = (times: number) =>
  world.control.addFault({ match: { kind: "batch" }, times, effect: { do: "answer", status: 502 } })

describe("names and values", () => {
  it("L1: a name never gets its zone appended twice; a complete one is refused with the short form", async () => {
    await insertRecords(world, [
      { name: "www.example.test", value: "192.0.2.1" },
      { name: "a.b", value: "192.0.2.2" },
      { name: "@", value: "192.0.2.3" }
    ])
    await world.settle()
    expect(shown(world.zone())).toEqual(["a.b.example.test A 192.0.2.2", "example.test A 192.0.2.3"])
    const refused = await world.row("www.example.test")
    expect(refused).toMatchObject({ status: "error", error_reason: "InvalidRecord" })
    expect(refused.last_error).toContain('write "www"')
    expect((await world.row("a.b")).name).toBe("a.b")
  })

  it("L2: a CNAME target without its zone is refused, not written", async () => {
    await insertRecords(world, [
      { name: "www", type: "CNAME", value: "prefix." },
      { name: "ok", type: "CNAME", value: "prefix.example.test." }
    ])
    await world.settle()
    expect(shown(world.zone())).toEqual(["ok.example.test CNAME prefix.example.test"])
    expect(await world.row("www")).toMatchObject({ status: "error", error_reason: "InvalidRecord" })
  })

  it("L4: another CNAME target patches the record that is there: one record with the same id", async () => {
    await insertRecords(world, [{ name: "www", type: "CNAME", value: "old.example.net" }])
    await world.settle()
    const [before] = world.zone()
    await world.sql("update domain_dns_records set value = 'new.example.net' where name = 'www'")
    await world.settle()
    expect(world.zone()).toMatchObject([{ id: before?.id, content: "new.example.net" }])
    expect(await world.row("www")).toMatchObject({ status: "active", provider_record_id: before?.id })
  })
})

describe("deletion", () => {
  it("L3: a row that is deleted while it is in error is never created again", async () => {
    rejectAlways(world, "192.0.2.66")
    await insertRecords(world, [{ name: "bad", value: "192.0.2.66" }])
    await world.settle()
    expect(await world.row("bad")).toMatchObject({ status: "error" })
    await remove(world, "bad")
    world.control.clearFaults()
    await world.settle()
    await world.advance("10 minutes")
    await world.settle()
    expect(await world.rows()).toEqual([])
    expect(world.zone()).toEqual([])
  })

  it("L5: a row can be deleted in every status, and nothing brings it back", async () => {
    rejectAlways(world, "192.0.2.66")
    await insertRecords(world, [
      { name: "error", value: "192.0.2.66" },
      { name: "active", value: "192.0.2.1" }
    ])
    await world.settle()
    await insertRecords(world, [{ name: "pending", value: "192.0.2.2" }])
    for (const status of ["error", "active", "pending"]) expect(await world.row(status)).toMatchObject({ status })
    await world.sql("delete from domain_dns_records")
    for (let i = 0; i < 3; i++) {
      await world.settle()
      await world.advance("1 minute")
    }
    expect(await world.rows()).toEqual([])
    expect(world.zone()).toEqual([])
  })

  it("L5: the record goes first and the row after it: while the provider fails, the row stays", async () => {
    await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    await world.settle()
    failBatches(2)
    await remove(world, "www")
    await world.pass()
    expect(await world.row("www")).toMatchObject({ desired_state: "absent", status: "pending", retry_count: 0 })
    expect(world.zone()).toHaveLength(1)
    await world.until(async () => (await world.rows()).length === 0, "1 minute")
    expect(world.zone()).toEqual([])
  })

  it("L8: where a deletion is refused, the row stays and says why, and is tried again", async () => {
    await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    await world.settle()
    world.control.addFault({
      match: { kind: "batch" },
      effect: { do: "answer", status: 400, code: 1004, message: "cannot delete" }
    })
    await remove(world, "www")
    await world.settle()
    expect(await world.row("www")).toMatchObject({
      desired_state: "absent",
      status: "error",
      retry_count: 1,
      last_error: "1004: cannot delete"
    })
    expect(world.zone()).toHaveLength(1)
    await world.until(async () => (await world.rows()).length === 0, "2 minutes")
    expect(world.zone()).toEqual([])
  })

  it.each([
    [
      "credential is inactive",
      "update api_keys set status = 'inactive'",
      "update api_keys set status = 'active'",
      "CredentialInactive"
    ],
    [
      "credential has no token",
      "update api_keys set api_token = ''",
      `update api_keys set api_token = '${TOKEN}'`,
      "TokenMissing"
    ]
  ])(
    "L8: while the %s, nothing is dropped; afterwards the record goes with its row",
    async (_, breaking, mending, reason) => {
      await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
      await world.settle()
      await world.sql(breaking)
      await remove(world, "www")
      await world.settle()
      expect(await world.row("www")).toMatchObject({ desired_state: "absent" })
      expect(world.zone()).toHaveLength(1)
      expect(await world.condition()).toMatchObject({ reason, stalled: true })
      await world.sql(mending)
      await world.settle()
      expect(await world.rows()).toEqual([])
      expect(world.zone()).toEqual([])
      expect(await world.condition()).toBeUndefined()
    }
  )
})

describe("retries and crashes", () => {
  it("L6: after ten rejections a row is tried no more until somebody asks; a success counts anew", async () => {
    rejectAlways(world, "192.0.2.66")
    await insertRecords(world, [{ name: "bad", value: "192.0.2.66" }])
    const waits: Array<number> = []
    while (!(await world.row("bad").then((row) => row.retry_stopped))) {
      await world.settle()
      const { next_retry_at } = await world.row("bad")
      if (next_retry_at !== null) waits.push((next_retry_at.getTime() - world.clock.now) / 1000)
      await world.advance(next_retry_at === null ? "1 minute" : next_retry_at.getTime() - world.clock.now)
    }
    expect(waits).toEqual([60, 120, 240, 480, 960, 1800, 1800, 1800, 1800])
    expect(await world.row("bad")).toMatchObject({ status: "error", retry_count: 10, next_retry_at: null })
    await world.advance("1 minute")
    await world.settle()
    expect(await world.condition()).toMatchObject({ stalled: true, reason: "RecordsRejected" })
    world.calls()
    for (let i = 0; i < 24; i++) {
      await world.advance("1 hour")
      await world.settle()
    }
    expect(world.calls()["batch"]).toBeUndefined()
    world.control.clearFaults()
    await world.sql("update domain_dns_records set status = 'pending' where name = 'bad'")
    await world.settle()
    expect(await world.row("bad")).toMatchObject({
      status: "active",
      retry_count: 0,
      last_error: "",
      next_retry_at: null,
      retry_stopped: false
    })
  })

  it("L7: rows of a pass that died show as running only until its lease is over", async () => {
    await insertRecords(world, [{ name: "www", value: "192.0.2.1" }])
    await world.pass("one", (step) => (step === "before batch" ? Effect.interrupt : Effect.void))
    expect(await world.row("www")).toMatchObject({ status: "running" })
    await world.advance("16 seconds")
    expect(await world.row("www")).toMatchObject({ status: "pending" })
    await world.settle("two")
    expect(await world.row("www")).toMatchObject({ status: "active" })
  })

  it("L13: no call of the provider is made inside a transaction", async () => {
    const open = new Set<string>()
    const inside: Array<string> = []
    await insertRecords(world, [
      { name: "www", value: "192.0.2.1" },
      { name: "mail", type: "MX", value: "10 mail.example.net" }
    ])
    await world.pass("one", (step) =>
      Effect.sync(() => {
        const [when = "", what = ""] = step.split(" ")
        if (["findZone", "list", "batch"].includes(what)) {
          if (open.size > 0) inside.push(`${what} in ${[...open].join()}`)
        } else if (when === "before") open.add(what)
        else open.delete(what)
      })
    )
    expect(inside).toEqual([])
    expect(world.zone()).toHaveLength(2)
  })
})
