/**
 * Which records are ours, which wanted records stand already, and what a stranger keeps from standing. Pure;
 * the tables are in `plan.ts`.
 */
import { Result } from "effect"
import { writeComment } from "../../model/dns/comment.ts"
import { type Adoption, type Drift, Operation, type Settled } from "./operation.ts"
import { isHeld, keyOf, type Observed, type Row, type ZoneView } from "./view.ts"
import { cannotStandTogether, type Refusal, type Wanted } from "./wanted.ts"

export interface Owned {
  readonly ours: ReadonlyMap<string, Observed>
  /** Ours under a tombstone, and not in the ledger. */
  readonly buried: ReadonlySet<string>
  /** Ours by an open intent or by our mark alone. */
  readonly intended: ReadonlyArray<Adoption>
}

export const ownership = ({ instance, ledger, observed, tombstones, zone }: ZoneView): Owned => {
  const known = new Set(ledger.flatMap(({ recordId }) => recordId ?? []))
  const buried = new Set(tombstones.flatMap(({ recordId }) => recordId ?? []).filter((id) => !known.has(id)))
  const isKnown = (id: string) => known.has(id) || buried.has(id)
  const intents = new Map(
    ledger.flatMap((entry) =>
      entry.recordId === null ? [[keyOf(entry.type, entry.name, entry.text), entry] as const] : []
    )
  )
  // An intent that a list did not show became a tombstone without an id; it may have landed after all.
  const late = new Set(tombstones.flatMap((t) => (t.recordId === null ? keyOf(t.type, t.name, t.text) : [])))
  const ours = new Map<string, Observed>()
  const intended: Array<Adoption> = []
  for (const record of observed) {
    if (isReserved(record, zone) || (record.instance !== null && record.instance !== instance)) continue
    const key = keyOf(record.type, record.name, record.text)
    const entry = isKnown(record.id) ? undefined : intents.get(key)
    if (!isKnown(record.id) && record.instance !== instance && entry === undefined && !late.has(key)) continue
    ours.set(record.id, record)
    if (!isKnown(record.id)) intended.push({ record, entry: entry ?? null })
  }
  return { ours, buried, intended }
}

const isReserved = ({ name, readOnly, type }: Observed, zone: string) =>
  readOnly || type === "SOA" || (type === "NS" && name === zone)

export interface Matching {
  /** Ids of records that are wanted as they stand, or nearly so. */
  readonly used: Set<string>
  readonly settled: Array<Settled>
  readonly patches: Array<Operation>
  readonly adopted: Array<Adoption>
  readonly missing: Array<Wanted>
  readonly refusals: Array<Refusal>
  readonly drift: Array<Drift>
}

export const match = (view: ZoneView, owned: Owned, wanted: ReadonlyArray<Wanted>): Matching => {
  const { ours } = owned
  const byKey = Map.groupBy(view.observed, (o) => keyOf(o.type, o.name, o.text))
  const strangers = Map.groupBy(
    view.observed.filter((o) => !ours.has(o.id)),
    (o) => o.name
  )
  const matching: Matching = {
    used: new Set(),
    settled: [],
    patches: [],
    adopted: [],
    missing: [],
    refusals: [],
    drift: []
  }
  const absent = wanted.filter((want) => {
    const same = byKey.get(want.key) ?? []
    const record = same.find((o) => ours.has(o.id)) ?? same.find((o) => isAdoptable(o, view))
    if (record !== undefined) stand(view, matching, want, record, owned)
    return record === undefined
  })
  // What was adopted above is no stranger's any more.
  for (const want of absent) {
    const others = strangers.get(want.name)?.filter(({ id }) => !matching.used.has(id))
    const holder = byKey.get(want.key)?.[0] ?? others?.find((o) => isInTheWay(o, want, view.zone))
    if (holder === undefined) matching.missing.push(want)
    else matching.refusals.push(...heldBy(want, holder))
  }
  return matching
}

/** The record is there: its rows are settled, or it differs in its settings and is patched. */
const stand = (view: ZoneView, matching: Matching, want: Wanted, record: Observed, { buried, ours }: Owned) => {
  const isOurs = ours.has(record.id)
  matching.used.add(record.id)
  if (!isOurs || buried.has(record.id)) matching.adopted.push({ record, entry: null })
  const comment = commentFor(view, want, record)
  const differs = record.proxied !== want.proxied || (!want.proxied && record.ttl !== want.ttl) || comment !== undefined
  if (!differs) {
    for (const row of want.rows) {
      if (!isSettled(row) || row.recordId !== record.id) matching.settled.push({ row, recordId: record.id })
    }
    return
  }
  const undone = want.rows.filter(isSettled)
  if (undone.length > 0 && isOurs && view.fresh) matching.drift.push({ kind: "edited", rows: undone })
  if (want.rows.some((row) => !isHeld(row, view.now))) {
    matching.patches.push(Operation.Patch({ record, wanted: want, comment, leaving: [] }))
  }
}

export const isSettled = (row: Row): boolean =>
  row.observedGeneration === row.generation && row.rejection === null && !row.drifted

const isAdoptable = (record: Observed, { settings, zone }: ZoneView) =>
  settings.adoption === "Matching" && record.instance === null && !isReserved(record, zone)

/** The zone's own NS are no delegation: everything stands beside them. */
const isInTheWay = (record: Observed, { type }: Wanted, zone: string) =>
  !(record.type === "NS" && record.name === zone) &&
  (cannotStandTogether(record.type, type) || (record.type === type && ["A", "AAAA"].includes(type)))

export const heldBy = (want: Wanted, { instance, name, readOnly, text, type }: Observed): ReadonlyArray<Refusal> => {
  const holder = readOnly
    ? "the provider itself keeps"
    : instance === null
      ? "somebody else keeps"
      : `the Driftless ${instance} keeps`
  const message = `${holder} ${name} as ${type} ${text.slice(0, 100)}; remove that record, or this one`
  return want.rows.map((row) => ({ row, reason: "HeldBySomeoneElse", message }))
}

/** The comment to be written; undefined where it stands as it should, or where comments cannot be had. */
export const commentFor = (
  { instance, settings }: ZoneView,
  want: Wanted,
  record: Observed | undefined
): string | undefined => {
  if (settings.commentLimit === 0) return undefined
  const text = (want.comment ?? record?.comment ?? "").trim()
  if (record !== undefined && record.instance === instance && record.comment === text) return undefined
  // A comment that was found may leave no room for the mark; ours then matters more than a stranger's words.
  return Result.getOrElse(writeComment(instance, text, settings.commentLimit), () =>
    Result.getOrThrow(writeComment(instance, "", settings.commentLimit))
  )
}
