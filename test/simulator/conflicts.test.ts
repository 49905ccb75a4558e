/** Which records may stand together, how many there may be, and the code for each that may not. */
import { describe, expect, it } from "vitest"
import { codes, drive } from "./drive.ts"

const A = { type: "A", name: "x", content: "192.0.2.1" }
const AAAA = { type: "AAAA", name: "x", content: "2001:db8::1" }
const CNAME = { type: "CNAME", name: "x", content: "target.example" }
const TXT = { type: "TXT", name: "x", content: "text" }
const NS = { type: "NS", name: "x", content: "ns1.example" }
const DS = { type: "DS", name: "x", data: { key_tag: 1, algorithm: 13, digest_type: 2, digest: "ab".repeat(32) } }

describe("records of one name", () => {
  it.each([
    [81058, A, A],
    [81058, TXT, { ...TXT, content: '"text"' }],
    [81058, TXT, { ...TXT, content: '"te" "xt"' }],
    [81058, AAAA, { ...AAAA, content: "2001:DB8:0::1" }],
    [81058, CNAME, { ...CNAME, content: "TARGET.example." }],
    [81054, CNAME, A],
    [81054, CNAME, AAAA],
    [81053, A, CNAME],
    [81053, AAAA, CNAME],
    [81053, CNAME, { ...CNAME, content: "other.example" }],
    [81053, A, NS],
    [81053, CNAME, NS],
    [81055, TXT, NS],
    [81056, NS, A],
    [81056, NS, TXT],
    [81056, NS, CNAME]
  ])("refuses with %i, beside %j, %j", (code, first, second) => {
    const { create, list } = drive()
    expect(create(first).success).toBe(true)
    const reply = create(second)
    expect(reply.status).toBe(400)
    expect(codes(reply)).toEqual([code])
    expect(list().result).toHaveLength(1)
  })

  it.each([
    [A, { ...A, content: "192.0.2.2" }],
    [A, AAAA],
    [A, TXT],
    [CNAME, TXT],
    [NS, { ...NS, content: "ns2.example" }],
    [NS, DS],
    [
      { type: "MX", name: "x", content: "mail.example", priority: 10 },
      { type: "MX", name: "x", content: "mail.example", priority: 20 }
    ],
    [
      { ...A, name: "@" },
      { ...NS, name: "@" }
    ]
  ])("lets stand beside %j, %j", (first, second) => {
    const { create } = drive()
    expect(create(first).success).toBe(true)
    expect(create(second).errors).toEqual([])
  })

  it("answers 81057 where told to use the older wording", () => {
    const { control, create } = drive()
    control.setDialect({ duplicateCode: 81057 })
    create(A)
    expect(codes(create(A))).toEqual([81057])
  })

  it("does not count a record's own older version when it is changed", () => {
    const { call, create, records } = drive()
    const { id } = create(CNAME).result
    expect(call("PATCH", `${records}/${id}`, { content: "other.example" }).success).toBe(true)
    expect(call("PATCH", `${records}/${id}`, { content: "other.example" }).success).toBe(true)
    expect(call("PATCH", `${records}/${id}`, { type: "A", content: "192.0.2.1" }).success).toBe(true)
  })

  it("refuses a change that would make two records the same", () => {
    const { call, create, records } = drive()
    create(A)
    const { id } = create({ ...A, content: "192.0.2.2" }).result
    expect(codes(call("PATCH", `${records}/${id}`, { content: "192.0.2.1" }))).toEqual([81058])
  })

  it("has at most ten NS records", () => {
    const { create } = drive()
    for (let n = 0; n < 10; n++) expect(create({ ...NS, content: `ns${n}.example` }).success).toBe(true)
    expect(create({ ...NS, content: "ns10.example" }).status).toBe(400)
  })

  it("has at most 8,192 bytes of TXT", () => {
    const { create } = drive()
    for (let n = 0; n < 4; n++) expect(create({ ...TXT, content: `${n}${"x".repeat(2047)}` }).success).toBe(true)
    expect(create({ ...TXT, content: "y" }).status).toBe(400)
  })

  it("has DS only where it has NS, from the first to the last", () => {
    const { call, create, records } = drive()
    expect(create(DS).status).toBe(400)
    const ns = create(NS).result
    const ds = create(DS).result
    expect(call("DELETE", `${records}/${ns.id}`).status).toBe(400)
    expect(call("PATCH", `${records}/${ns.id}`, { name: "elsewhere" }).status).toBe(400)
    expect(call("GET", `${records}/${ns.id}`).result.name).toBe("x.example.test")
    expect(call("DELETE", `${records}/${ds.id}`).success).toBe(true)
    expect(call("DELETE", `${records}/${ns.id}`).success).toBe(true)
  })
})

describe("the record quota", () => {
  it.each([
    ["free", 200],
    ["pro", 3500],
    ["business", 3500],
    ["enterprise", null]
  ] as const)("of %s is %s and can be read", (plan, quota) => {
    const { call, create, records } = drive({ plan })
    create(A)
    expect(call("GET", `${records}/usage`).result).toEqual({ record_quota: quota, record_usage: 1 })
  })

  it("refuses with 81045 what goes over it, and takes it once there is room", () => {
    const { call, control, create, records, zoneName } = drive()
    control.setZone(zoneName, { quota: 1 })
    const { id } = create(A).result
    const reply = create(TXT)
    expect(reply.status).toBe(400)
    expect(codes(reply)).toEqual([81045])
    expect(call("PATCH", `${records}/${id}`, { ttl: 600 }).success).toBe(true)
    call("DELETE", `${records}/${id}`)
    expect(create(TXT).success).toBe(true)
  })
})

describe("a free top-level domain", () => {
  it.each(["cf", "ga", "gq", "ml", "tk"])("cannot be written to under .%s", (tld) => {
    const { create, list } = drive({ zones: [`example.${tld}`] })
    const reply = create(A)
    expect(reply.status).toBe(403)
    expect(codes(reply)).toEqual([1038])
    expect(list().success).toBe(true)
  })
})

describe("validation errors", () => {
  it("are answered without the chain where told so", () => {
    const { control, create } = drive()
    control.setDialect({ errorStyle: "flat" })
    const reply = create({ ...A, content: "nonsense" })
    expect(reply.status).toBe(400)
    expect(codes(reply)).toEqual([9005])
  })
})
