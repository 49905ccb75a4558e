/** The status of an object from its facts: each row of the table, and when it need not be written. */
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { conditionsOf } from "../../../src/model/conditions.ts"
import { DnsRecordStatus } from "../../../src/model/kinds/status.ts"
import { type Facts, isTold, PATIENCE, statusOf } from "../../../src/reconcilers/kubernetes/status.ts"

const NOW = "2026-01-05T10:00:00Z"
const LATER = "2026-01-05T11:00:00Z"
const counts = { total: 1, active: 1, pending: 0, running: 0, error: 0, stopped: 0 }
const shown = {
  conditions: conditionsOf({
    about: "records",
    generation: 1,
    deleting: false,
    absent: false,
    counts,
    problem: undefined,
    zone: undefined,
    behind: false
  }),
  records: counts,
  problems: []
}
const facts: Facts = {
  key: { kind: "DnsRecord", namespace: "n", name: "www" },
  generation: 3,
  shown,
  problem: undefined,
  deletingFor: undefined,
  zone: undefined
}
const words = (given: Partial<Facts>) =>
  statusOf({ ...facts, ...given }, undefined, NOW).conditions.map(
    ({ reason, status, type }) => `${type}=${status} ${reason}`
  )
const zone = { reason: "CredentialRejected", message: "the token was refused" }

describe("the status of an object", () => {
  it.each([
    ["its rows say", {}, "True", "False", "False", "Converged"],
    ["it was not looked at", { shown: undefined }, "False", "True", "False", "Pending"],
    [
      "only a person can help",
      { problem: { reason: "Invalid", message: "m", stalled: true } },
      "False",
      "False",
      "True",
      "Invalid"
    ],
    [
      "it waits",
      { problem: { reason: "ReferenceMissing", message: "m", stalled: false } },
      "False",
      "True",
      "False",
      "ReferenceMissing"
    ],
    ["it is deleted", { deletingFor: 0 }, "False", "True", "False", "Deleting"],
    ["it is deleted for long", { deletingFor: PATIENCE, zone }, "False", "False", "True", "CredentialRejected"]
  ] as const)("is what %s", (_title, given, ready, reconciling, stalled, reason) => {
    expect(words(given)).toEqual([
      `Ready=${ready} ${reason}`,
      `Reconciling=${reconciling} ${reason}`,
      `Stalled=${stalled} ${reason}`
    ])
  })

  it("is about the generation that was looked at, in every place", () => {
    const status = statusOf(facts, undefined, NOW)
    expect(status.observedGeneration).toBe(3)
    expect(status.conditions.map(({ observedGeneration }) => observedGeneration)).toEqual([3, 3, 3])
  })

  it("names the way out once a deletion has hung for ten minutes", () => {
    const [ready] = statusOf({ ...facts, deletingFor: PATIENCE, zone }, undefined, NOW).conditions
    expect(ready?.message).toBe(
      "waits until 1 record is gone for more than ten minutes: the token was refused. To let the object go and leave " +
        "the provider as it is: kubectl annotate dnsrecord -n n www driftless.dev/abandon=true"
    )
  })

  it("names the zone's trouble in a deletion, but of rejected records only its own", () => {
    const rejected = { reason: "RecordsRejected", message: "2 records are rejected; each says why" }
    const own = { reason: "ProviderUnavailable", message: "500: oops" }
    const messageOf = (given: Partial<Facts>) =>
      statusOf({ ...facts, deletingFor: 0, ...given }, undefined, NOW).conditions[0]?.message
    expect(messageOf({ zone })).toBe("waits until 1 record is gone: the token was refused")
    expect(messageOf({ zone: rejected })).toBe("waits until 1 record is gone")
    expect(messageOf({ zone: rejected, shown: { ...shown, problems: [own] } })).toBe(
      "waits until 1 record is gone: 500: oops"
    )
    const domain = { ...facts.key, kind: "Domain" } as const
    expect(messageOf({ zone: rejected, key: domain })).toContain("2 records are rejected")
  })

  it("moves the time of a condition only when that condition changes", () => {
    const before = statusOf(facts, undefined, NOW)
    const again = statusOf({ ...facts, generation: 4 }, before, LATER)
    expect(again.conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([NOW, NOW, NOW])
    const stalled = statusOf({ ...facts, problem: { reason: "Invalid", message: "m", stalled: true } }, before, LATER)
    expect(stalled.conditions.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([LATER, NOW, LATER])
  })

  it("need not be written where the object bears it, whatever others have put beside it", () => {
    const status = statusOf(facts, undefined, NOW)
    const stranger = {
      type: "Audited",
      status: "True",
      reason: "R",
      message: "m",
      observedGeneration: 1,
      lastTransitionTime: NOW
    }
    const borne = { ...status, conditions: [...status.conditions, stranger] }
    expect(isTold(statusOf(facts, borne, LATER), borne)).toBe(true)
    expect(isTold(statusOf({ ...facts, generation: 4 }, borne, LATER), borne)).toBe(false)
    expect(isTold(status, undefined)).toBe(false)
  })

  it("is one that the definition takes", () => {
    for (const given of [
      {},
      { deletingFor: PATIENCE, zone },
      { problem: { reason: "Invalid", message: "m".repeat(9999), stalled: true } }
    ] as const) {
      const status = statusOf({ ...facts, ...given }, undefined, NOW)
      expect(() => Schema.decodeUnknownSync(DnsRecordStatus)(status)).not.toThrow()
    }
  })
})
