/** Deleting, retrying and reading records over HTTP, on a real database. */
import { afterAll, describe, expect, it } from "vitest"
import { aDomain, RECORDS, recordsIn, start } from "../support/control-plane.ts"

const plane = await start()
const { domainId } = await aDomain(plane, "example.test")
const { domainId: otherId } = await aDomain(plane, "other.test")
const { confirm, create, idOf, shown } = recordsIn(plane, domainId)
afterAll(() => plane.close())

/** What the reconciler's report does to a row that the provider refused, for the nth time. */
const reject = (id: number, count: number, retry: string | null) =>
  plane.sql(
    `update dns_records set rejected_generation = generation, retry_count = $2, retry_stopped = $3::timestamptz is null,
      next_retry_at = $3, last_error = '81053 exists', error_reason = 'RejectedByProvider' where id = $1`,
    [id, count, retry]
  )
const FUTURE = "2100-01-01T00:00:00Z"

describe("POST /dns/records/delete", () => {
  it("marks records as absent and counts those that were present", async () => {
    const ids = [await idOf({ name: "d1" }), await idOf({ name: "d2" })]
    const { body } = await plane.post(`${RECORDS}/delete`, { ids: [...ids, 999_999] })
    expect(body).toEqual({ code: 0, message: "success", data: { affected: 2 } })
    expect(await shown(ids[0] ?? 0)).toMatchObject({ desiredState: "absent", status: "pending" })
    expect((await plane.post(`${RECORDS}/delete`, { ids })).body.data).toEqual({ affected: 0 })
  })

  it("deletes all or none", async () => {
    const own = await idOf({ name: "own" })
    const derived = await idOf({ name: "follows", ownerType: "line_group", ownerId: 1 })
    await plane.sql("update dns_records set derived = true where id = $1", [derived])
    expect((await plane.post(`${RECORDS}/delete`, { ids: [own, derived] })).status).toBe(409)
    expect(await shown(own)).toMatchObject({ desiredState: "present" })
  })

  it.each([[[]], [Array.from({ length: 1001 }, (_, index) => index + 1)]])("bounds the ids", async (ids) => {
    expect((await plane.post(`${RECORDS}/delete`, { ids })).body.code).toBe(2003)
  })
})

describe("POST /dns/records/retry", () => {
  it("clears the error of a record that stopped, and answers as the seed does", async () => {
    const id = await idOf({ name: "retry" })
    await reject(id, 10, null)
    expect(await shown(id)).toMatchObject({ status: "error", retryStopped: true, retryCount: 10, nextRetryAt: null })
    const { body, status } = await plane.post(`${RECORDS}/retry`, { id })
    expect([status, body]).toEqual([200, { code: 0, message: "success" }])
    expect(await shown(id)).toMatchObject({ status: "pending", retryCount: 0, retryStopped: false, lastError: "" })
  })

  it("changes nothing in any other status", async () => {
    const id = await idOf({ name: "fine" })
    await confirm(id)
    expect((await plane.post(`${RECORDS}/retry`, { id })).body.code).toBe(0)
    expect(await shown(id)).toMatchObject({ status: "active", generation: 1 })
  })

  it("answers 404 for a record that is not there", async () => {
    expect((await plane.post(`${RECORDS}/retry`, { id: 999_999 })).status).toBe(404)
  })
})

describe("GET /dns/records", () => {
  it("pages, with the seed's keys", async () => {
    for (const name of ["p1", "p2", "p3"]) await create({ domainId: otherId, name })
    const first = (await plane.get(`${RECORDS}?domainId=${otherId}&page=1&pageSize=2`)).body.data
    expect(Object.keys(first).toSorted()).toEqual(["list", "page", "pageSize", "total"])
    expect(first).toMatchObject({ total: 3, page: 1, pageSize: 2 })
    const second = (await plane.get(`${RECORDS}?domainId=${otherId}&page=2&pageSize=2`)).body.data
    expect([first, second].map((page) => Number(page["list"]?.["length"]))).toEqual([2, 1])
    expect((await plane.get(RECORDS)).body.data).toMatchObject({ page: 1, pageSize: 20 })
  })

  it("filters by status and by owner", async () => {
    const id = await idOf({ domainId: otherId, name: "bad", ownerType: "acme_challenge", ownerId: 77 })
    await reject(id, 1, FUTURE)
    const failing = (await plane.get(`${RECORDS}?status=error&domainId=${otherId}`)).body.data
    expect(failing).toMatchObject({ total: 1, list: [{ id, errorReason: "RejectedByProvider", retryCount: 1 }] })
    const owned = (await plane.get(`${RECORDS}?ownerType=acme_challenge&ownerId=77`)).body.data
    expect(owned).toMatchObject({ total: 1, list: [{ id }] })
    expect((await plane.get(`${RECORDS}?ownerType=acme_challenge&ownerId=78`)).body.data).toMatchObject({ total: 0 })
  })

  it.each(["page=0", "pageSize=0", "pageSize=101", "page=x", "status=lost", "colour=red", "page=1000001"])(
    "refuses ?%s",
    async (query) => {
      const { body, status } = await plane.get(`${RECORDS}?${query}`)
      expect(status).toBe(400)
      expect(body.data["errors"]?.["0"]?.["path"]).toBe(query.split("=")[0])
    }
  )
})

describe("GET /dns/records/:id", () => {
  it("shows the rest of the facts", async () => {
    const id = await idOf({ name: "facts" })
    await confirm(id)
    expect(await shown(id)).toMatchObject({
      status: "active",
      providerRecordId: "p1",
      lastError: "",
      errorReason: null,
      retryCount: 0,
      nextRetryAt: null,
      generation: 1,
      observedGeneration: 1,
      proxied: false
    })
  })

  it("answers 404 and 400", async () => {
    expect((await plane.get(`${RECORDS}/999999`)).body.code).toBe(3001)
    expect((await plane.get(`${RECORDS}/abc`)).body.code).toBe(2002)
  })
})
