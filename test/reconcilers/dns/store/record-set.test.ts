import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { planRows, type Row, type RowChanges, type Wanted } from "../../../../src/reconcilers/dns/store/record-set.ts"

const aRow = (id: number, value: string, some: Partial<Row> = {}): Row => ({
  id,
  domainId: 1,
  type: "A",
  name: "www",
  value,
  present: true,
  ...some
})

const wanted = (values: ReadonlyArray<string>, some: Partial<Wanted> = {}): Wanted => ({
  domainId: 1,
  type: "A",
  name: "www",
  values,
  ...some
})

describe("planRows", () => {
  it.each<readonly [string, ReadonlyArray<Row>, Wanted, RowChanges]>([
    ["keeps a value's row", [aRow(1, "a")], wanted(["a"]), { keep: [{ id: 1, value: "a" }], insert: [], remove: [] }],
    [
      "brings a row on its way out back under its id",
      [aRow(1, "a", { present: false })],
      wanted(["a"]),
      { keep: [{ id: 1, value: "a" }], insert: [], remove: [] }
    ],
    [
      "gives a new value to the row that no value is left for",
      [aRow(1, "a"), aRow(2, "b")],
      wanted(["a", "c"]),
      {
        keep: [
          { id: 1, value: "a" },
          { id: 2, value: "c" }
        ],
        insert: [],
        remove: []
      }
    ],
    [
      "pairs several in order",
      [aRow(2, "b"), aRow(1, "a")],
      wanted(["c", "d"]),
      {
        keep: [
          { id: 1, value: "c" },
          { id: 2, value: "d" }
        ],
        insert: [],
        remove: []
      }
    ],
    [
      "inserts what has no row to take",
      [aRow(1, "a", { present: false })],
      wanted(["b"]),
      { keep: [], insert: ["b"], remove: [] }
    ],
    [
      "removes what no value is left for",
      [aRow(1, "a"), aRow(2, "b")],
      wanted(["b"]),
      { keep: [{ id: 2, value: "b" }], insert: [], remove: [1] }
    ],
    [
      "removes all when none is wanted",
      [aRow(1, "a"), aRow(2, "b")],
      wanted([]),
      { keep: [], insert: [], remove: [1, 2] }
    ],
    [
      "leaves rows of another name behind",
      [aRow(1, "a", { name: "old" })],
      wanted(["a"]),
      { keep: [], insert: ["a"], remove: [1] }
    ],
    [
      "leaves rows of another domain behind",
      [aRow(1, "a", { domainId: 2 })],
      wanted(["b"]),
      { keep: [], insert: ["b"], remove: [1] }
    ]
  ])("%s", (_name, rows, spec, expected) => {
    expect(planRows(rows, spec)).toEqual(expected)
  })

  const values = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e"))
  const rows = fc
    .tuple(values, fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }))
    .map(([all, present]) => all.map((value, index) => aRow(index + 1, value, { present: present[index] ?? true })))

  const after = (before: ReadonlyArray<Row>, { insert, keep, remove }: RowChanges): ReadonlyArray<Row> => {
    const kept = new Map(keep.map(({ id, value }) => [id, value]))
    const gone = new Set(remove)
    return [
      ...before.map((row) => ({
        ...row,
        value: kept.get(row.id) ?? row.value,
        present: kept.has(row.id) || (row.present && !gone.has(row.id))
      })),
      ...insert.map((value, index) => aRow(100 + index, value))
    ]
  }

  it("ends with exactly the wanted values present, none of them twice, and has nothing to do then", () => {
    fc.assert(
      fc.property(rows, values, (before, spec) => {
        const plan = planRows(before, wanted(spec))
        const rowsAfter = after(before, plan)
        const present = rowsAfter.filter((row) => row.present).map(({ value }) => value)
        expect(present.toSorted()).toEqual(spec.toSorted())
        // Two rows of one value would break the table's unique key, also where one is on its way out.
        expect(new Set(rowsAfter.map(({ value }) => value)).size).toBe(rowsAfter.length)
        const again = planRows(rowsAfter, wanted(spec))
        expect(again.insert).toEqual([])
        expect(again.remove).toEqual([])
        expect(again.keep.every(({ id, value }) => rowsAfter.some((row) => row.id === id && row.value === value))).toBe(
          true
        )
      })
    )
  })
})
