/** Each row of the table of `plan.ts` about what is wanted and what is there: one plan each. */
import { describe, expect, it } from "vitest"
import {
  aRecord,
  aRejection,
  aRow,
  aSettledRow,
  aStranger,
  entryOf,
  INSTANCE,
  NOW,
  OTHER_INSTANCE,
  operations,
  planOf,
  short
} from "../../support/dns-views.ts"

const MARK = `[driftless:${INSTANCE}]`
const record = aRecord()
const settled = aSettledRow(record)
const ledger = [entryOf(record)]
const other = aRecord({ id: "r2", text: "192.0.2.2" })

describe("a record is wanted", () => {
  it("and is there, ours, with the same settings: settled", () => {
    const { operations, settled } = planOf({ rows: [aRow()], observed: [record], ledger })
    expect(operations).toEqual([])
    expect(settled).toEqual([{ row: aRow(), recordId: "r1" }])
  })

  it("and is there and the row knows it: nothing at all", () => {
    const nothing = planOf({ rows: [settled], observed: [record], ledger })
    expect(nothing).toMatchObject({
      operations: [],
      settled: [],
      refusals: [],
      gone: [],
      adopted: [],
      released: [],
      drift: [],
      deletionsHeld: 0,
      foreign: 0
    })
  })

  it.each([
    ["another ttl", aRecord({ ttl: 600 })],
    ["proxied", aRecord({ proxied: true, ttl: 1 })],
    ["without our mark", aRecord({ instance: null })],
    ["with other words", aRecord({ comment: "other" })]
  ])("and is there, ours, but with %s: Patch", (_, observed) => {
    const made = planOf({ rows: [aRow({ comment: "words" })], observed: [observed], ledger })
    expect(operations(made)).toEqual(["Patch r1"])
    expect(made.operations).toMatchObject([{ comment: `words ${MARK}` }])
  })

  it("and is there unmarked, adoption Matching: ours from now on, with a Patch where it differs", () => {
    const made = planOf({ rows: [aRow()], observed: [aStranger({ comment: "theirs" })] })
    expect(made.adopted).toMatchObject([{ record: { id: "s1" }, entry: null }])
    expect(made.operations).toMatchObject([{ _tag: "Patch", record: { id: "s1" }, comment: `theirs ${MARK}` }])
    const same = planOf({ rows: [aRow()], observed: [aStranger({ ttl: 120 })], settings: { commentLimit: 0 } })
    expect(same).toMatchObject({ operations: [], adopted: [{ record: { id: "s1" } }], settled: [{ recordId: "s1" }] })
  })

  it.each([
    ["unmarked, adoption Never", aStranger(), "Never" as const],
    ["read-only", aStranger({ readOnly: true }), "Matching" as const],
    ["another instance's", aStranger({ instance: OTHER_INSTANCE }), "Matching" as const]
  ])("and is there, but %s: refused", (_, observed, adoption) => {
    const made = planOf({ rows: [aRow()], observed: [observed], settings: { adoption } })
    expect(made).toMatchObject({
      operations: [],
      adopted: [],
      foreign: 1,
      refusals: [{ row: { id: 1 }, reason: "HeldBySomeoneElse" }]
    })
  })

  it.each([
    ["it cannot stand beside", aStranger({ type: "CNAME", text: "a.example.net" })],
    ["it would share traffic with", aStranger({ text: "192.0.2.77" })]
  ])("and a stranger's is there that %s: refused", (_, observed) => {
    expect(planOf({ rows: [aRow()], observed: [observed] })).toMatchObject({
      operations: [],
      refusals: [{ reason: "HeldBySomeoneElse" }]
    })
  })

  it("beside one that is adopted by this plan: no stranger is in its way any more", () => {
    const made = planOf({ rows: [aRow(), aRow({ id: 2, value: "192.0.2.2" })], observed: [aStranger()] })
    expect(operations(made)).toEqual(["Patch s1", "Post 192.0.2.2"])
    expect(made.refusals).toEqual([])
  })

  it("and ours of that name and type is wanted by nobody: Patch that one", () => {
    expect(
      operations(planOf({ rows: [aRow({ value: "192.0.2.9", recordId: "r1" })], observed: [record], ledger }))
    ).toEqual(["Patch r1"])
  })

  it("and its own record is there among others: Patch its own", () => {
    const rows = [aRow({ value: "192.0.2.8" }), aRow({ id: 2, value: "192.0.2.9", recordId: "r1" })]
    const made = planOf({ rows, observed: [record, other], ledger: [entryOf(record), entryOf(other, 2)] })
    expect(made.operations.map((o) => [short(o), o._tag === "Patch" && o.wanted.text])).toEqual([
      ["Patch r2", "192.0.2.8"],
      ["Patch r1", "192.0.2.9"]
    ])
  })

  it("and nothing is there: Post, with our mark", () => {
    expect(planOf({ rows: [aRow({ comment: "words" })] }).operations).toMatchObject([
      { _tag: "Post", comment: `words ${MARK}` }
    ])
    expect(planOf({ rows: [aRow()], settings: { commentLimit: 0 } }).operations).toMatchObject([
      { _tag: "Post", comment: undefined }
    ])
  })

  it("in the place of one of ours that Retain leaves there: refused", () => {
    const rows = [aRow({ type: "CNAME", value: "a.example.net", recordId: "r1" })]
    const made = planOf({ rows, observed: [record], ledger, settings: { retain: true } })
    expect(operations(made)).toEqual(["Unmark r1"])
    expect(made.refusals).toMatchObject([{ reason: "HeldBySomeoneElse" }])
  })

  it("in the place of one of ours whose deletion is held: waits with that", () => {
    const rows = [aRow({ type: "CNAME", value: "a.example.net", recordId: "r1" })]
    const made = planOf({ rows, observed: [record], ledger, settings: { maxDeletions: "0" } })
    expect(made).toMatchObject({ operations: [], refusals: [], deletionsHeld: 1 })
  })

  it("but held back: whatever it had stays until it may be tried again", () => {
    const row = aRow({ value: "192.0.2.9", recordId: "r1", rejection: aRejection() })
    expect(planOf({ rows: [row], observed: [record], ledger })).toMatchObject({ operations: [], gone: [] })
    const due = { ...row, rejection: aRejection({ nextRetryAt: NOW }) }
    expect(operations(planOf({ rows: [due], observed: [record], ledger }))).toEqual(["Patch r1"])
    const stopped = { ...row, rejection: aRejection({ nextRetryAt: null, stopped: true, count: 10 }) }
    expect(planOf({ rows: [stopped], observed: [record], ledger }).operations).toEqual([])
  })

  it("but refused: whatever it had stays, unless another needs its place", () => {
    const refused = aRow({ value: "nonsense", recordId: "r1" })
    expect(planOf({ rows: [refused], observed: [record], ledger }).operations).toEqual([])
    const alias = aRow({ id: 2, type: "CNAME", value: "a.example.net" })
    expect(operations(planOf({ rows: [refused, alias], observed: [record], ledger }))).toEqual([
      "Delete r1",
      "Post a.example.net"
    ])
  })

  it("and was refused by our own plan, even ten times: is planned anew", () => {
    const rejection = aRejection({ reason: "HeldBySomeoneElse", stopped: true, count: 10, nextRetryAt: null })
    expect(operations(planOf({ rows: [aRow({ rejection })] }))).toEqual(["Post 192.0.2.1"])
  })

  it("by two rows, one of which may be tried: it is tried for both", () => {
    const rows = [aRow({ rejection: aRejection() }), aRow({ id: 2 })]
    expect(planOf({ rows }).operations).toMatchObject([{ _tag: "Post", wanted: { rows: [{ id: 1 }, { id: 2 }] } }])
  })
})

describe("a record that nobody wants", () => {
  it("is deleted when it is ours", () => {
    expect(operations(planOf({ observed: [record], ledger }))).toEqual(["Delete r1"])
  })

  it("with Retain loses our mark and keeps its words, or is only released where it has none", () => {
    const marked = planOf({ observed: [aRecord({ comment: "words" })], ledger, settings: { retain: true } })
    expect(marked).toMatchObject({
      operations: [{ _tag: "Unmark", record: { id: "r1", comment: "words" } }],
      released: []
    })
    const bare = planOf({ observed: [aRecord({ instance: null })], ledger, settings: { retain: true } })
    expect(bare).toMatchObject({ operations: [], released: ["r1"] })
  })

  it("is held when it is one of more than maxDeletions, until a person confirms what was asked for", () => {
    const rows = [
      aSettledRow(record, { present: false }),
      aSettledRow(other, { id: 2, value: "192.0.2.2", present: false })
    ]
    const facts = { rows, observed: [record, other], ledger: [entryOf(record), entryOf(other, 2)] }
    expect(planOf({ ...facts, settings: { maxDeletions: "1" } })).toMatchObject({
      operations: [],
      gone: [],
      deletionsHeld: 2
    })
    expect(planOf({ ...facts, settings: { maxDeletions: "1", deletionsConfirmedAt: NOW - 1001 } })).toMatchObject({
      operations: [],
      deletionsHeld: 2
    })
    expect(operations(planOf({ ...facts, settings: { maxDeletions: "1", deletionsConfirmedAt: NOW } }))).toEqual([
      "Delete r1",
      "Delete r2"
    ])
    expect(operations(planOf({ ...facts, settings: { maxDeletions: "100%" } }))).toEqual(["Delete r1", "Delete r2"])
  })

  it("because its row moved away later than a person confirmed, is held", () => {
    const rows = [aRow({ name: "elsewhere", recordId: "r1" })]
    const made = planOf({
      rows,
      observed: [record],
      ledger,
      settings: { maxDeletions: "0", deletionsConfirmedAt: NOW - 1001 }
    })
    expect(operations(made)).toEqual(["Post 192.0.2.1"])
    expect(made.deletionsHeld).toBe(1)
  })

  it("and that nobody of ours put there is cleaned up without asking", () => {
    const made = planOf({ observed: [record], settings: { maxDeletions: "0" } })
    expect(operations(made)).toEqual(["Delete r1"])
    expect(made.drift).toEqual([{ kind: "added", rows: [] }])
  })

  it("is left alone when it is a stranger's", () => {
    expect(planOf({ observed: [aStranger()] })).toMatchObject({ operations: [], foreign: 1 })
  })
})
