/** The other fields of a record: what the API takes, how it writes it down, and the code with which it refuses the rest. */
import { describe, expect, it } from "vitest"
import { codes, drive } from "./drive.ts"

describe("a record's name", () => {
  it.each([
    ["@", "example.test"],
    ["example.test", "example.test"],
    ["Example.Test.", "example.test"],
    ["WWW", "www.example.test"],
    ["www.example.test.", "www.example.test"],
    ["a.b", "a.b.example.test"],
    ["*", "*.example.test"],
    ["_acme-challenge", "_acme-challenge.example.test"],
    ["bücher", "xn--bcher-kva.example.test"],
    ["www.other.test", "www.other.test.example.test"]
  ])("%j is kept as %j", (name, full) => {
    expect(drive().create({ type: "TXT", name, content: "x" }).result.name).toBe(full)
  })

  it("can be changed, also to a shorter one", () => {
    const { call, create, records } = drive()
    const { id } = create({ type: "A", name: "a.b", content: "192.0.2.1" }).result
    expect(call("PATCH", `${records}/${id}`, { name: "a" }).result.name).toBe("a.example.test")
  })
})

describe("TTL and proxying", () => {
  it.each([
    ["free", 60, []],
    ["free", 59, [1004, 9021]],
    ["enterprise", 30, []],
    ["enterprise", 29, [1004, 9021]],
    ["enterprise", 86_400, []],
    ["enterprise", 86_401, [1004, 9021]],
    ["enterprise", 1, []],
    ["enterprise", 0, [1004, 9021]],
    ["enterprise", 60.5, [1004, 9021]]
  ] as const)("on %s a TTL of %d answers the codes %j", (plan, ttl, expected) => {
    const reply = drive({ plan }).create({ type: "A", name: "www", content: "192.0.2.1", ttl })
    expect(codes(reply)).toEqual(expected)
  })

  it("keeps the TTL of a proxied record at automatic, also after it is no longer proxied", () => {
    const { call, create, records } = drive()
    const { id, proxied, ttl } = create({ type: "A", name: "www", content: "192.0.2.1", proxied: true }).result
    expect({ proxied, ttl }).toEqual({ proxied: true, ttl: 1 })
    expect(call("PATCH", `${records}/${id}`, { proxied: false }).result).toMatchObject({ proxied: false, ttl: 1 })
  })

  it("refuses a proxied record of another type, and one with a private address", () => {
    const { create } = drive()
    expect(codes(create({ type: "TXT", name: "www", content: "x", proxied: true }))).toEqual([1004, 9041])
    expect(codes(create({ type: "A", name: "www", content: "10.0.0.1", proxied: true }))).toEqual([1004, 9003])
  })

  it("says which records could be proxied", () => {
    const { create } = drive()
    expect(create({ type: "A", name: "a", content: "192.0.2.1" }).result.proxiable).toBe(true)
    expect(create({ type: "A", name: "b", content: "192.168.1.1" }).result.proxiable).toBe(false)
    expect(create({ type: "MX", name: "c", content: "x.example", priority: 1 }).result.proxiable).toBe(false)
  })
})

describe("comments, tags and settings", () => {
  it.each([
    ["free", 100],
    ["pro", 500],
    ["business", 500],
    ["enterprise", 500]
  ] as const)("on %s a comment has at most %i characters", (plan, limit) => {
    const { create } = drive({ plan })
    const good = create({ type: "A", name: "a", content: "192.0.2.1", comment: "ü".repeat(limit) })
    expect(good.result.comment).toBe("ü".repeat(limit))
    const bad = create({ type: "A", name: "b", content: "192.0.2.1", comment: "x".repeat(limit + 1) })
    expect(codes(bad)).toEqual([1004, 9313])
  })

  it("keeps an empty comment as none, and refuses one of two lines", () => {
    const { create } = drive()
    expect(create({ type: "A", name: "a", content: "192.0.2.1", comment: "" }).result.comment).toBeNull()
    expect(codes(create({ type: "A", name: "b", content: "192.0.2.1", comment: "a\nb" }))).toEqual([1004, 9999])
  })

  it("has no tags on Free", () => {
    const { create } = drive({ plan: "free" })
    const reply = create({ type: "A", name: "a", content: "192.0.2.1", tags: ["team:dns"] })
    expect(reply.errors[0]?.error_chain).toEqual([
      { code: 9300, message: "DNS record has 1 tags, exceeding the quota of 0." }
    ])
  })

  it.each([
    [9300, Array.from({ length: 21 }, (_, n) => `t${n}`)],
    [9999, ["cf-own:x"]],
    [9999, ["bad name:x"]],
    [9999, [`n:${"x".repeat(101)}`]],
    [9999, [`${"n".repeat(33)}:x`]]
  ])("refuses tags with %i: %j", (code, tags) => {
    expect(codes(drive().create({ type: "A", name: "a", content: "192.0.2.1", tags }))).toEqual([1004, code])
  })

  it("takes flatten_cname for a CNAME alone", () => {
    const { create } = drive()
    const settings = { flatten_cname: true }
    expect(create({ type: "CNAME", name: "a", content: "x.example", settings }).result.settings).toEqual(settings)
    expect(create({ type: "A", name: "b", content: "192.0.2.1", settings }).status).toBe(400)
    expect(create({ type: "A", name: "b", content: "192.0.2.1" }).result.settings).toEqual({})
  })

  it("dates a comment when it changes, and only then", () => {
    const { call, create, pass, records } = drive()
    const made = create({ type: "A", name: "a", content: "192.0.2.1", comment: "one" }).result
    pass(1000)
    const touched = call("PATCH", `${records}/${made.id}`, { content: "192.0.2.2" }).result
    expect(touched.comment_modified_on).toBe(made.created_on)
    expect(touched.modified_on > made.modified_on).toBe(true)
    const noted = call("PATCH", `${records}/${made.id}`, { comment: "two" }).result
    expect(noted.comment_modified_on).toBe(noted.modified_on)
  })
})

describe("changing a record", () => {
  it("changes with PATCH only what is given, and with PUT everything", () => {
    const { call, create, records } = drive()
    const made = create({ type: "A", name: "a", content: "192.0.2.1", comment: "mine", tags: ["a:b"] }).result
    const patched = call("PATCH", `${records}/${made.id}`, { content: "192.0.2.2" }).result
    expect(patched).toMatchObject({ id: made.id, content: "192.0.2.2", comment: "mine", tags: ["a:b"], ttl: 300 })
    const put = call("PUT", `${records}/${made.id}`, { type: "A", name: "a", content: "192.0.2.3" }).result
    expect(put).toMatchObject({ id: made.id, content: "192.0.2.3", comment: null, tags: [], ttl: 1 })
    expect(put.created_on).toBe(made.created_on)
  })

  it("needs a new value with a new type", () => {
    const { call, create, records } = drive()
    const { id } = create({ type: "A", name: "a", content: "192.0.2.1" }).result
    expect(codes(call("PATCH", `${records}/${id}`, { type: "CNAME" }))).toEqual([1004, 9101])
    expect(call("PATCH", `${records}/${id}`, { type: "CNAME", content: "x.example" }).result.type).toBe("CNAME")
  })

  it("does not take content for a type that has data", () => {
    const { call, create, records } = drive()
    const { id } = create(srv({})).result
    expect(codes(call("PATCH", `${records}/${id}`, { content: "1 2 x.example" }))).toEqual([1004, 9101])
    expect(call("PATCH", `${records}/${id}`, { ttl: 600 }).result).toMatchObject({ ttl: 600, priority: 1 })
  })

  it.each(["GET", "PUT", "PATCH", "DELETE"])(
    "answers %s of a record that is not there with 404 and 81044",
    (method) => {
      const { call, records } = drive()
      const body = method === "GET" || method === "DELETE" ? undefined : { type: "A", name: "a", content: "192.0.2.1" }
      const reply = call(method, `${records}/${"0".repeat(32)}`, body)
      expect(reply.status).toBe(404)
      expect(codes(reply)).toEqual([81044])
    }
  )

  it.each(["PUT", "PATCH", "DELETE"])("refuses %s of a record that is read-only", (method) => {
    const { call, control, list, records, zoneName } = drive()
    const record = { type: "MX", name: "@", content: "route1.mx.example", priority: 1, readOnly: true }
    const { id } = control.edit({ op: "create", zone: zoneName, record })
    const body = method === "DELETE" ? undefined : { type: "MX", name: "@", content: "mine.example", priority: 1 }
    expect(call(method, `${records}/${id}`, body).status).toBe(400)
    expect(list().result).toMatchObject([{ content: "route1.mx.example", meta: { read_only: true } }])
  })

  it("deletes with the id as the answer", () => {
    const { call, create, list, records } = drive()
    const { id } = create({ type: "A", name: "a", content: "192.0.2.1" }).result
    expect(call("DELETE", `${records}/${id}`).result).toEqual({ id })
    expect(list().result).toEqual([])
  })
})

function srv(data: object) {
  const whole = { priority: 1, weight: 5, port: 443, target: "host.example.net", service: "_a", proto: "_tcp", ...data }
  return { type: "SRV", name: "_a._tcp", data: whole }
}
