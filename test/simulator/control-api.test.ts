/** The control over HTTP does what the methods do, and lists every mistake of a body. */
import { describe, expect, it } from "vitest"
import { drive } from "./drive.ts"

const controlled = () => {
  const driven = drive()
  const control = (method: string, path: string, body?: unknown) => {
    const [pathname = "", query] = path.split("?")
    const response = driven.engine.handle({
      method,
      path: `/control/${pathname}`,
      ...(query !== undefined && { query }),
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const answer: unknown = JSON.parse(response.body)
    return { status: response.status, answer }
  }
  return { ...driven, control }
}

describe("the control endpoint", () => {
  it("needs no token, and is not counted as a call", () => {
    const { control, engine } = controlled()
    expect(control("GET", "calls")).toEqual({ status: 200, answer: { counts: {}, calls: [] } })
    expect(engine.control.counts()).toEqual({})
  })

  it("arms, shows and disarms faults", () => {
    const { control, list } = controlled()
    const fault = { match: { kind: "list" }, times: 2, effect: { do: "answer", status: 500 } }
    expect(control("POST", "faults", fault).status).toBe(200)
    expect(control("GET", "faults").answer).toEqual([fault])
    expect(list().status).toBe(500)
    control("DELETE", "faults")
    expect(list().status).toBe(200)
  })

  it("edits records and shows them", () => {
    const { control, list, zoneName } = controlled()
    const record = { type: "A", name: "www", content: "192.0.2.1", comment: "another's" }
    const made = control("POST", "edits", { op: "create", zone: zoneName, record })
    expect(made.answer).toMatchObject({ name: "www.example.test", comment: "another's" })
    expect(control("GET", `records?zone=${zoneName}`).answer).toEqual([made.answer])
    expect(list().result).toHaveLength(1)
  })

  it("adds, changes and removes zones", () => {
    const { call, control } = controlled()
    const added = control("POST", "zones", { name: "new.test", plan: "free", quota: 5 })
    const { id } = Object(added.answer)
    expect(call("GET", `/zones/${id}/dns_records/usage`).result).toEqual({ record_quota: 5, record_usage: 0 })
    control("POST", "zones", { name: "new.test", quota: null })
    expect(call("GET", `/zones/${id}/dns_records/usage`).result).toEqual({ record_quota: null, record_usage: 0 })
    control("DELETE", "zones?zone=new.test")
    expect(call("GET", `/zones/${id}`).status).toBe(404)
  })

  it("revokes tokens, sets and uses up the limit, blocks, and changes the dialect", () => {
    const { control, create, list } = controlled()
    control("POST", "limit", { quota: 10, headers: "x-ratelimit" })
    control("POST", "use-up", { token: "t", calls: 5 })
    expect(list().headers["X-RateLimit-Remaining"]).toBe("4")
    control("POST", "dialect", { errorStyle: "flat" })
    expect(create({ type: "A", name: "a", content: "x" }).errors[0]?.code).toBe(9005)
    control("POST", "block", { token: "t", seconds: 9 })
    expect(list().headers["Retry-After"]).toBe("9")
    control("POST", "reset")
    control("POST", "tokens", { token: "t", active: false })
    expect(list().status).toBe(403)
  })

  it("takes a snapshot and puts it back", () => {
    const { control, create, list } = controlled()
    create({ type: "A", name: "a", content: "192.0.2.1" })
    const { answer } = control("GET", "snapshot")
    control("POST", "reset")
    expect(list().result).toEqual([])
    expect(control("PUT", "snapshot", answer).status).toBe(200)
    expect(list().result).toHaveLength(1)
    expect(control("PUT", "snapshot", { version: 2 }).status).toBe(400)
  })

  it("lists every mistake of a body, with its path", () => {
    const { control } = controlled()
    const { answer, status } = control("POST", "limit", { quota: "many", windowSeconds: 1.5, unknown: 1 })
    expect(status).toBe(400)
    for (const mistake of ["quota", "windowSeconds", "unknown"]) expect(JSON.stringify(answer)).toContain(mistake)
  })

  it.each([
    [404, "GET", "nothing", undefined],
    [404, "GET", "records?zone=nowhere.test", undefined],
    [400, "GET", "records", undefined],
    [400, "POST", "edits", undefined],
    [404, "POST", "edits", { op: "delete", zone: "example.test", id: "none" }]
  ])("answers %i to %s %s", (status, method, path, body) => {
    expect(controlled().control(method, path, body).status).toBe(status)
  })
})
