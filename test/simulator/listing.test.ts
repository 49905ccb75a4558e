/** Lists: pages, their races, order and filters; and the list of zones. */
import { describe, expect, it } from "vitest"
import { zoneId } from "../../src/simulator/state.ts"
import { codes, drive } from "./drive.ts"

const filled = (count: number) => {
  const driven = drive()
  driven.control.setZone(driven.zoneName, { quota: null })
  const posts = Array.from({ length: count }, (_, n) => ({
    type: "A",
    name: `host-${String(n).padStart(5, "0")}`,
    content: "192.0.2.1"
  }))
  for (let at = 0; at < count; at += 3500) driven.batch({ posts: posts.slice(at, at + 3500) })
  return driven
}

const names = (reply: { readonly result: ReadonlyArray<{ readonly name: string }> }) =>
  reply.result.map(({ name }) => name.replace(".example.test", ""))

describe("the pages of a list", () => {
  it("hold 100 records unless told otherwise, and say how many there are", () => {
    const { list } = filled(250)
    expect(list().result_info).toEqual({ page: 1, per_page: 100, count: 100, total_count: 250, total_pages: 3 })
    expect(list("page=3").result_info.count).toBe(50)
    expect(list("page=4").result).toEqual([])
    expect(list("per_page=250").result_info).toMatchObject({ count: 250, total_pages: 1 })
  })

  it("hold each record once when nothing changes meanwhile", () => {
    const { list } = filled(250)
    const seen = [1, 2, 3].flatMap((page) => names(list(`page=${page}`)))
    expect(new Set(seen).size).toBe(250)
    expect(seen).toEqual(seen.toSorted())
  })

  it("hold at most 5,000", () => {
    const { list } = filled(5001)
    expect(list("per_page=5000").result).toHaveLength(5000)
    expect(list("per_page=5000&page=2").result).toHaveLength(1)
    expect(list("per_page=5001").status).toBe(400)
  })

  it.each(["per_page=0", "per_page=x", "page=0", "page=-1", "per_page=1.5"])("are refused for %s", (query) => {
    expect(drive().list(query).status).toBe(400)
  })

  it("miss a record when an earlier one goes between two of them", () => {
    const { control, list, zoneName } = filled(200)
    const id = list().result[0]?.id ?? ""
    control.addFault({ match: { kind: "list" }, effect: { do: "edit", edit: { op: "delete", zone: zoneName, id } } })
    const seen = [...names(list()), ...names(list("page=2"))]
    expect(seen).not.toContain("host-00100")
    expect(seen).toContain("host-00000")
  })

  it("hold a record twice when one comes before it between two of them", () => {
    const { control, list, zoneName } = filled(200)
    const record = { type: "A", name: "a-new", content: "192.0.2.1" }
    control.addFault({
      match: { kind: "list" },
      effect: { do: "edit", edit: { op: "create", zone: zoneName, record } }
    })
    const [first, second] = [list(), list("page=2")]
    expect(names(first)).toContain("host-00099")
    expect(names(second)).toContain("host-00099")
    expect(second.result_info.total_count).toBe(first.result_info.total_count + 1)
  })

  it("can come in another order, or short, where a fault says so", () => {
    const { control, list } = filled(10)
    const whole = names(list())
    control.addFault({ effect: { do: "page", reverse: true, drop: 2 } })
    const torn = list()
    expect(names(torn)).toEqual(whole.slice(0, 8).toReversed())
    expect(torn.result_info.count).toBe(10)
    expect(names(list())).toEqual(whole)
  })
})

describe("the order of a list", () => {
  it("is by the field asked for, in the direction asked for, and never by chance", () => {
    const { create, list } = drive()
    create({ type: "TXT", name: "b", content: "1", ttl: 60 })
    create({ type: "A", name: "c", content: "192.0.2.1", ttl: 600 })
    create({ type: "A", name: "a", content: "192.0.2.9", ttl: 300 })
    expect(names(list())).toEqual(["a", "c", "b"])
    expect(names(list("order=name"))).toEqual(["a", "b", "c"])
    expect(names(list("order=name&direction=desc"))).toEqual(["c", "b", "a"])
    expect(names(list("order=ttl"))).toEqual(["b", "a", "c"])
    expect(names(list("order=content"))).toEqual(["b", "c", "a"])
    expect(list("order=age").status).toBe(400)
    expect(list("direction=up").status).toBe(400)
  })
})

describe("the filters of a list", () => {
  it.each([
    ["type=TXT", ["note"]],
    ["name=www.example.test", ["www"]],
    ["name.exact=WWW.example.test", ["www"]],
    ["name.contains=w", ["www"]],
    ["name.startswith=no", ["note"]],
    ["name.endswith=example.test", ["apex", "www", "note"]],
    ["content=192.0.2.2", ["www"]],
    ["content.startswith=192.0.2", ["apex", "www"]],
    ["proxied=true", ["apex"]],
    ["comment.present=true", ["www"]],
    ["comment.absent=true", ["apex", "note"]],
    ["comment.contains=driftless", ["www"]],
    ["tag=team:dns", ["apex"]],
    ["tag.present=TEAM", ["apex"]],
    ["tag.absent=team", ["www", "note"]],
    ["tag.contains=team:d", ["apex"]],
    ["search=192", ["apex", "www"]],
    ["type=A&name=www.example.test", ["www"]],
    ["type=TXT&name=www.example.test", []],
    ["match=any&type=TXT&name=www.example.test", ["www", "note"]]
  ])("%s finds %j", (query, found) => {
    const { create, list } = drive()
    create({ type: "A", name: "apex", content: "192.0.2.1", proxied: true, tags: ["team:dns"] })
    create({ type: "A", name: "www", content: "192.0.2.2", comment: "[driftless:1]" })
    create({ type: "TXT", name: "note", content: "hello" })
    expect(names(list(query))).toEqual(found)
  })

  it("that are none are refused, not ignored", () => {
    expect(drive().list("nmae=www").status).toBe(400)
    expect(drive().list("name.like=www").status).toBe(400)
  })
})

describe("the list of zones", () => {
  const zones = ["example.test", "other.test", "third.example"]
  const find = (query: string) => {
    const { call, control } = drive({ zones, account: "a".repeat(32) })
    control.setZone("other.test", { status: "pending", plan: "free" })
    return call<ReadonlyArray<{ id: string; name: string; plan: { legacy_id: string }; account: { id: string } }>>(
      "GET",
      `/zones?${query}`
    )
  }

  it.each([
    ["", zones],
    ["name=other.test", ["other.test"]],
    ["name=test", []],
    ["name=ends_with:.test", ["example.test", "other.test"]],
    ["name=contains:example", ["example.test", "third.example"]],
    ["status=active", ["example.test", "third.example"]],
    [`account.id=${"a".repeat(32)}`, zones],
    [`account.id=${"b".repeat(32)}`, []]
  ])("%s finds %j", (query, found) => {
    expect(find(query).result.map(({ name }) => name)).toEqual(found)
  })

  it("is paged by 5 to 50, and tells plan and account", () => {
    expect(find("per_page=50").result_info).toMatchObject({ per_page: 50, total_count: 3 })
    expect(find("per_page=51").status).toBe(400)
    expect(find("per_page=4").status).toBe(400)
    expect(find("page=2").result).toEqual([])
    expect(find("name=other.test").result[0]).toMatchObject({
      plan: { legacy_id: "free" },
      account: { id: "a".repeat(32) }
    })
  })

  it("gives a zone the same id in every run", () => {
    expect(find("name=example.test").result[0]?.id).toBe(zoneId("example.test"))
    expect(zoneId("example.test")).toMatch(/^[0-9a-f]{32}$/u)
    expect(zoneId("example.test")).not.toBe(zoneId("other.test"))
  })
})

describe("a path that is not there", () => {
  it("answers 404 with 7000, a zone that is not there with 7003, and a wrong method with 405", () => {
    const { call, records } = drive()
    const nowhere = call("GET", "/zones/x/nowhere")
    expect([nowhere.status, ...codes(nowhere)]).toEqual([404, 7000])
    const noZone = call("GET", `/zones/${"0".repeat(32)}/dns_records`)
    expect([noZone.status, ...codes(noZone)]).toEqual([404, 7003])
    expect(call("GET", `/zones/${"0".repeat(32)}`).status).toBe(404)
    const wrong = call("PUT", records)
    expect([wrong.status, ...codes(wrong)]).toEqual([405, 7001])
  })
})
