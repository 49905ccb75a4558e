import { Result, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { OwnerType, PROXIABLE, RecordType, Ttl } from "../../../src/model/dns/record.ts"

describe("Ttl", () => {
  const decode = Schema.decodeUnknownResult(Ttl)

  it.each([1, 30, 60, 120, 86_400])("takes %d seconds", (seconds) => {
    expect(decode(seconds)).toEqual(Result.succeed(seconds))
  })

  it.each([0, -1, 2, 29, 86_401, 60.5, "60", null])("refuses %j", (seconds) => {
    expect(Result.isFailure(decode(seconds))).toBe(true)
  })

  it("says which values are right", () => {
    expect(Result.getOrThrow(Result.flip(decode(5))).message).toContain("1 (automatic) or 60 to 86400 seconds")
  })
})

describe("RecordType", () => {
  it("knows the types that can be proxied", () => {
    expect(PROXIABLE.every(Schema.is(RecordType))).toBe(true)
    expect(Schema.is(RecordType)("SOA")).toBe(false)
  })
})

describe("OwnerType", () => {
  it("takes the owners of the seed, and people", () => {
    const owners = ["node_group", "line_group", "website_domain", "acme_challenge", "external", "user"]
    expect(owners.every(Schema.is(OwnerType))).toBe(true)
    expect(Schema.is(OwnerType)("node")).toBe(false)
  })
})
