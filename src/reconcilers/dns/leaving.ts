/** Tells when absent rows go: with the deletion of which record, or without any call once nothing is known of theirs. */
import { Result } from "effect"
import { normaliseName, toFqdn } from "../../model/dns/names.ts"
import { canonicalText, parseDesired } from "../../model/dns/value.ts"
import type { Owned } from "./match.ts"
import { keyOf, type LedgerEntry, type Observed, placeOf, type Row, type Tombstone, type ZoneView } from "./view.ts"
import type { Wanted } from "./wanted.ts"

type Trace = LedgerEntry | Tombstone

/** What tells of records of ours, but for tombstones that are over. */
export const knownOf = ({ ledger, tombstones }: ZoneView, over: ReadonlyArray<Tombstone>): ReadonlyArray<Trace> => {
  const finished = new Set(over)
  return [...ledger, ...tombstones.filter((tombstone) => !finished.has(tombstone))]
}

/** Records that are known of and not in the list: each may stand all the same. */
export const lostOf = ({ observed }: ZoneView, known: ReadonlyArray<Trace>): ReadonlySet<string> => {
  const there = new Set(observed.map(({ id }) => id))
  return new Set(known.flatMap(({ recordId }) => (recordId === null || there.has(recordId) ? [] : recordId)))
}

export type LeavingOf = (record: Observed) => ReadonlyArray<Row>

/**
 * Finds the absent rows that a record belonged to. A row whose own record is lost does not go with one that equals it:
 * where the list is of earlier, or the provider went back, that may be what stood before, and its own stands unseen.
 */
export const leavingIndex = (absent: ReadonlyArray<Row>, zone: string, lost: ReadonlySet<string>): LeavingOf => {
  const byId = Map.groupBy(absent, (row) => row.recordId)
  const byKey = Map.groupBy(absent, (row) => keyOfRow(row, zone))
  const byPlace = Map.groupBy(absent.filter(isUnheard), (row) => placeOfRow(row, zone))
  return ({ id, name, text, type }) => {
    const known = [...(byId.get(id) ?? []), ...(byKey.get(keyOf(type, name, text)) ?? [])]
    const rows = new Set(known.length > 0 ? known : byPlace.get(placeOf(type, name)))
    return [...rows].filter(({ recordId }) => recordId === id || !lost.has(recordId))
  }
}

/** It was edited after it was made and before it was deleted, and what was made of it before that was never heard. */
const isUnheard = ({ generation, recordId }: Row) => recordId === "" && generation > 2

const placeOfRow = ({ name, type }: Row, zone: string): string | null => {
  const normal = normaliseName(name, zone)
  return Result.isFailure(normal) ? null : placeOf(type, toFqdn(normal.success, zone))
}

/** Null for a row that never had a meaning. */
const keyOfRow = (row: Row, zone: string): string | null => {
  const name = normaliseName(row.name, zone)
  const value = parseDesired(row.type, row.value)
  return Result.isFailure(name) || Result.isFailure(value)
    ? null
    : keyOf(row.type, toFqdn(name.success, zone), canonicalText(value.success))
}

/** Which absent rows that no operation answers for are done. */
export const goneOf = (
  view: ZoneView,
  owned: Owned,
  wanted: ReadonlyArray<Wanted>,
  known: ReadonlyArray<Trace>,
  lost: ReadonlySet<string>
) => {
  const there = new Map(view.observed.map((record) => [record.id, record]))
  // A ledger that a fail-over set back may name a value that its record had before; the record itself is nearer.
  const traces = new Set(
    known
      .map((trace) => (trace.recordId === null ? undefined : there.get(trace.recordId)) ?? trace)
      .map((t) => keyOf(t.type, t.name, t.text))
  )
  const others = new Set([
    ...wanted.map(({ key }) => key),
    ...view.observed.filter(({ id }) => !owned.ours.has(id)).map((o) => keyOf(o.type, o.name, o.text))
  ])
  const theirs = new Set(view.rows.map(({ recordId }) => recordId))
  const nobodys = known.filter((t) => t.recordId === null || !theirs.has(t.recordId))
  const strays = nobodys.filter((t) => !others.has(keyOf(t.type, t.name, t.text)))
  const places = new Set(strays.map(({ name, type }) => placeOf(type, name)))
  return (row: Row): boolean => {
    const key = keyOfRow(row, view.zone)
    if (view.settings.retain) return true
    if (isUnheard(row) && places.has(placeOfRow(row, view.zone) ?? "")) return false
    if (key !== null && others.has(key)) return true
    return !lost.has(row.recordId) && (key === null || !traces.has(key))
  }
}
