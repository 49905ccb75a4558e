import { describe, expect, it } from "vitest"
import { type Condition, conditionsOf, type Counts, type Facts, usability } from "../../src/model/conditions.ts"

const counts = (some: Partial<Counts>): Counts => ({
  total: 0,
  active: 0,
  pending: 0,
  running: 0,
  error: 0,
  stopped: 0,
  ...some
})

const someFacts = (some: Partial<Facts>): Facts => ({
  about: "records",
  generation: 3,
  deleting: false,
  absent: false,
  counts: counts({}),
  problem: undefined,
  zone: undefined,
  behind: false,
  ...some
})

const outage = { stalled: false, reason: "ProviderUnavailable", message: "503", since: "2026-01-01T00:00:00.000Z" }
const badToken = { stalled: true, reason: "TokenRefused", message: "give another", since: "2026-01-02T00:00:00.000Z" }
const rejected = { ...badToken, reason: "RecordsRejected" }
const deletions = { ...badToken, reason: "DeletionsHeld" }
const held = { reason: "HeldBySomeoneElse", message: "somebody has it" }

const words = (conditions: ReadonlyArray<Condition>) => {
  const [ready, reconciling, stalled] = conditions.map(({ status }) => status)
  return [ready, conditions[0]?.reason, reconciling, stalled]
}

describe("conditionsOf", () => {
  it.each<readonly [row: string, facts: Partial<Facts>, expected: ReadonlyArray<string>]>([
    [
      "deletion",
      { deleting: true, zone: badToken, counts: counts({ total: 2 }) },
      ["False", "Deleting", "True", "False"]
    ],
    [
      "a zone for a person",
      { zone: badToken, counts: counts({ total: 1, active: 1 }) },
      ["False", "TokenRefused", "False", "True"]
    ],
    [
      "a record whose retry has stopped",
      { problem: held, counts: counts({ total: 2, active: 1, error: 1, stopped: 1 }) },
      ["False", "HeldBySomeoneElse", "False", "True"]
    ],
    [
      "a rejected record with its retry ahead",
      { problem: held, zone: outage, counts: counts({ total: 2, active: 1, error: 1 }) },
      ["False", "HeldBySomeoneElse", "True", "False"]
    ],
    [
      "a zone that waits, with a record not done",
      { zone: outage, counts: counts({ total: 1, pending: 1 }) },
      ["False", "ProviderUnavailable", "True", "False"]
    ],
    [
      "a zone that waits, itself",
      { about: "zone", zone: outage, counts: counts({ total: 1, active: 1 }) },
      ["False", "ProviderUnavailable", "True", "False"]
    ],
    [
      "a zone that waits, seen from records that are done",
      { zone: outage, counts: counts({ total: 1, active: 1 }) },
      ["True", "Converged", "False", "False"]
    ],
    [
      "a record that is worked on",
      { counts: counts({ total: 2, pending: 1, running: 1 }) },
      ["False", "Converging", "True", "False"]
    ],
    [
      "a record that waits",
      { counts: counts({ total: 2, active: 1, pending: 1 }) },
      ["False", "Pending", "True", "False"]
    ],
    [
      "a zone changed since a person had to help",
      { about: "zone", behind: true, zone: badToken },
      ["False", "TokenRefused", "True", "False"]
    ],
    ["a zone not looked at", { about: "zone", behind: true }, ["False", "Pending", "True", "False"]],
    [
      "absent, with rows left",
      { absent: true, counts: counts({ total: 1, pending: 1 }) },
      ["False", "Pending", "True", "False"]
    ],
    [
      "a zone with rejected records, itself",
      { about: "zone", zone: rejected, counts: counts({ total: 2, active: 2 }) },
      ["False", "RecordsRejected", "False", "True"]
    ],
    [
      "a zone with rejected records, seen from one that is done",
      { zone: rejected, counts: counts({ total: 1, active: 1 }) },
      ["True", "Converged", "False", "False"]
    ],
    [
      "a zone with rejected records, seen from one that waits",
      { zone: { ...rejected, stalled: false }, counts: counts({ total: 1, pending: 1 }) },
      ["False", "Pending", "True", "False"]
    ],
    [
      "a zone with rejected records, seen from one of them",
      { zone: rejected, problem: held, counts: counts({ total: 1, error: 1, stopped: 1 }) },
      ["False", "HeldBySomeoneElse", "False", "True"]
    ],
    [
      "a zone that holds deletions, itself",
      { about: "zone", zone: deletions, counts: counts({ total: 2, active: 2 }) },
      ["False", "DeletionsHeld", "False", "True"]
    ],
    [
      "a zone that holds deletions, seen from records that are done",
      { zone: deletions, counts: counts({ total: 1, active: 1 }) },
      ["True", "Converged", "False", "False"]
    ],
    [
      "a zone that holds deletions, seen from records that change",
      { zone: deletions, counts: counts({ total: 2, active: 1, pending: 1 }) },
      ["False", "DeletionsHeld", "True", "False"]
    ],
    [
      "a zone that holds deletions, seen from records that are to go",
      { absent: true, zone: deletions, counts: counts({ total: 1, pending: 1 }) },
      ["False", "DeletionsHeld", "False", "True"]
    ],
    ["absent, and gone", { absent: true }, ["True", "Absent", "False", "False"]],
    ["all done", { counts: counts({ total: 2, active: 2 }) }, ["True", "Converged", "False", "False"]]
  ])("%s", (_row, facts, expected) => {
    expect(words(conditionsOf(someFacts(facts)))).toEqual(expected)
  })

  it("takes no more of a problem than its words", () => {
    const problem = { ...held, type: "A", id: 5 }
    const conditions = conditionsOf(someFacts({ problem, counts: counts({ total: 1, error: 1 }) }))
    expect(conditions.map(({ type }) => type)).toEqual(["Ready", "Reconciling", "Stalled"])
    expect(Object.keys(conditions[0] ?? {}).toSorted()).toEqual([
      "message",
      "observedGeneration",
      "reason",
      "status",
      "type"
    ])
  })

  it("is about the generation it was computed for", () => {
    expect(conditionsOf(someFacts({})).map(({ observedGeneration }) => observedGeneration)).toEqual([3, 3, 3])
  })

  it("tells since when, where that is known", () => {
    const [ready] = conditionsOf(someFacts({ zone: badToken }))
    expect(ready?.lastTransitionTime).toBe(badToken.since)
    expect(conditionsOf(someFacts({}))[0]).not.toHaveProperty("lastTransitionTime")
  })

  it("counts in its message", () => {
    const [ready] = conditionsOf(someFacts({ counts: counts({ total: 2, active: 1, pending: 1 }) }))
    expect(ready?.message).toBe("1 of 2 records not written yet")
  })
})

describe("usability", () => {
  it("is Ready without a problem", () => {
    expect(words(usability(1, undefined))).toEqual(["True", "Usable", "False", "False"])
  })

  it("is Stalled with one, since only a person can help", () => {
    const conditions = usability(1, { reason: "TokenMissing", message: "not set" })
    expect(words(conditions)).toEqual(["False", "TokenMissing", "False", "True"])
    expect(conditions[0]?.message).toBe("not set")
  })
})
