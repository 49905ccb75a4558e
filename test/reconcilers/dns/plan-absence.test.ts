/** Each row of the tables of `plan.ts` about whose a record is, what is gone, and what others did: one plan each. */
import { describe, expect, it } from "vitest"
import { deletionLimit } from "../../../src/reconcilers/dns/plan.ts"
import {
  aRecord,
  aRejection,
  aRow,
  aSettledRow,
  aStranger,
  entryOf,
  intentOf,
  NOW,
  OTHER_INSTANCE,
  tombstoneOf,
  operations,
  planOf
} from "../../support/dns-views.ts"

const record = aRecord()
const settled = aSettledRow(record)
const ledger = [entryOf(record)]
const other = aRecord({ id: "r2", text: "192.0.2.2" })

describe("whose a record is", () => {
  it.each([
    ["in the ledger", aRecord({ instance: null }), { ledger: [entryOf(record)] }],
    ["under a tombstone", aRecord({ instance: null }), { tombstones: [tombstoneOf(record)] }],
    ["marked as ours", record, {}],
    ["unmarked and equal to an open intent", aRecord({ instance: null }), { ledger: [intentOf(record)] }],
    [
      "unmarked and equal to the tombstone of an intent",
      aRecord({ instance: null }),
      { tombstones: [{ ...tombstoneOf(record), recordId: null }] }
    ]
  ])("ours: %s", (_, observed, facts) => {
    expect(operations(planOf({ observed: [observed], ...facts }))).toEqual(["Delete r1"])
  })

  it.each([
    ["what another instance marked", aRecord({ instance: OTHER_INSTANCE })],
    ["what is read-only", aRecord({ readOnly: true })],
    ["SOA", aRecord({ type: "SOA", name: "example.test", text: "x" })],
    ["NS of the zone itself", aRecord({ type: "NS", name: "example.test", text: "ns1.example.net" })]
  ])("never ours: %s, even in the ledger", (_, observed) => {
    expect(planOf({ observed: [observed], ledger: [entryOf(observed)] })).toMatchObject({ operations: [], foreign: 1 })
  })

  it("an intent that is answered becomes the record's entry", () => {
    const intent = intentOf(record, 7)
    expect(planOf({ rows: [aRow()], observed: [record], ledger: [intent] })).toMatchObject({
      adopted: [{ record: { id: "r1" }, entry: { id: 7 } }],
      settled: [{ recordId: "r1" }],
      vanished: []
    })
  })
})

describe("an absent row", () => {
  const absent = aSettledRow(record, { present: false })

  it("whose record is deleted by this plan goes when that is answered", () => {
    const made = planOf({ rows: [absent], observed: [record], ledger })
    expect(made.operations).toMatchObject([{ _tag: "Delete", leaving: [{ id: 1 }] }])
    expect(made.gone).toEqual([])
  })

  it("whose record is patched to another value goes when that is answered", () => {
    const made = planOf({ rows: [absent, aRow({ id: 2, value: "192.0.2.2" })], observed: [record], ledger })
    expect(made.operations).toMatchObject([{ _tag: "Patch", record: { id: "r1" }, leaving: [{ id: 1 }] }])
    expect(made.gone).toEqual([])
  })

  it.each([
    ["is wanted by another row", { rows: [absent, aRow({ id: 2, recordId: "r1" })], observed: [record], ledger }],
    ["is a stranger's", { rows: [{ ...absent, recordId: "" }], observed: [aStranger()] }],
    ["was never written", { rows: [aRow({ present: false })] }],
    ["never had a meaning", { rows: [aRow({ present: false, value: "nonsense" })] }],
    [
      "is left to others",
      { rows: [absent], observed: [aRecord({ instance: null })], ledger, settings: { retain: true } }
    ]
  ])("whose record %s goes", (_, facts) => {
    expect(planOf(facts).gone).toMatchObject([{ id: 1 }])
  })

  it("whose record was written and is not in a fresh list waits for two such lists", () => {
    expect(planOf({ rows: [absent], ledger })).toMatchObject({ gone: [], vanished: ledger })
    expect(planOf({ rows: [absent], tombstones: [tombstoneOf(record, NOW - 59_999)] })).toMatchObject({
      gone: [],
      over: []
    })
    expect(planOf({ rows: [absent], tombstones: [tombstoneOf(record, NOW - 60_000)] })).toMatchObject({
      gone: [{ id: 1 }],
      over: [{ recordId: "r1" }]
    })
  })

  it("whose record is not in a fresh list does not go with another that equals it", () => {
    const before = aRecord({ id: "r0" })
    const facts = { rows: [absent], observed: [before], tombstones: [tombstoneOf(before)] }
    for (const known of [{ ledger }, { tombstones: [...facts.tombstones, tombstoneOf(record, NOW - 59_999)] }]) {
      const made = planOf({ ...facts, ...known })
      expect(made.operations).toMatchObject([{ _tag: "Delete", record: { id: "r0" }, leaving: [] }])
      expect(made.gone).toEqual([])
    }
    const tombstones = [...facts.tombstones, tombstoneOf(record, NOW - 60_000)]
    expect(planOf({ ...facts, tombstones }).operations).toMatchObject([{ _tag: "Delete", leaving: [{ id: 1 }] }])
  })

  it("that was given another value before it went waits for its old record all the same", () => {
    expect(planOf({ rows: [{ ...absent, value: "192.0.2.9" }], ledger }).gone).toEqual([])
  })

  it("that a ledger of before names, although its record has another value by now and is another row's, goes", () => {
    const wanting = aSettledRow(record)
    const leaving = aRow({ id: 2, present: false, value: other.text, recordId: record.id, observedGeneration: 1 })
    const old = [{ ...entryOf(record), text: other.text }]
    expect(planOf({ rows: [wanting, leaving], observed: [record], ledger: old }).gone).toEqual([leaving])
  })

  describe("that was edited before its record was heard of", () => {
    const edited = aRow({ present: false, generation: 3, value: "192.0.2.9" })

    it("goes with one of ours of its name and type that nobody wants", () => {
      const plan = planOf({ rows: [edited], observed: [record], ledger: [intentOf(record)] })
      expect(plan).toMatchObject({ operations: [{ _tag: "Delete", leaving: [{ id: edited.id }] }], gone: [] })
    })

    it.each([
      ["an intent that no list has shown yet", { ledger: [intentOf(record)], fresh: false }],
      ["the tombstone of an intent", { tombstones: [{ ...tombstoneOf(record), recordId: null }] }],
      ["one that is not in the list", { tombstones: [tombstoneOf(record)] }]
    ])("waits for %s", (_, facts) => {
      expect(planOf({ rows: [edited], ...facts })).toMatchObject({ operations: [], gone: [] })
    })

    it.each([
      ["nothing of its name and type is ours", {}],
      ["what is, is of another name", { ledger: [entryOf(aRecord({ name: "more.example.test" }))], fresh: false }],
      ["what is, is another row's", { rows: [edited, { ...settled, id: 8 }], observed: [record], ledger }]
    ])("goes when %s", (_, facts) => {
      expect(planOf({ rows: [edited], ...facts })).toMatchObject({ operations: [], gone: [{ id: edited.id }] })
    })

    it("does not wait when nothing but its deletion came after its making", () => {
      const brief = { ...edited, generation: 2 }
      expect(planOf({ rows: [brief], tombstones: [tombstoneOf(record)] }).gone).toHaveLength(1)
    })
  })

  it("whose deletion was rejected keeps its record until it may be tried again", () => {
    const rows = [{ ...absent, rejection: aRejection() }]
    expect(planOf({ rows, observed: [record], ledger })).toMatchObject({ operations: [], gone: [] })
  })
})

describe("a fresh list", () => {
  it("that lacks a record of the ledger, or an intent: a tombstone takes its place", () => {
    const entries = [entryOf(record), intentOf(other, 2)]
    expect(planOf({ ledger: entries })).toMatchObject({ vanished: entries })
    expect(planOf({ ledger: entries, fresh: false }).vanished).toEqual([])
  })

  it("that lacks what a tombstone stands for: the first such list is noted, the second ends it", () => {
    expect(planOf({ tombstones: [tombstoneOf(record)] })).toMatchObject({ clean: [{ id: 1 }], over: [] })
    expect(planOf({ tombstones: [tombstoneOf(record, NOW - 60_000)] })).toMatchObject({ clean: [], over: [{ id: 1 }] })
    expect(planOf({ tombstones: [tombstoneOf(record, NOW - 60_000)], fresh: false })).toMatchObject({
      clean: [],
      over: []
    })
  })

  it("that shows again what a tombstone stands for: it is deleted again, and the two lists begin anew", () => {
    const made = planOf({ observed: [aRecord({ instance: null })], tombstones: [tombstoneOf(record, NOW - 60_000)] })
    expect(operations(made)).toEqual(["Delete r1"])
    expect(made).toMatchObject({ reappeared: [{ id: 1 }], over: [] })
  })

  it("that shows it while a row wants it: it is simply ours", () => {
    const made = planOf({ rows: [aRow()], observed: [record], tombstones: [tombstoneOf(record)] })
    expect(made).toMatchObject({
      operations: [],
      adopted: [{ record: { id: "r1" } }],
      over: [{ id: 1 }],
      reappeared: []
    })
  })
})

describe("drift", () => {
  it.each([
    ["edited", { observed: [aRecord({ ttl: 600 })] }],
    ["edited", { observed: [aRecord({ text: "192.0.2.66" })] }],
    ["deleted", { observed: [] }]
  ])("of the kind %s is what undid a settled row", (kind, facts) => {
    expect(planOf({ rows: [settled], ledger, ...facts }).drift).toEqual([{ kind, rows: [settled] }])
  })

  it("is nothing that a list of earlier tells, or that a row asked for", () => {
    expect(planOf({ rows: [settled], ledger, observed: [aRecord({ ttl: 600 })], fresh: false }).drift).toEqual([])
    expect(
      planOf({ rows: [aRow({ ttl: 600, generation: 2, observedGeneration: 1 })], ledger, observed: [record] }).drift
    ).toEqual([])
  })
})

describe("deletionLimit", () => {
  it.each([
    [null, 10, Number.POSITIVE_INFINITY],
    ["0", 10, 0],
    ["20", 10, 20],
    ["30%", 10, 3],
    ["30%", 9, 2],
    ["30%", 3, 0],
    ["100%", 7, 7]
  ])("%s of %i is %d", (maxDeletions, ours, limit) => {
    expect(deletionLimit(maxDeletions, ours)).toBe(limit)
  })
})
