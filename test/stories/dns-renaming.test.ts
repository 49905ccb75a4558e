/** A zone id is of one name: when either is changed by SQL, no record of any zone is touched before it was looked up. */
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { insertRecords, startWorld, type World, ZONE } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld({ zones: [ZONE, OTHER] })
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const wanted = { name: "www", value: "192.0.2.1" }
const OTHER = "other.test"

/** A second domain (id 2) with a record, in the same account. */
const insertOther = async () => {
  await world.sql("insert into domains (domain) values ($1)", [OTHER])
  await world.sql("insert into domain_dns_providers (domain_id, api_key_id) values (2, 1)")
  await world.sql("insert into domain_dns_records (domain_id, type, name, value) values (2, 'A', 'mail', '192.0.2.9')")
}

describe("a zone", () => {
  it.each([
    [
      "the zone id of another domain",
      "provider_zone_id = (select provider_zone_id from domain_dns_providers where domain_id = 2)"
    ],
    ["no zone id and then that of another domain", "provider_zone_id = ''", "provider_zone_id = '%'"],
    ["another domain's binding", ""]
  ])("that is given %s by SQL is looked up again, and nothing is touched", async (how, ...settings) => {
    await insertOther()
    await insertRecords(world, [wanted])
    await world.settle()
    const [other] = await world.sql<{ id: string }>(
      "select provider_zone_id as id from domain_dns_providers where domain_id = 2"
    )
    if (how === "another domain's binding") {
      await world.sql("delete from domain_dns_providers where domain_id = 1")
      await world.sql("update domain_dns_providers set domain_id = 1")
    }
    for (const set of settings.filter((each) => each !== "")) {
      await world.sql(`update domain_dns_providers set ${set.replace("%", String(other?.id))} where domain_id = 1`)
    }
    const before = [world.zone(), world.control.records(OTHER)]
    await world.settle()
    await world.advance("41 seconds")
    await world.settle("two")
    expect([world.zone(), world.control.records(OTHER)]).toEqual(before)
    expect(await world.condition()).toMatchObject({ reason: "ProviderChanged", stalled: true })
  })

  it.each([
    ["that there is none for", "gone.test", { reason: "ZoneNotFound", stalled: false }],
    ["that another zone has", OTHER, { reason: "ProviderChanged", stalled: true }]
  ])("of a domain that gets a name %s is looked up again, and nothing is touched", async (_how, name, condition) => {
    await insertRecords(world, [wanted])
    await world.settle()
    const before = world.zone()
    await world.sql("update domains set domain = $1", [name])
    await world.settle()
    await world.advance("41 seconds")
    await world.settle("two")
    expect(world.zone()).toEqual(before)
    expect(world.control.records(OTHER)).toEqual([])
    expect(await world.condition()).toMatchObject(condition)
    await world.sql("update domains set domain = $1", [ZONE])
    await world.settle()
    expect(await world.condition()).toBeUndefined()
    expect(world.zone()).toEqual(before)
  })

  it.each(["findZone", "list"])(
    "of a domain that is renamed after its %s is looked up again, and nothing is touched",
    async (call) => {
      await insertRecords(world, [wanted])
      await world.settle()
      const before = world.zone()
      await world.sql("update dns_zones set token_hash = ''")
      await world.advance("41 seconds")
      await world.pass("one", (step) =>
        step === `after ${call}`
          ? Effect.promise(() => world.sql("update domains set domain = 'gone.test'")).pipe(Effect.asVoid)
          : Effect.void
      )
      await world.settle()
      expect(world.zone()).toEqual(before)
      expect(await world.condition()).toMatchObject({ reason: "ZoneNotFound" })
    }
  )
})
