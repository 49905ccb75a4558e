/**
 * How the rows of a document become those that its spec asks for, with as little as possible done at the provider.
 * A pure function; in this order:
 *
 *   a value that has a row already            | the row stays, or comes back under its id
 *   a new value, and a row with none left     | the row gets the value: its record is patched in place
 *   a new value, and no row to spare          | a new row
 *   a row that no value is left for           | absent
 *   a row of another domain, type or name     | absent
 */
export interface Row {
  readonly id: number
  readonly domainId: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly present: boolean
}

export interface Wanted {
  readonly domainId: number
  readonly type: string
  readonly name: string
  /** Normalised, and each once; none when the records are to be absent. */
  readonly values: ReadonlyArray<string>
}

export interface RowChanges {
  readonly keep: ReadonlyArray<{ readonly id: number; readonly value: string }>
  readonly insert: ReadonlyArray<string>
  readonly remove: ReadonlyArray<number>
}

export function planRows(rows: ReadonlyArray<Row>, wanted: Wanted): RowChanges {
  const byId = rows.toSorted((a, b) => a.id - b.id)
  const usable = byId.filter(
    (row) => row.domainId === wanted.domainId && row.type === wanted.type && row.name === wanted.name
  )
  const holders = new Map(usable.map((row) => [row.value, row]))
  const holding = wanted.values.flatMap((value) => {
    const row = holders.get(value)
    return row === undefined ? [] : [{ id: row.id, value }]
  })
  const added = wanted.values.filter((value) => !holders.has(value))
  const held = new Set(holding.map(({ id }) => id))
  const spare = usable.filter((row) => row.present && !held.has(row.id))
  const patched = spare.slice(0, added.length).map(({ id }, index) => ({ id, value: added[index] ?? "" }))
  const keep = [...holding, ...patched]
  const kept = new Set(keep.map(({ id }) => id))
  return {
    keep,
    insert: added.slice(patched.length),
    remove: byId.filter((row) => row.present && !kept.has(row.id)).map(({ id }) => id)
  }
}
