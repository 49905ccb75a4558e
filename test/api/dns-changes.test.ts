/** Asking for records over HTTP, and changing them, on a real database. */
import { afterAll, describe, expect, it } from "vitest"
import { aDomain, RECORDS, recordsIn, start } from "../support/control-plane.ts"

const plane = await start()
const { domainId } = await aDomain(plane, "example.test")
const { confirm, create, idOf, shown } = recordsIn(plane, domainId)
afterAll(() => plane.close())

describe("POST /dns/records/create", () => {
  it("answers what the seed shows, no more and no less", async () => {
    const { body, status } = await plane.post(`${RECORDS}/create`, {
      domainId,
      type: "A",
      name: "www",
      value: "1.2.3.4",
      ttl: 120,
      ownerType: "node_group",
      ownerId: 1
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      code: 0,
      message: "success",
      data: {
        id: expect.any(Number),
        domainId,
        type: "A",
        name: "www",
        value: "1.2.3.4",
        ttl: 120,
        status: "pending",
        desiredState: "present",
        ownerType: "node_group",
        ownerId: 1,
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/u)
      }
    })
  })

  it("needs no ttl and no owner", async () => {
    const { body } = await plane.post(`${RECORDS}/create`, { domainId, type: "A", name: "short", value: "192.0.2.7" })
    expect(body.data).toMatchObject({ ttl: 120, ownerType: "user", ownerId: 0 })
  })

  it("keeps names, hosts and addresses in their one form", async () => {
    const name = await create({ type: "CNAME", name: "BÜCHER", value: "Ziel.Example.NET." })
    expect(name.body.data).toMatchObject({ name: "xn--bcher-kva", value: "ziel.example.net" })
    const address = await create({ type: "AAAA", name: "six", value: "2001:0DB8:0:0::1" })
    expect(address.body.data).toMatchObject({ value: "2001:db8::1" })
  })

  it("keeps proxied and the comment", async () => {
    const id = await idOf({ name: "proxied", proxied: true, comment: " by hand " })
    expect(await shown(id)).toMatchObject({ proxied: true, comment: "by hand" })
  })

  it("makes the zone due in the same transaction", async () => {
    const before = await plane.sql("select generation from reconcile_work where key = $1", [String(domainId)])
    await create({ name: "due" })
    const after = await plane.sql("select generation, priority from reconcile_work where key = $1", [String(domainId)])
    expect(Number(after[0]?.["generation"])).toBe(Number(before[0]?.["generation"]) + 1)
    expect(after[0]?.["priority"]).toBe(100)
  })

  it("answers 409 and 3002 for what is there already, and names it", async () => {
    const id = await idOf({ name: "twice" })
    const { body, status } = await create({ name: "TWICE", value: "192.0.2.1" })
    expect([status, body.code]).toEqual([409, 3002])
    expect(body.message).toContain(String(id))
  })

  it("takes the same value for another owner", async () => {
    const first = await idOf({ name: "shared", ownerType: "node_group", ownerId: 1 })
    const second = await idOf({ name: "shared", ownerType: "node_group", ownerId: 2 })
    expect(second).toBeGreaterThan(first)
  })

  it("brings a record on its way out back under its id, with the new settings", async () => {
    const id = await idOf({ name: "back" })
    await plane.post(`${RECORDS}/delete`, { ids: [id] })
    const { body } = await create({ name: "back", ttl: 300 })
    expect(body.data).toMatchObject({ id, desiredState: "present", status: "pending", ttl: 300 })
  })

  it("answers 404 for a domain that is not there", async () => {
    const { body, status } = await create({ domainId: 999_999, name: "www" })
    expect([status, body.code]).toEqual([404, 3001])
  })

  it("lists every mistake at once, each with its path", async () => {
    const { body, status } = await create({
      domainId: "x",
      type: "TXT",
      name: "www.",
      value: 5,
      ttl: 5,
      proxied: true,
      extra: 1
    })
    expect([status, body.code]).toEqual([400, 2002])
    const paths = JSON.parse(JSON.stringify(body.data["errors"])).map((error: { path: string }) => error.path)
    expect(paths.toSorted()).toEqual(["domainId", "extra", "name", "proxied", "ttl", "value"])
  })

  it.each<readonly [number, object, string]>([
    [2001, {}, "name"],
    [2002, { name: "www", value: "1.2.3" }, "value"],
    [2002, { name: "www.example.test" }, "name"],
    [2002, { name: "www", domainId: "one" }, "domainId"],
    [2003, { name: "www", type: "SOA" }, "type"],
    [2003, { name: "www", ownerType: "nobody" }, "ownerType"],
    [2003, { name: "www", ttl: 29 }, "ttl"],
    [2002, { name: "www", colour: "red" }, "colour"],
    [2003, { name: "www", type: "MX", value: "10 mail.example.test", proxied: true }, "proxied"]
  ])("answers %i for %j, under %s", async (code, some, path) => {
    const { body, status } = await create(some)
    expect([status, body.code]).toEqual([400, code])
    expect(body.data["errors"]?.["0"]?.["path"]).toBe(path)
    expect(body.message).toContain(path)
  })

  it("names the short form of a name that ends in the zone's", async () => {
    const { body } = await create({ name: "www.example.test" })
    expect(body.message).toContain(`write "www"`)
  })

  it("says what is wrong with a text that cannot be kept, instead of failing", async () => {
    const { body, status } = await create({ type: "TXT", name: "nul", value: "a\u0000b" })
    expect([status, body.code]).toEqual([400, 2002])
  })
})

describe("POST /dns/records/update", () => {
  it("changes a value in place and shows it as pending", async () => {
    const id = await idOf({ name: "change" })
    await confirm(id)
    const { body } = await plane.post(`${RECORDS}/update`, { id, value: "192.0.2.99" })
    expect(body.data).toMatchObject({
      id,
      value: "192.0.2.99",
      status: "pending",
      generation: 2,
      providerRecordId: "p1"
    })
  })

  it("leaves alone what is not named, and takes a comment away with null", async () => {
    const id = await idOf({ name: "keep", comment: "mine", ttl: 600 })
    const { body } = await plane.post(`${RECORDS}/update`, { id, comment: null })
    expect(body.data).toMatchObject({ comment: null, ttl: 600, value: "192.0.2.1" })
  })

  it("changes nothing when nothing is named", async () => {
    const id = await idOf({ name: "nothing" })
    expect((await plane.post(`${RECORDS}/update`, { id })).body.data).toMatchObject({ generation: 1 })
  })

  it("judges a value by the record's own type", async () => {
    const id = await idOf({ name: "typed" })
    const { body } = await plane.post(`${RECORDS}/update`, { id, value: "2001:db8::1" })
    expect(body.code).toBe(2002)
  })

  it("refuses a value that another row has", async () => {
    await create({ name: "pair", value: "192.0.2.1" })
    const id = await idOf({ name: "pair", value: "192.0.2.2" })
    const { body, status } = await plane.post(`${RECORDS}/update`, { id, value: "192.0.2.1" })
    expect([status, body.code]).toEqual([409, 3002])
    expect(await shown(id)).toMatchObject({ value: "192.0.2.2" })
  })

  it("refuses a record on its way out, a derived one and one that is not there", async () => {
    const gone = await idOf({ name: "leaving" })
    await plane.post(`${RECORDS}/delete`, { ids: [gone] })
    expect((await plane.post(`${RECORDS}/update`, { id: gone, ttl: 300 })).body.code).toBe(3003)
    const derived = await idOf({ name: "derived", ownerType: "node_group", ownerId: 9 })
    await plane.sql("update dns_records set derived = true where id = $1", [derived])
    expect((await plane.post(`${RECORDS}/update`, { id: derived, ttl: 300 })).body.code).toBe(3003)
    expect((await plane.post(`${RECORDS}/delete`, { ids: [derived] })).body.code).toBe(3003)
    expect((await plane.post(`${RECORDS}/update`, { id: 999_999, ttl: 300 })).body.code).toBe(3001)
  })
})
