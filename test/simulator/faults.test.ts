/** Every fault that can be asked for, whom it meets, and what it leaves behind; and edits behind the client's back. */
import { describe, expect, it } from "vitest"
import { codes, drive } from "./drive.ts"

const A = { type: "A", name: "a", content: "192.0.2.1", ttl: 300 }

describe("an injected answer", () => {
  it("is a 429 with Retry-After, once", () => {
    const { control, list } = drive()
    control.addFault({ match: { kind: "list" }, effect: { do: "answer", status: 429, retryAfterSeconds: 7 } })
    const reply = list()
    expect([reply.status, ...codes(reply)]).toEqual([429, 10429])
    expect(reply.headers["Retry-After"]).toBe("7")
    expect(list().status).toBe(200)
  })

  it.each([971, 10100])("may bear the code %i", (code) => {
    const { control, list } = drive()
    control.addFault({ effect: { do: "answer", status: 429, code } })
    expect(codes(list())).toEqual([code])
  })

  it("is a 5xx in JSON or in HTML, as often as told", () => {
    const { control, create, list } = drive()
    control.addFault({ times: 2, match: { kind: "write" }, effect: { do: "answer", status: 503 } })
    control.addFault({ match: { kind: "write" }, effect: { do: "answer", status: 502, body: "html" } })
    expect(create(A).raw.body).toContain('"success":false')
    expect(create(A).status).toBe(503)
    const html = create(A)
    expect([html.status, html.headers["Content-Type"]]).toEqual([502, "text/html"])
    expect(list().result).toEqual([])
    expect(create(A).status).toBe(200)
  })

  it("meets every write that holds a poisonous record, and no other", () => {
    const { batch, control, create, list } = drive()
    control.addFault({
      times: "always",
      match: { kind: "write", body: "poison" },
      effect: { do: "answer", status: 500 }
    })
    for (let n = 0; n < 3; n++) {
      expect(batch({ posts: [A, { ...A, name: "poison" }] }).status).toBe(500)
      expect(create({ ...A, name: "poison" }).status).toBe(500)
    }
    expect(batch({ posts: [A] }).status).toBe(200)
    expect(list("name.contains=poison").status).toBe(200)
    control.addFault({ match: { body: "other" }, effect: { do: "answer", status: 400, code: 1004 } })
    expect(codes(create({ ...A, name: "other" }))).toEqual([1004])
  })

  it("meets only calls of the given method, path and query, and lets the first go by where told", () => {
    const { call, control, list, records } = drive()
    const match = { method: "get", path: "/dns_records", query: "page=2" }
    control.addFault({ match, skip: 1, effect: { do: "answer", status: 500 } })
    expect(call("GET", "/zones?page=2").status).toBe(200)
    expect(list("page=1").status).toBe(200)
    expect(call("POST", `${records}?page=2`, A).status).toBe(200)
    expect(list("page=2").status).toBe(200)
    expect(list("page=2").status).toBe(500)
    expect(control.pendingFaults()).toEqual([])
  })

  it("can be called off", () => {
    const { control, list } = drive()
    control.addFault({ times: "always", effect: { do: "answer", status: 500 } })
    expect(control.pendingFaults()).toHaveLength(1)
    control.clearFaults()
    expect(list().status).toBe(200)
  })

  it("is taken away alone by what adding it returned", () => {
    const { call, control, list } = drive()
    const takeAway = control.addFault({ times: "always", effect: { do: "answer", status: 500 } })
    control.addFault({ times: "always", match: { kind: "list" }, effect: { do: "answer", status: 503 } })
    expect(list().status).toBe(500)
    takeAway()
    takeAway()
    expect([list().status, call("GET", "/zones").status]).toEqual([503, 200])
  })
})

describe("a lost answer", () => {
  it.each(["close", "reset", "midway"] as const)("that is cut (%s) after the commit leaves the record", (how) => {
    const { control, create, list } = drive()
    control.addFault({ match: { kind: "create" }, effect: { do: "lose", when: "after", how } })
    const { raw } = create(A)
    expect(raw.transport.cut).toBe(how)
    expect(list().result).toHaveLength(1)
    expect(control.calls()[0]).toMatchObject({ kind: "create", lost: true })
  })

  it("that is cut before the commit leaves nothing", () => {
    const { control, create, list } = drive()
    control.addFault({ match: { kind: "create" }, effect: { do: "lose", when: "before" } })
    expect(create(A).raw.transport.cut).toBe("close")
    expect(list().result).toEqual([])
  })
})

describe("a slow answer", () => {
  it("is the true answer with a delay; two delays add up, and a loss can be slow too", () => {
    const { control, list } = drive()
    control.addFault({ effect: { do: "slow", ms: 400 } })
    control.addFault({ effect: { do: "slow", ms: 100 } })
    const reply = list()
    expect([reply.status, reply.raw.transport]).toEqual([200, { delayMs: 500, cut: "none" }])
    control.addFault({ effect: { do: "slow", ms: 300 } })
    control.addFault({ effect: { do: "lose", when: "after" } })
    expect(list().raw.transport).toEqual({ delayMs: 300, cut: "close" })
    expect(list().raw.transport).toEqual({ delayMs: 0, cut: "none" })
  })
})

describe("an edit behind the client's back", () => {
  it("puts what it is given there word for word, past every check and limit", () => {
    const { control, list, zoneName } = drive({ plan: "free" })
    control.setZone(zoneName, { quota: 0 })
    const record = {
      type: "CNAME",
      name: "www",
      content: "Target.Example.",
      ttl: 7,
      comment: "another's",
      tags: ["a:b"]
    }
    control.edit({ op: "create", zone: zoneName, record })
    expect(list().result).toMatchObject([{ ...record, name: "www.example.test" }])
  })

  it("is seen by the checks that come after it", () => {
    const { control, create, zoneName } = drive()
    control.edit({ op: "create", zone: zoneName, record: { type: "CNAME", name: "www", content: "Target.Example." } })
    expect(codes(create({ type: "CNAME", name: "www", content: "target.example" }))).toEqual([81058])
    expect(codes(create({ ...A, name: "www" }))).toEqual([81054])
  })

  it("changes and deletes, read-only records too", () => {
    const { control, create, list, pass, zoneName } = drive()
    const { id, modified_on } = create(A).result
    pass(1000)
    control.edit({ op: "edit", zone: zoneName, id, fields: { content: "192.0.2.99", readOnly: true } })
    const [changed] = list().result
    expect(changed).toMatchObject({ id, content: "192.0.2.99", ttl: 300, meta: { read_only: true } })
    expect((changed?.modified_on ?? "") > modified_on).toBe(true)
    control.edit({ op: "delete", zone: zoneName, id })
    expect(list().result).toEqual([])
    expect(() => control.edit({ op: "delete", zone: zoneName, id })).toThrow(id)
  })
})

describe("the log of calls", () => {
  it("holds what was called, when, and how it ended, without the token", () => {
    const { control, create, list } = drive({ tokens: ["t", "secret-token"] })
    create(A)
    list("page=1")
    const [first, second] = control.calls()
    expect(first).toMatchObject({
      at: Date.UTC(2026, 10, 21),
      method: "POST",
      kind: "create",
      status: 200,
      lost: false
    })
    expect(second).toMatchObject({ method: "GET", kind: "list", query: "page=1" })
    expect(control.counts()).toEqual({ total: 2, create: 1, list: 1, "status 200": 2 })
    expect(JSON.stringify(control.calls())).not.toContain("secret-token")
    control.clearCalls()
    expect([control.calls(), control.counts()]).toEqual([[], {}])
  })
})

describe("a snapshot", () => {
  it("brings the zones back in another engine, ids and all", () => {
    const first = drive()
    first.create({ ...A, comment: "kept" })
    first.create({ type: "CAA", name: "@", data: { flags: 0, tag: "issue", value: "ca.example" } })
    const before = first.control.revision()
    const second = drive()
    second.control.restore(first.control.snapshot())
    expect(second.list().result).toEqual(first.list().result)
    expect(codes(second.create(A))).toEqual([81058])
    expect(first.control.revision()).toBe(before)
  })

  it("that is none is refused, and changes nothing", () => {
    const { control, create, list } = drive()
    create(A)
    expect(() => control.restore("{}")).toThrow("version")
    expect(() => control.restore("nonsense")).toThrow("JSON")
    expect(list().result).toHaveLength(1)
  })

  it("is not needed when the revision is the same", () => {
    const { call, control, create, list, records } = drive()
    const empty = control.revision()
    const { id } = create(A).result
    const full = control.revision()
    expect(full).toBeGreaterThan(empty)
    list()
    expect(control.revision()).toBe(full)
    call("DELETE", `${records}/${id}`)
    expect(control.revision()).toBeGreaterThan(full)
  })
})

describe("a reset", () => {
  it("empties the zones and forgets faults, calls, limits and settings", () => {
    const { control, create, list, zoneName } = drive()
    create(A)
    control.setToken("t", { active: true, readOnly: true })
    control.setZone(zoneName, { quota: 0, plan: "free" })
    control.setRateLimit({ quota: 1 })
    control.addFault({ times: "always", effect: { do: "answer", status: 500 } })
    control.reset()
    expect(list().result).toEqual([])
    expect(list().headers["Ratelimit-Policy"]).toContain("q=1200")
    expect(create({ ...A, ttl: 30 }).success).toBe(true)
  })
})
