/** What is far too long is refused as such, whatever else is wrong with it. */
import { Result } from "effect"
import { OpenApi } from "effect/http-api"
import { describe, expect, it } from "vitest"
import { Api } from "../../../src/api/api.ts"
import { MOST_ITEMS, MOST_KEYS, oversized } from "../../../src/model/kinds/bounds.ts"
import { KIND_NAMES, parseDocument } from "../../../src/model/kinds/kinds.ts"
import { MOST_TOLD, notAllowed, pathText, told } from "../../../src/model/kinds/mistakes.ts"
import { objectSchema } from "../../../tools/crds/definition.ts"

const SPEC = { domainRef: { name: "d" }, type: "A", name: "x", values: ["192.0.2.1"] }
const aRecord = (spec: object, metadata: object = {}) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind: "DnsRecord",
  metadata: { name: "a", ...metadata },
  spec: { ...SPEC, ...spec }
})

const mistakesOf = (document: unknown) => {
  const parsed = parseDocument(document)
  return Result.isFailure(parsed) ? parsed.failure : []
}

const manyKeys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 0]))

describe("a document that is far too long", () => {
  it.each([
    ["values", "spec.values", aRecord({ values: Array.from({ length: 200_000 }, () => "") })],
    ["unknown fields of the spec", "spec", aRecord(manyKeys(50_000))],
    ["unknown fields of a reference", "spec.domainRef", aRecord({ domainRef: manyKeys(50_000) })],
    ["unknown metadata", "metadata", aRecord({}, manyKeys(50_000))],
    ["labels", "metadata.labels", aRecord({}, { labels: manyKeys(50_000) })],
    ["unknown fields", "", { ...aRecord({ values: [] }), ...manyKeys(50_000) }]
  ])("is refused for its %s alone", (_what, path, document) => {
    const mistakes = mistakesOf(document)
    expect(mistakes.map((each) => each.path)).toEqual([path])
    expect(mistakes[0]?.message).toMatch(/holds 200000 items|has 500\d\d keys/u)
  })

  it("may be as deep as it likes below a field that nobody knows", () => {
    let deep: unknown = []
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(mistakesOf(aRecord({ deep })).map(({ path }) => path)).toEqual(["spec.deep"])
  })

  it("tells in the words of the schema what is a little too long", () => {
    expect(mistakesOf(aRecord({ values: Array.from({ length: 101 }, (_, index) => `192.0.2.${index}`) }))).toEqual([
      { path: "spec.values", message: "must be a list of 1 to 100 values", kind: "value" }
    ])
    const labels = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`key${index}`, "x"]))
    expect(mistakesOf(aRecord({}, { labels }))).toEqual([
      { path: "metadata.labels", message: "must be 64 entries at most", kind: "value" }
    ])
  })
})

describe("oversized", () => {
  const limits = (schema: unknown): ReadonlyArray<readonly [string, number]> =>
    typeof schema !== "object" || schema === null
      ? []
      : Object.entries(schema).flatMap(([key, value]) =>
          (key === "maxItems" || key === "maxProperties") && typeof value === "number" ? [[key, value]] : limits(value)
        )

  it("lets through what any schema takes", () => {
    const found = [...KIND_NAMES.map(objectSchema), OpenApi.fromApi(Api)].flatMap(limits)
    expect(found).toContainEqual(["maxItems", MOST_ITEMS])
    for (const [key, limit] of found) expect(limit).toBeLessThanOrEqual(key === "maxItems" ? MOST_ITEMS : MOST_KEYS)
  })

  it("looks no deeper than it is told", () => {
    const list = Array.from({ length: MOST_ITEMS + 1 }, () => "")
    expect(oversized({ list }, 2)).toMatchObject({ path: "list" })
    expect(oversized({ list }, 1)).toBeUndefined()
    expect(oversized(list.slice(1), 1)).toBeUndefined()
  })
})

describe("told", () => {
  const some = (count: number) => Array.from({ length: count }, (_, index) => notAllowed(`at${index}`, "is wrong"))

  it("has all mistakes while they are not too many, else the first and that there are more", () => {
    expect(told(some(MOST_TOLD))).toEqual(some(MOST_TOLD))
    expect(told(some(MOST_TOLD + 1)).slice(0, -1)).toEqual(some(MOST_TOLD))
    expect(told(some(MOST_TOLD + 1)).at(-1)).toMatchObject({ path: "", message: expect.stringContaining("more") })
  })
})

describe("pathText", () => {
  it("shows a key that is very long, or holds what no text keeps, as far as it can", () => {
    expect(pathText(["spec", "k".repeat(1_000_000)])).toHaveLength("spec.".length + 257)
    expect(pathText(["spec", "a\u0000b\ud800c\n"])).toBe("spec.a\uFFFDb\uFFFDc\uFFFD")
  })
})
