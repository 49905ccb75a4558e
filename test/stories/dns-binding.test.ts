/** The zone that a domain is about: found, remembered, waited for, refused; and its credential. */
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { Metrics } from "../../src/metrics.ts"
import { Endpoints } from "../../src/reconcilers/dns/zone.ts"
import { update } from "../../src/reconcilers/dns/store/domains.ts"
import { apply, remove } from "../../src/reconcilers/dns/store/manifests.ts"
import { aCredential } from "../support/documents.ts"
import { insertRecords, startWorld, TOKEN, type World, ZONE } from "../support/dns-world.ts"

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => world.fresh())

const wanted = { name: "www", value: "192.0.2.1" }

describe("what keeps a zone from being written", () => {
  it.each([
    ["DomainInvalid", "update domains set domain = 'Example.TEST'", "update domains set domain = 'example.test'"],
    ["DomainInvalid", "update domains set domain = 'example..test'", "update domains set domain = 'example.test'"],
    ["DomainInactive", "update domains set status = 'inactive'", "update domains set status = 'active'"],
    [
      "BindingInactive",
      "update domain_dns_providers set status = 'inactive'",
      "update domain_dns_providers set status = 'active'"
    ],
    ["CredentialInactive", "update api_keys set status = 'inactive'", "update api_keys set status = 'active'"],
    [
      "ProviderUnsupported",
      "update domain_dns_providers set provider = 'aliyun'",
      "update domain_dns_providers set provider = 'cloudflare'"
    ],
    [
      "NoProvider",
      "delete from domain_dns_providers",
      "insert into domain_dns_providers (domain_id, api_key_id) values (1, 1)"
    ],
    ["TokenMissing", "update api_keys set api_token = ''", `update api_keys set api_token = '${TOKEN}'`],
    ["NotAllowed", "update api_keys set token_from = 'env:HOME'", "update api_keys set token_from = null"]
  ])(
    "%s: nothing is called, the reason is shown, and it goes on as soon as that is mended",
    async (reason, breaking, mending) => {
      await world.sql(breaking)
      await insertRecords(world, [wanted])
      await world.settle()
      expect(world.calls()).toEqual({})
      expect(await world.condition()).toMatchObject({ reason, stalled: true })
      expect(await world.row("www")).toMatchObject({ status: "pending", retry_count: 0 })
      await world.sql(mending)
      await world.settle()
      expect(await world.row("www")).toMatchObject({ status: "active" })
      expect(await world.condition()).toBeUndefined()
    }
  )

  describe("and the end of what was never sent", () => {
    const breaking = [
      ["TokenMissing", () => world.sql("update api_keys set api_token = ''")],
      ["CredentialRejected", async () => world.control.setToken(TOKEN, { active: false })],
      ["ZoneNotFound", async () => world.control.removeZone(ZONE)]
    ] as const
    const isGone = async () => (await world.sql("select from dns_records where name = 'brief'")).length === 0

    it.each(breaking)("%s: a record that is deleted is gone, for no zone was ever found", async (reason, breaks) => {
      await breaks()
      await insertRecords(world, [wanted, { name: "brief", value: "192.0.2.9" }])
      await world.settle()
      await world.sql("delete from domain_dns_records where name = 'brief'")
      await world.settle("two")
      expect(await isGone()).toBe(true)
      expect(await world.condition()).toMatchObject({ reason })
      expect(await world.row("www")).toMatchObject({ status: "pending" })
    })

    it.each(breaking)(
      "%s: waits where a zone was found before, or a row says what was made",
      async (reason, breaks) => {
        await insertRecords(world, [wanted, { name: "brief", value: "192.0.2.9" }])
        await world.settle()
        // As another program left it: no zone, but the record.
        if (reason === "TokenMissing") {
          await world.sql("update domain_dns_providers set bound_to = null, bound_account = null")
          await world.sql("delete from dns_zones")
        }
        await breaks()
        await world.sql("delete from domain_dns_records where name = 'brief'")
        await world.advance("41 seconds")
        await world.settle("two")
        expect(await world.condition()).toMatchObject({ reason })
        expect(await isGone()).toBe(false)
      }
    )
  })

  it("an inactive domain neither heals nor deletes", async () => {
    await insertRecords(world, [wanted, { name: "more", value: "192.0.2.2" }])
    await world.settle()
    await world.sql("update domains set status = 'inactive'")
    await world.sql("delete from domain_dns_records where name = 'more'")
    await world.advance("1 hour")
    await world.settle()
    expect(world.zone()).toHaveLength(2)
  })
})

describe("the zone", () => {
  it("that is not there yet is waited for, with a reason, and found when it is", async () => {
    world.control.removeZone(ZONE)
    await insertRecords(world, [wanted])
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "ZoneNotFound", stalled: false })
    expect((await world.condition())?.message).toContain("create it at the provider")
    world.control.setZone(ZONE)
    expect(await world.until(async () => (await world.row("www")).status === "active", "1 minute")).toBeLessThanOrEqual(
      30
    )
    expect(await world.sql("select name_servers_json from domain_dns_zone_meta")).toEqual([
      { name_servers_json: ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"] }
    ])
  })

  it("that is taken away later is looked for again, and no row is charged", async () => {
    await insertRecords(world, [wanted])
    await world.settle()
    world.control.removeZone(ZONE)
    await world.advance("41 seconds")
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "ZoneNotFound" })
    expect(await world.row("www")).toMatchObject({ retry_count: 0 })
    world.control.setZone(ZONE)
    await world.until(() => world.zone().length === 1, "5 minutes")
  })

  it("is looked up once", async () => {
    await insertRecords(world, [wanted])
    await world.settle()
    world.calls()
    await world.advance("41 seconds")
    await world.settle("two")
    expect(world.calls()["zones"]).toBeUndefined()
  })

  it("with an id that is not the given one is refused", async () => {
    await world.sql("update domain_dns_providers set provider_zone_id = 'ffffffffffffffffffffffffffffffff'")
    await insertRecords(world, [wanted])
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "ZoneMismatch", stalled: true })
    expect(world.zone()).toEqual([])
  })
})

describe("a binding to another provider", () => {
  const moved = "update domain_dns_providers set bound_to = 'https://api.elsewhere.example/v4', status = status"

  it("is refused with the way out, and nothing is written", async () => {
    await insertRecords(world, [wanted])
    await world.settle()
    await world.sql(moved)
    await world.sql("update domain_dns_records set value = '192.0.2.2'")
    world.calls()
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "ProviderChanged", stalled: true })
    expect((await world.condition())?.message).toContain('POST /api/v1/domains/update {"id": 1, "rebind": true}')
    expect(world.calls()).toEqual({})
  })

  it("or to another account is refused too", async () => {
    await insertRecords(world, [wanted])
    await world.settle()
    await world.sql("update domain_dns_providers set bound_account = 'somebody'")
    await world.sql("update api_keys set api_token = 'another-token-of-the-tests'")
    world.control.setToken("another-token-of-the-tests", { active: true })
    await world.settle()
    expect(await world.condition()).toMatchObject({ reason: "ProviderChanged" })
  })

  it("begins anew after a rebind: the old ledger is forgotten, and no row shows as active until it is confirmed", async () => {
    await insertRecords(world, [wanted, { name: "more", value: "192.0.2.2" }])
    await world.settle()
    await world.sql(moved)
    await world.settle()
    // Where it moves to, an id of the old ledger is somebody's record.
    const [old] = world.zone()
    world.control.edit({ op: "edit", zone: ZONE, id: old?.id ?? "", fields: { name: "theirs", comment: null } })
    await world.run(update({ id: 1, rebind: true }))
    expect((await world.rows()).map(({ provider_record_id, status }) => [provider_record_id, status])).toEqual([
      ["", "pending"],
      ["", "pending"]
    ])
    await world.settle()
    expect((await world.rows()).map(({ status }) => status)).toEqual(["active", "active"])
    expect(world.zone()).toHaveLength(3)
    expect(world.zone().find(({ id }) => id === old?.id)).toMatchObject({ name: "theirs.example.test", comment: null })
    expect(await world.condition()).toBeUndefined()
  })

  it("is judged by the endpoint of the credential", async () => {
    const endpoint = await world.run(Endpoints.useSync(({ of }) => of(null)))
    await insertRecords(world, [wanted])
    await world.settle()
    expect(await world.sql("select bound_to from domain_dns_providers")).toEqual([{ bound_to: endpoint.boundTo }])
  })
})

describe("the token", () => {
  it("of a Credential that is being deleted is gone with the next list after SQL took its last domain from it", async () => {
    await world.run(apply([aCredential("leaving")], { dryRun: false }))
    await world.sql("update api_keys set token_from = null, api_token = $1 where name = 'leaving'", [TOKEN])
    await world.sql("update domain_dns_providers set api_key_id = (select id from api_keys where name = 'leaving')")
    await world.settle()
    expect(await world.run(remove("Credential", "", "leaving"))).toEqual({ gone: false })
    await world.sql("update domain_dns_providers set api_key_id = 1")
    await world.settle()
    await world.advance("41 seconds")
    await world.settle()
    expect(await world.sql("select name from api_keys")).toEqual([{ name: "key" }])
    expect(await world.sql("select from manifests")).toEqual([])
  })

  it("put in by SQL in clear is encrypted when it is first used, and works", async () => {
    await insertRecords(world, [wanted])
    await world.settle()
    const [key] = await world.sql<{ api_token: string }>("select api_token from api_keys")
    expect(key?.api_token).toMatch(/^v1:/u)
    expect(await world.row("www")).toMatchObject({ status: "active" })
    await world.sql("update domain_dns_records set value = '192.0.2.2'")
    await world.settle("two")
    expect(await world.row("www")).toMatchObject({ status: "active" })
  })

  it("appears in no table, no log, no condition and no metric, whatever goes wrong", async () => {
    await insertRecords(world, [wanted])
    const failures = [
      { effect: { do: "answer", status: 500 } },
      { effect: { do: "answer", status: 403, code: 9109, message: "Invalid access token" } },
      { effect: { do: "lose", when: "before", how: "reset" } },
      { effect: { do: "answer", status: 400, code: 6003, message: "Invalid request headers" } },
      { match: { kind: "batch" }, effect: { do: "answer", status: 400, code: 9003, message: "no" } }
    ] as const
    for (const failure of failures) {
      world.control.addFault(failure)
      await world.settle()
      await world.advance("5 minutes")
    }
    await world.settle()
    const tables = await world.sql<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = 'public'"
    )
    const dump: Array<unknown> = [world.logs, await world.run(Effect.flatMap(Metrics, ({ expose }) => expose))]
    for (const { name } of tables) dump.push(await world.sql(`select * from ${name}`))
    expect(JSON.stringify(dump)).toContain("www")
    expect(JSON.stringify(dump)).not.toContain(TOKEN)
  })
})
