/** Many writes at once: their order, that they are one transaction, and how many there may be. */
import { describe, expect, it } from "vitest"
import { codes, drive } from "./drive.ts"

const a = (name: string, content = "192.0.2.1") => ({ type: "A", name, content, ttl: 300 })

describe("a batch", () => {
  it("deletes, patches, puts and posts in that order, and answers with whole records", () => {
    const { batch, create, list } = drive()
    const swapped = create(a("swap")).result
    const moved = create(a("moved")).result
    const renamed = create(a("renamed")).result
    // Each operation is legal only after those of the lists before it, which stand behind it in the body.
    const reply = batch({
      posts: [a("renamed", "192.0.2.9")],
      puts: [{ id: renamed.id, type: "CNAME", name: "swap", content: "x.example", ttl: 1 }],
      patches: [{ id: moved.id, content: "192.0.2.2" }],
      deletes: [{ id: swapped.id }]
    })
    expect(reply.errors).toEqual([])
    expect(reply.result.deletes).toEqual([swapped])
    expect(reply.result.patches).toMatchObject([{ id: moved.id, name: "moved.example.test", content: "192.0.2.2" }])
    expect(reply.result.puts).toMatchObject([{ id: renamed.id, type: "CNAME", name: "swap.example.test" }])
    expect(reply.result.posts).toMatchObject([{ name: "renamed.example.test", ttl: 300, tags: [] }])
    const { patches, posts, puts } = reply.result
    expect(new Set(list().result.map(({ id }) => id))).toEqual(
      new Set([...patches, ...puts, ...posts].map(({ id }) => id))
    )
  })

  it("swaps an A record for a CNAME and back", () => {
    const { batch, create, list } = drive()
    const { id } = create(a("www")).result
    const cname = { type: "CNAME", name: "www", content: "x.example", ttl: 1 }
    const { result } = batch({ deletes: [{ id }], posts: [cname] })
    expect(list().result).toMatchObject([{ type: "CNAME" }])
    expect(batch({ deletes: [{ id: result.posts[0]?.id }], posts: [a("www")] }).success).toBe(true)
    expect(list().result).toMatchObject([{ type: "A" }])
  })

  it("changes nothing when one operation fails, and names only the first failure", () => {
    const { batch, create, list } = drive()
    const kept = create(a("kept")).result
    const other = create(a("other")).result
    const before = list().result
    const reply = batch({
      deletes: [{ id: other.id }],
      patches: [{ id: kept.id, content: "192.0.2.2" }],
      posts: [a("new"), { ...a("bad"), content: "nonsense" }, { ...a("worse"), ttl: 5 }]
    })
    expect(reply.status).toBe(400)
    expect(codes(reply)).toEqual([1004, 9005])
    expect(list().result).toEqual(before)
  })

  it.each([
    [81044, { deletes: [{ id: "0".repeat(32) }] }],
    [81044, { patches: [{ id: "0".repeat(32), ttl: 60 }] }],
    [81058, { posts: [a("twice"), a("twice")] }],
    [9101, { deletes: [{}] }],
    [9999, { posts: "all" }],
    [9999, { posts: ["a"] }]
  ])("refuses with %i: %j", (code, lists) => {
    const { batch, list } = drive()
    expect(codes(batch(lists))).toContain(code)
    expect(list().result).toEqual([])
  })

  it("frees with its deletes the quota that its posts use", () => {
    const { batch, control, create, zoneName } = drive()
    control.setZone(zoneName, { quota: 1 })
    const { id } = create(a("old")).result
    expect(batch({ deletes: [{ id }], posts: [a("new")] }).success).toBe(true)
    expect(codes(batch({ posts: [a("more")] }))).toEqual([81045])
  })

  it.each([
    ["free", 200],
    ["pro", 3500],
    ["business", 3500],
    ["enterprise", 3500]
  ] as const)("on %s holds %i operations, of all lists together, and no more", (plan, limit) => {
    const { batch, control, create, list, zoneName } = drive({ plan })
    control.setZone(zoneName, { quota: null })
    const { id } = create(a("first")).result
    const posts = Array.from({ length: limit }, (_, n) => a(`host-${n}`))
    expect(batch({ deletes: [{ id }], posts }).status).toBe(400)
    expect(list().result_info.total_count).toBe(1)
    expect(batch({ deletes: [{ id }], posts: posts.slice(1) }).success).toBe(true)
    expect(list().result_info.total_count).toBe(limit - 1)
  })

  it("refuses the whole batch for one read-only record", () => {
    const { batch, control, create, list, zoneName } = drive()
    const record = { type: "TXT", name: "dkim", content: "k", readOnly: true }
    const locked = control.edit({ op: "create", zone: zoneName, record })
    const { id } = create(a("free")).result
    expect(batch({ deletes: [{ id }, { id: locked.id }] }).status).toBe(400)
    expect(list().result_info.total_count).toBe(2)
  })

  it("is logged with the number of its operations", () => {
    const { batch, control, create } = drive()
    const { id } = create(a("x")).result
    batch({ deletes: [{ id }], posts: [a("y"), a("z")] })
    expect(control.calls().at(-1)).toMatchObject({ kind: "batch", status: 200, operations: { deletes: 1, posts: 2 } })
  })
})
