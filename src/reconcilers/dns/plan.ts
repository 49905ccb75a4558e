/**
 * Decides what must change in one zone. Pure: same view, same plan. A plan that was carried out leaves an empty one.
 *
 *   wanted        | at the provider                                    | then
 *   --------------|----------------------------------------------------|---------------------------------------------
 *   a record      | the same, ours, same settings                      | settled
 *   a record      | the same, ours, other settings or without our mark | Patch
 *   a record      | the same, unmarked, adoption Matching              | ours from now on; Patch where it differs
 *   a record      | the same, unmarked, adoption Never                 | refused: HeldBySomeoneElse
 *   a record      | the same, read-only or another instance's          | refused: HeldBySomeoneElse
 *   a record      | a stranger's that it cannot stand beside, or would | refused: HeldBySomeoneElse
 *                 | share traffic with (A beside A, AAAA beside AAAA)  |
 *   a record      | ours of that name and type that nobody wants       | Patch that one: no gap, no second record
 *   a record      | nothing                                            | Post
 *   a record      | ours, in its way, left there by Retain             | refused: HeldBySomeoneElse
 *   a record      | ours, in its way, its deletion held                | waits with that
 *   held back     | whatever it had                                    | stays until its row may be tried again, or
 *                 |                                                    | another needs its place
 *   nothing       | ours                                               | Delete, or with Retain take our mark off
 *   nothing       | ours, but more than maxDeletions                   | held until a person confirms
 *   nothing       | a stranger's                                       | nothing
 *
 *   an absent row whose record                         | then
 *   ---------------------------------------------------|---------------------------------------------
 *   is deleted or patched to another value by this plan| goes when that is answered
 *   is wanted by another row, or a stranger's          | goes
 *   was never written, or is left to others (Retain)   | goes
 *   was written and is not in a fresh list             | goes after two such lists at least 60 s apart, though a
 *                                                      | record that equals it be deleted meanwhile
 *   was never heard of before its row was edited       | goes as those of ours of that name and type that nobody
 *                                                      | wants: one of them may be it
 *
 *   a fresh list does not hold         | then
 *   -----------------------------------|---------------------------------------------------------------
 *   a record of the ledger, an intent  | a tombstone takes its place
 *   what a tombstone stands for        | the tombstone goes after two such lists at least 60 s apart
 *
 * Ours is: in the ledger or under a tombstone, or marked as ours, or unmarked and equal to an open intent or to a
 * tombstone of one. Never ours: what another instance marked, what is read-only, SOA and NS of the zone itself.
 */
import { goneOf, knownOf, type LeavingOf, leavingIndex, lostOf } from "./leaving.ts"
import { commentFor, heldBy, isSettled, match, type Matching, type Owned, ownership } from "./match.ts"
import { type Burials, type Drift, Operation, type Plan } from "./operation.ts"
import { isHeld, placeOf, type Observed, type Row, type ZoneView } from "./view.ts"
import { cannotStandTogether, type Refusal, type Wanted, wantedOf } from "./wanted.ts"

/** Two lists that show nothing must be so far apart before absence counts. Milliseconds. */
export const CLEAN_MILLIS = 60_000

export const planZone = (view: ZoneView): Plan => {
  const owned = ownership(view)
  const { refusals, wanted } = wantedOf(view)
  const matching = match(view, owned, wanted)
  const kept = keptRecords(view, [...refusals, ...matching.refusals], matching)
  const isReplaced = inTheWayOf(matching.missing.filter((want) => isDue(want, view.now)))
  const free = [...owned.ours.values()].filter((o) => !matching.used.has(o.id) && (!kept.has(o.id) || isReplaced(o)))
  const absent = view.rows.filter((row) => !row.present && !isHeld(row, view.now))
  const burials = bury(view, owned, matching)
  const known = knownOf(view, burials.over)
  const lost = lostOf(view, known)
  const leavingOf = leavingIndex(absent, view.zone, lost)

  const paired = pair(view, matching.missing, free, leavingOf)
  const removals = remove(view, owned, paired.rest, leavingOf)
  const { operations: written, refusals: left } = withoutObstacles(view, paired, removals)
  const operations = [...removals.operations, ...matching.patches, ...written]
  const busy = new Set([...operations.flatMap((o) => (o._tag === "Post" ? [] : o.leaving)), ...removals.held])
  const isGone = goneOf(view, owned, wanted, known, lost)
  return {
    operations,
    settled: matching.settled,
    refusals: [...refusals, ...matching.refusals, ...left],
    gone: absent.filter((row) => !busy.has(row) && isGone(row)),
    adopted: [...owned.intended, ...matching.adopted],
    released: removals.released,
    drift: [...matching.drift, ...paired.drift, ...removals.drift],
    deletionsHeld: removals.heldCount,
    foreign: view.observed.filter(({ id }) => !owned.ours.has(id) && !matching.used.has(id)).length,
    ...burials
  }
}

const isDue = ({ rows }: Wanted, now: number) => rows.some((row) => !isHeld(row, now))

/** Whether a record cannot stand beside one of these. */
const inTheWayOf = (wanted: ReadonlyArray<Wanted>) => {
  const byName = Map.groupBy(wanted, ({ name }) => name)
  return ({ name, type }: Observed) => byName.get(name)?.some((want) => cannotStandTogether(want.type, type)) === true
}

/** Records of rows that wait or were refused: they stay as they are, unless something else needs their place. */
const keptRecords = (view: ZoneView, refused: ReadonlyArray<Refusal>, { missing }: Matching): ReadonlySet<string> => {
  const waiting = missing.flatMap(({ rows }) => (rows.every((row) => isHeld(row, view.now)) ? rows : []))
  const absent = view.rows.filter((row) => !row.present && isHeld(row, view.now))
  return new Set([...refused.map(({ row }) => row), ...waiting, ...absent].map(({ recordId }) => recordId))
}

interface Pairing {
  readonly operations: ReadonlyArray<Extract<Operation, { readonly wanted: Wanted }>>
  readonly rest: ReadonlyArray<Observed>
  readonly drift: ReadonlyArray<Drift>
}

/** Turns records that nobody wants any more into those that are missing; a row's own record before any other. */
const pair = (
  view: ZoneView,
  missing: ReadonlyArray<Wanted>,
  free: ReadonlyArray<Observed>,
  leavingOf: LeavingOf
): Pairing => {
  const due = missing.filter((want) => isDue(want, view.now))
  const sets = Map.groupBy(free, (o) => placeOf(o.type, o.name))
  const setOf = ({ name, type }: Wanted) => sets.get(placeOf(type, name)) ?? []
  const own = new Map(
    due.map((want) => [want, setOf(want).find(({ id }) => want.rows.some((row) => row.recordId === id))])
  )
  const reserved = new Set([...own.values()].flatMap((record) => record?.id ?? []))
  const there = new Set(view.observed.map(({ id }) => id))
  const taken = new Set<string>()
  const operations: Array<Pairing["operations"][number]> = []
  const drift: Array<Drift> = []
  for (const want of due) {
    const record = own.get(want) ?? setOf(want).find(({ id }) => !taken.has(id) && !reserved.has(id))
    if (record !== undefined) taken.add(record.id)
    const comment = commentFor(view, want, record)
    operations.push(
      record === undefined
        ? Operation.Post({ wanted: want, comment })
        : Operation.Patch({ record, wanted: want, comment, leaving: leavingOf(record) })
    )
    const undone = view.fresh ? want.rows.filter(isSettled) : []
    if (undone.length > 0) {
      drift.push({ kind: undone.some(({ recordId }) => there.has(recordId)) ? "edited" : "deleted", rows: undone })
    }
  }
  return { operations, rest: free.filter(({ id }) => !taken.has(id)), drift }
}

interface Removals {
  readonly operations: ReadonlyArray<Operation>
  readonly released: ReadonlyArray<string>
  readonly drift: ReadonlyArray<Drift>
  readonly held: ReadonlySet<Row>
  readonly heldCount: number
  /** Records that nobody wants, and that stay there all the same. */
  readonly staying: ReadonlyArray<Observed>
}

const remove = (view: ZoneView, owned: Owned, rest: ReadonlyArray<Observed>, leavingOf: LeavingOf): Removals => {
  const { instance, settings } = view
  const none: Removals = { operations: [], released: [], drift: [], held: new Set(), heldCount: 0, staying: [] }
  if (settings.retain) {
    const marked = rest.filter((record) => record.instance === instance && settings.commentLimit > 0)
    return {
      ...none,
      operations: marked.map((record) => Operation.Unmark({ record, leaving: leavingOf(record) })),
      released: rest.filter((record) => !marked.includes(record)).map(({ id }) => id),
      staying: rest
    }
  }
  const known = new Set(view.ledger.flatMap(({ recordId }) => recordId ?? []))
  const deletes = rest.map((record) => Operation.Delete({ record, leaving: leavingOf(record) }))
  // What nobody of ours put there is cleaned up without asking: it came back, or somebody copied our mark.
  const [asked, strays] = [
    deletes.filter(({ record }) => known.has(record.id)),
    deletes.filter(({ record }) => !known.has(record.id))
  ]
  const drift = view.fresh ? strays.map((): Drift => ({ kind: "added", rows: [] })) : []
  if (asked.length <= deletionLimit(settings.maxDeletions, owned.ours.size) || isConfirmed(asked, view)) {
    return { ...none, operations: deletes, drift }
  }
  return {
    operations: strays,
    released: [],
    drift,
    held: new Set(asked.flatMap(({ leaving }) => leaving)),
    heldCount: asked.length,
    staying: asked.map(({ record }) => record)
  }
}

/** What cannot stand beside a record that stays waits for its deletion, or is refused where that will not come. */
const withoutObstacles = (view: ZoneView, { operations }: Pairing, { staying }: Removals) => {
  const obstacles = Map.groupBy(staying, ({ name }) => name)
  const free: Array<Operation> = []
  const refusals: Array<Refusal> = []
  for (const operation of operations) {
    const { wanted } = operation
    const obstacle =
      operation._tag === "Post"
        ? obstacles.get(wanted.name)?.find(({ type }) => cannotStandTogether(type, wanted.type))
        : undefined
    if (obstacle === undefined) free.push(operation)
    else if (view.settings.retain) refusals.push(...heldBy(wanted, { ...obstacle, instance: null }))
  }
  return { operations: free, refusals }
}

/** `20`, or `30%` of what is ours, rounded down to the safe side: of three records that is none. Null is no limit. */
export const deletionLimit = (maxDeletions: string | null, ours: number): number => {
  if (maxDeletions === null) return Number.POSITIVE_INFINITY
  return maxDeletions.endsWith("%")
    ? Math.floor((ours * Number(maxDeletions.slice(0, -1))) / 100)
    : Number(maxDeletions)
}

/** Whether what asks for these deletions was asked for before a person confirmed: a row that goes, or that moved away. */
const isConfirmed = (
  deletes: ReadonlyArray<{ readonly record: Observed; readonly leaving: ReadonlyArray<Row> }>,
  { rows, settings }: ZoneView
) => {
  const confirmed = settings.deletionsConfirmedAt
  if (confirmed === null) return false
  const later = rows.filter(({ changedAt }) => changedAt > confirmed)
  const [asking, moved] = [new Set(later), new Set(later.map(({ recordId }) => recordId))]
  return deletes.every(({ leaving, record }) => !moved.has(record.id) && !leaving.some((row) => asking.has(row)))
}

/** What a fresh list tells of records that should not be there any more. */
const bury = (view: ZoneView, owned: Owned, { used }: Matching): Burials => {
  if (!view.fresh) return { vanished: [], clean: [], reappeared: [], over: [] }
  const there = new Set(view.observed.map(({ id }) => id))
  const answered = new Set(owned.intended.map(({ entry }) => entry))
  const [present, absent] = [
    view.tombstones.filter(({ recordId }) => recordId !== null && there.has(recordId)),
    view.tombstones.filter(({ recordId }) => recordId === null || !there.has(recordId))
  ]
  const isOver = (since: number | null) => since !== null && view.now - since >= CLEAN_MILLIS
  return {
    vanished: view.ledger.filter((entry) =>
      entry.recordId === null ? !answered.has(entry) : !there.has(entry.recordId)
    ),
    clean: absent.filter(({ cleanSince }) => cleanSince === null),
    reappeared: present.filter(({ recordId }) => !used.has(recordId ?? "")),
    // A row wants it again: then it is simply ours.
    over: [
      ...absent.filter(({ cleanSince }) => isOver(cleanSince)),
      ...present.filter(({ recordId }) => used.has(recordId ?? ""))
    ]
  }
}
