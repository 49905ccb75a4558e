/** Who may call, and how often. */
import { describe, expect, it } from "vitest"
import { BEARER, codes, drive } from "./drive.ts"

const MINUTES = 60_000

describe("credentials", () => {
  it.each([
    [400, [9106], {}],
    [400, [6003, 6111], { Authorization: "t" }],
    [400, [6003, 6111], { Authorization: "Basic dDp0" }],
    [400, [6003, 6111], { Authorization: "Bearer two words" }],
    [403, [9109], { Authorization: "Bearer unknown" }],
    [400, [6003, 6103], { "X-Auth-Email": "a@b.example" }],
    [400, [6003, 6102], { "X-Auth-Email": "nobody", "X-Auth-Key": "k" }],
    [403, [9103], { "X-Auth-Email": "a@b.example", "X-Auth-Key": "wrong" }]
  ])("are answered %i %j for %j", (status, expected, headers) => {
    const { call, records } = drive({ userKey: { email: "a@b.example", key: "k" } })
    const reply = call("GET", records, undefined, headers)
    expect(reply.status).toBe(status)
    expect(codes(reply)).toEqual(expected)
  })

  it("may be a user's email and key", () => {
    const { call, records } = drive({ userKey: { email: "a@b.example", key: "k" } })
    expect(call("GET", records, undefined, { "x-auth-email": "a@b.example", "x-auth-key": "k" }).status).toBe(200)
  })

  it("can be verified, and a bad one is told so with 401 and 1000", () => {
    const { call } = drive()
    expect(call<{ status: string }>("GET", "/user/tokens/verify").result.status).toBe("active")
    const bad = call("GET", "/user/tokens/verify", undefined, { Authorization: "Bearer bad" })
    expect([bad.status, ...codes(bad)]).toEqual([401, 1000])
  })

  it("can be revoked and restored", () => {
    const { control, list } = drive()
    control.setToken("t", { active: false })
    expect([list().status, ...codes(list())]).toEqual([403, 9109])
    control.setToken("t", { active: true })
    expect(list().status).toBe(200)
  })

  it("may be for some zones only, which are then all the zones there are", () => {
    const { call, control, records } = drive({ zones: ["example.test", "other.test"] })
    control.setToken("t", { active: true, zones: ["other.test"] })
    expect([call("GET", records).status, ...codes(call("GET", records))]).toEqual([403, 10000])
    expect(call<ReadonlyArray<object>>("GET", "/zones").result).toMatchObject([{ name: "other.test" }])
  })

  it("may be for reading only", () => {
    const { control, create, list } = drive()
    control.setToken("t", { active: true, readOnly: true })
    expect(list().status).toBe(200)
    expect(codes(create({ type: "A", name: "a", content: "192.0.2.1" }))).toEqual([10000])
  })

  it("are not yet good for a zone that was just made", () => {
    const { control, list, pass, zoneName } = drive()
    control.setZone(zoneName, { settledAt: Date.UTC(2026, 10, 21) + 1000 })
    expect(codes(list())).toEqual([10000])
    pass(1000)
    expect(list().status).toBe(200)
  })
})

describe("the request limit", () => {
  it("is announced on every answer", () => {
    const { call, list, pass } = drive()
    expect(list().headers).toMatchObject({
      Ratelimit: '"default";r=1199;t=300',
      "Ratelimit-Policy": '"default";q=1200;w=300'
    })
    pass(1500)
    expect(call("GET", "/nowhere").headers["Ratelimit"]).toBe('"default";r=1198;t=299')
    expect(call("GET", "/zones", undefined, {}).headers["Ratelimit"]).toBe('"default";r=1200;t=300')
  })

  it("begins anew with the next window", () => {
    const { list, pass } = drive()
    list()
    pass(5 * MINUTES)
    expect(list().headers["Ratelimit"]).toBe('"default";r=1199;t=300')
  })

  it("blocks every call for five minutes after the first call too many", () => {
    const { call, control, list, pass } = drive()
    for (let n = 0; n < 1200; n++) expect(list().status).toBe(200)
    pass(4 * MINUTES)
    const refused = list()
    expect([refused.status, ...codes(refused)]).toEqual([429, 10429])
    expect(refused.headers).toMatchObject({ "Retry-After": "300", Ratelimit: '"default";r=0;t=300' })
    // The old window is over, the block is not.
    pass(4 * MINUTES)
    expect(call("GET", "/zones").headers["Retry-After"]).toBe("60")
    pass(MINUTES - 1)
    expect(list().headers["Retry-After"]).toBe("1")
    pass(1)
    expect(list().status).toBe(200)
    expect(control.counts()).toMatchObject({ "status 429": 3, "status 200": 1201 })
  })

  it("is each token's own", () => {
    const { call, control, list } = drive({ tokens: ["t", "u"] })
    control.block("t", 60)
    expect(list().headers["Retry-After"]).toBe("60")
    expect(call("GET", "/zones", undefined, { Authorization: "Bearer u" }).status).toBe(200)
  })

  it("is shared with whoever else uses the token", () => {
    const { control, list } = drive()
    control.useUp("t", 1199)
    expect(list().headers["Ratelimit"]).toContain("r=0")
    expect(list().status).toBe(429)
  })

  it("counts refused calls, but not those without a known token", () => {
    const { call, create, list } = drive()
    create({ type: "A", name: "a", content: "nonsense" })
    call("GET", "/zones", undefined, { Authorization: "Bearer unknown" })
    expect(list().headers["Ratelimit"]).toContain("r=1198")
  })

  it("can be set, and can use the older header names", () => {
    const { control, list } = drive({ rateLimit: { quota: 2, windowSeconds: 10 } })
    control.setRateLimit({ headers: "x-ratelimit" })
    expect(list().headers).toMatchObject({
      "X-RateLimit-Limit": "2",
      "X-RateLimit-Remaining": "1",
      "X-RateLimit-Reset": "10"
    })
    expect(list().headers).not.toHaveProperty("Ratelimit")
    expect(list().headers).toMatchObject({ "X-RateLimit-Remaining": "0", "Retry-After": "10" })
  })
})

describe("a body", () => {
  it.each(["{", "", "[]", '"text"', "null"])("%j is refused with 6003 and 6007", (body) => {
    const { call, records } = drive()
    const reply = call("POST", records, body)
    expect([reply.status, ...codes(reply)]).toEqual([400, 6003, 6007])
  })

  it("is refused with 413 when it is too large, in the envelope as everything else", () => {
    const { call, records } = drive()
    const reply = call("POST", records, "x".repeat(17 * 1024 * 1024), BEARER)
    expect(reply.status).toBe(413)
    expect(reply.success).toBe(false)
  })
})
