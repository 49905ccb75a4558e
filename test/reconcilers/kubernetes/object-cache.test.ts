/** Nothing old takes the place of something newer, in whatever order things are heard. Each row of the table. */
import { describe, expect, it } from "vitest"
import { compareVersions, type KubeObject } from "../../../src/providers/kubernetes.ts"
import { makeObjectCache, trimmed } from "../../../src/reconcilers/kubernetes/object-cache.ts"

const object = (name: string, version: number, uid = `${name}-1`): KubeObject => ({
  metadata: { name, namespace: "n", uid, resourceVersion: String(version) }
})
const told = (
  changes: ReadonlyArray<{ key: string; before: KubeObject | undefined; after: KubeObject | undefined }> | undefined
) => changes?.map(({ after, before, key }) => `${key} ${before?.metadata.uid ?? "-"} → ${after?.metadata.uid ?? "-"}`)
const filled = () => {
  const cache = makeObjectCache()
  cache.replace([object("a", 5), object("b", 7)], "10")
  return cache
}

describe("versions", () => {
  it("are compared as numbers of any length", () => {
    expect(compareVersions("9", "10")).toBeLessThan(0)
    expect(compareVersions("99999999999999999999", "100000000000000000000")).toBeLessThan(0)
    expect(compareVersions("12", "12")).toBe(0)
    expect(compareVersions("", "1")).toBeLessThan(0)
  })
})

describe("an event", () => {
  it("that is not newer than the last one is replayed, and changes nothing", () => {
    const cache = filled()
    expect(cache.event("ADDED", object("gone", 9))).toEqual([])
    expect(cache.event("DELETED", object("a", 10))).toEqual([])
    expect(cache.size()).toBe(2)
    expect(cache.version()).toBe("10")
  })

  it("moves the version on, as a bookmark does", () => {
    const cache = filled()
    expect(told(cache.event("MODIFIED", object("a", 11)))).toEqual(["n/a a-1 → a-1"])
    expect(cache.version()).toBe("11")
    cache.bookmark("20")
    expect(cache.version()).toBe("20")
    cache.bookmark("15")
    expect(cache.version()).toBe("20")
  })

  it("of another uid is the end of the old object and then a new one", () => {
    expect(told(filled().event("ADDED", object("a", 12, "a-2")))).toEqual(["n/a a-1 → -", "n/a - → a-2"])
  })

  it("of the end of an object does not take its successor", () => {
    const cache = filled()
    cache.event("ADDED", object("a", 12, "a-2"))
    expect(cache.event("DELETED", object("a", 13, "a-1"))).toEqual([])
    expect(told(cache.event("DELETED", object("a", 14, "a-2")))).toEqual(["n/a a-2 → -"])
  })
})

describe("the answer to a write of our own", () => {
  it("is seen at once, and an event from before it does not undo it", () => {
    const cache = filled()
    expect(told(cache.observe(object("a", 15)))).toEqual(["n/a a-1 → a-1"])
    expect(cache.event("MODIFIED", object("a", 12))).toEqual([])
    expect(cache.get("n/a")?.metadata.resourceVersion).toBe("15")
    expect(cache.version()).toBe("12")
  })

  it("does not bring an object back that is gone meanwhile", () => {
    const cache = filled()
    cache.event("DELETED", object("a", 12))
    expect(cache.observe(object("a", 11))).toEqual([])
    expect(cache.get("n/a")).toBeUndefined()
  })
})

describe("a list", () => {
  it("tells what went, with its last state, and keeps what is newer than it", () => {
    const cache = filled()
    cache.observe(object("b", 30))
    expect(told(cache.replace([object("b", 25), object("c", 22)], "28"))).toEqual(["n/c - → c-1", "n/a a-1 → -"])
    expect(cache.get("n/b")?.metadata.resourceVersion).toBe("30")
  })

  it("older than what was heard is a stale server's, until the third says the same", () => {
    const cache = filled()
    cache.forget()
    expect(cache.replace([], "4")).toBeUndefined()
    expect(cache.replace([], "4")).toBeUndefined()
    expect(cache.size()).toBe(2)
    expect(told(cache.replace([object("a", 3)], "4"))).toEqual(["n/a a-1 → a-1", "n/b b-1 → -"])
    expect(cache.version()).toBe("4")
  })
})

it("keeps neither managed fields nor what kubectl applied last", () => {
  const metadata = {
    ...object("a", 1).metadata,
    managedFields: [{}],
    annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{}", mine: "x" }
  }
  expect(trimmed({ metadata }).metadata).toEqual({ ...object("a", 1).metadata, annotations: { mine: "x" } })
})
