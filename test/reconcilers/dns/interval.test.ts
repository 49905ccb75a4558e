/** When a zone is looked at again, and how long a rejected row waits: the seed's figures. */
import { describe, expect, it } from "vitest"
import { driftInterval, retryDelay, untilNextLook } from "../../../src/reconcilers/dns/interval.ts"
import { aRejection, NOW } from "../../support/dns-views.ts"

describe("a rejected row", () => {
  it("waits min(2^n × 30 s, 30 min), n counted after the failure, and stops at ten", () => {
    const seconds = Array.from({ length: 11 }, (_, i) => retryDelay(i + 1)).map((millis) =>
      millis === null ? null : millis / 1000
    )
    expect(seconds).toEqual([60, 120, 240, 480, 960, 1800, 1800, 1800, 1800, null, null])
  })
})

describe("the drift timer", () => {
  const quota = { capacity: 1200, windowSeconds: 300 }
  it.each([
    [40_000, 1, 40_000],
    [40_000, 48, 40_000],
    [40_000, 49, 40_834],
    [40_000, 480, 400_000],
    [1_000, 12, 10_000]
  ])("of %i ms with %i pages is %i ms", (base, pages, millis) => {
    expect(driftInterval(base, pages, quota)).toBe(millis)
  })

  it("lets all lists of a token use no more than 30 % of its budget", () => {
    for (const pages of [1, 100, 5000]) {
      const millis = driftInterval(40_000, pages, quota)
      expect(pages / millis).toBeLessThanOrEqual((0.3 * quota.capacity) / (quota.windowSeconds * 1000))
    }
  })
})

describe("the next look", () => {
  const at = (...rejections: ReadonlyArray<Parameters<typeof aRejection>[0] | null>) =>
    untilNextLook(
      NOW,
      NOW - 10_000,
      40_000,
      rejections.map((facts) => ({ rejection: facts === null ? null : aRejection(facts) }))
    )

  it("is the timer's, counted from the last list", () => {
    expect(at(null)).toBe(30_000)
  })
  it("is the first retry that is ahead", () => {
    expect(at({ nextRetryAt: NOW + 20_000 }, { nextRetryAt: NOW + 5000 }, null)).toBe(5000)
  })
  it("is not that of a row that waits for a person, or for something else than time", () => {
    expect(at({ nextRetryAt: null, stopped: true }, { nextRetryAt: NOW }, { nextRetryAt: NOW - 1 })).toBe(30_000)
  })
  it("is now where the list is older than the timer", () => {
    expect(untilNextLook(NOW, NOW - 50_000, 40_000, [])).toBe(0)
  })
})
