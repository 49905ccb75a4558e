/** Each row of the table of `outcome.ts`. */
import { describe, expect, it } from "vitest"
import { Operation } from "../../../src/reconcilers/dns/operation.ts"
import { type Failure, mayStand, outcomeOf, type Tried } from "../../../src/reconcilers/dns/outcome.ts"
import { planZone } from "../../../src/reconcilers/dns/plan.ts"
import { aRecord, aRow, aView } from "../../support/dns-views.ts"

const posts = planZone(aView({ rows: Array.from({ length: 4 }, (_, i) => aRow({ id: i, name: `n${i}` })) })).operations
const remove = Operation.Delete({ record: aRecord(), leaving: [] })
const several = posts.map((operation) => [operation])
const one = several.slice(0, 1)
const pair = [[remove, ...posts.slice(0, 1)]]
const rejected = (code: number): Failure => ({ _tag: "Rejected", code, message: "no" })
const silent: Failure = { _tag: "Unavailable", message: "no answer" }

const of = (failure: Failure, tried: Partial<Tried>) =>
  outcomeOf(failure, { atoms: several, fresh: true, failures: 0, ...tried })
const charge = (reason: string, message: string) => ({ _tag: "Charge", charge: { reason, message } })

describe("nothing, or 5xx", () => {
  it.each([0, 1])("after %i in a row: Wait, and nobody is charged", (failures) => {
    expect(of(silent, { failures })).toEqual({ _tag: "Wait" })
    expect(of(silent, { failures, atoms: one })).toEqual({ _tag: "Wait" })
  })
  it("for the third time, of several atoms: Halve", () => {
    expect(of(silent, { failures: 2 })).toEqual({ _tag: "Halve", limit: 2 })
    expect(of(silent, { failures: 2, atoms: [...pair, ...one] })).toEqual({ _tag: "Halve", limit: 1 })
  })
  it("for the third time, of one atom: Charge", () => {
    expect(of(silent, { failures: 2, atoms: one })).toEqual(charge("ProviderUnavailable", "no answer"))
    expect(of(silent, { failures: 2, atoms: pair })).toEqual(charge("ProviderUnavailable", "no answer"))
  })
})

describe("a refusal that is about the zone", () => {
  it.each(["RateLimited", "Unauthorized", "ZoneMissing"] as const)("%s: Stop, and nobody is charged", (_tag) => {
    expect(of({ _tag, message: "no" }, { atoms: one, failures: 9 })).toEqual({ _tag: "Stop" })
  })
  it("a quota that is used up: what needs room waits", () => {
    expect(of(rejected(81045), {})).toEqual({ _tag: "Quota" })
    expect(of(rejected(81045), { atoms: one, fresh: false })).toEqual({ _tag: "Quota" })
  })
  it("a quota that is used up, though nothing needs room: as any rejection", () => {
    expect(of(rejected(81045), { atoms: [[remove]] })).toEqual(charge("RejectedByProvider", "81045: no"))
  })
})

describe("a rejection", () => {
  it("of one deletion because it is gone already: Done", () => {
    expect(of(rejected(81044), { atoms: [[remove]] })).toEqual({ _tag: "Done" })
    expect(of(rejected(81044), { atoms: [[remove]], fresh: false })).toEqual({ _tag: "Done" })
  })
  it.each([81044, 81053, 81054, 81055, 81056, 81057, 81058])("%i, which a list of earlier explains: Relist", (code) => {
    expect(of(rejected(code), { fresh: false })).toEqual({ _tag: "Relist" })
    expect(of(rejected(code), { fresh: true })).toEqual({ _tag: "Bisect" })
  })
  it("of anything else, of several atoms: Bisect", () => {
    expect(of(rejected(9003), { fresh: false })).toEqual({ _tag: "Bisect" })
  })
  it("of anything else, of one atom: Charge", () => {
    expect(of(rejected(9003), { atoms: one })).toEqual(charge("RejectedByProvider", "9003: no"))
    expect(of(rejected(81044), { atoms: pair })).toEqual(charge("RejectedByProvider", "81044: no"))
  })
})

describe("an intent to create", () => {
  const unmarked = { adoption: "Matching", isMarked: false } as const
  it("stays open when nothing was said", () => {
    expect(mayStand(silent, unmarked)).toBe(true)
    expect(mayStand(silent, { adoption: "Never", isMarked: true })).toBe(true)
  })
  it.each([81044, 81053, 81054, 81055, 81056, 81057, 81058])(
    "stays open after %i only without a mark, and where identical records are adopted",
    (code) => {
      expect(mayStand(rejected(code), unmarked)).toBe(true)
      expect(mayStand(rejected(code), { ...unmarked, isMarked: true })).toBe(false)
      expect(mayStand(rejected(code), { ...unmarked, adoption: "Never" })).toBe(false)
    }
  )
  it.each([rejected(9003), rejected(81045), { _tag: "RateLimited", message: "no" } as const])(
    "is closed by any other refusal: %o",
    (failure) => {
      expect(mayStand(failure, unmarked)).toBe(false)
    }
  )
})
