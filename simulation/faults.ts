/**
 * What can go wrong at a call to the outside, by the kind of call:
 *
 *   fault        | statement | transaction | read | write | what it is
 *   -------------|-----------|-------------|------|-------|------------------------------------------------------
 *   errorBefore  |     x     |      x      |  x   |   x   | fails, nothing was done
 *   errorAfter   |     x     |      x      |  x   |   x   | done, and the answer is lost
 *   crashBefore  |     x     |      x      |  x   |   x   | the process dies before it is sent
 *   crashInside  |           |      x      |      |       | the process dies before COMMIT: rolled back
 *   crashAfter   |     x     |      x      |  x   |   x   | done, and the process dies; of a write the death may come first
 *   slowBefore   |     x     |      x      |  x   |   x   | reaches the other side only when the caller has given up
 *   slowAfter    |     x     |      x      |  x   |   x   | done at once, answered when the caller has given up
 *   stale        |           |             |  x   |       | answers what was the case up to a minute ago
 *   duplicate    |           |             |  x   |   x   | delivered twice
 *   pauseBefore  |     x     |      x      |  x   |   x   | the process stands still for 20 to 90 s, then sends it
 *   pauseInside  |           |      x      |      |       | stands still inside: rolled back, broken on waking
 *   pauseAfter   |     x     |      x      |  x   |   x   | done, and the process stands still before it hears of it
 *   contention   |           |      x      |      |       | rolled back as the victim of another: 40001
 *
 * A store in SQL has no stale read and delivers nothing twice; inside a transaction there is one point.
 *
 * Calls to the API server of a cluster: `get` reads what is committed, a `list` may come from a server that is behind.
 * All of the above but the two `…Inside` and `contention` can befall them (`stale` only lists and watches,
 * `duplicate` all but watches), and besides:
 *
 *   fault        | get | list | watch | change | what it is
 *   -------------|-----|------|-------|--------|--------------------------------------------------------------
 *   throttled    |  x  |  x   |   x   |   x    | 429 with Retry-After
 *   gone         |     |  x   |   x   |        | 410 as the answer, to a list in the middle of its pages
 *   conflict     |     |      |       |   x    | somebody else writes the object just before
 *   expired      |     |      |   x   |        | some time after: 410 as an event
 *   closed       |     |      |   x   |        | the server closes it in good order
 *   cut          |     |      |   x   |        | it breaks in the middle of an event
 *   silent       |     |      |   x   |        | nothing comes any more, and nobody says so
 *   replayed     |     |      |   x   |        | old events are told again
 */

export type CallClass = "statement" | "transaction" | "read" | "write" | "get" | "list" | "watch" | "change"

const EVERYWHERE = [
  "errorBefore",
  "errorAfter",
  "crashBefore",
  "crashAfter",
  "slowBefore",
  "slowAfter",
  "pauseBefore",
  "pauseAfter"
] as const

export const KINDS = {
  statement: EVERYWHERE,
  transaction: [...EVERYWHERE, "crashInside", "pauseInside", "contention"],
  read: [...EVERYWHERE, "stale", "duplicate"],
  write: [...EVERYWHERE, "duplicate"],
  get: [...EVERYWHERE, "duplicate", "throttled"],
  list: [...EVERYWHERE, "stale", "duplicate", "throttled", "gone"],
  watch: [...EVERYWHERE, "stale", "throttled", "gone", "expired", "closed", "cut", "silent", "replayed"],
  change: [...EVERYWHERE, "duplicate", "throttled", "conflict"]
} as const satisfies Record<CallClass, ReadonlyArray<string>>

export type FaultKind = (typeof KINDS)[CallClass][number]

/** Of worlds without a cluster. */
export const CORE_SITES: Readonly<Record<string, CallClass>> = {
  "work.claim": "statement",
  "work.heartbeat": "statement",
  "work.lost": "statement",
  "work.complete": "statement",
  "work.release": "statement",
  "work.nextDue": "statement",
  "wake.notify": "statement",
  "budget.take": "statement",
  "budget.answered": "statement",
  "dns.binding": "statement",
  "dns.rows": "statement",
  "dns.ledger": "statement",
  "dns.tombstones": "statement",
  "dns.abandoned": "statement",
  "dns.listing": "statement",
  "dns.remember": "transaction",
  "dns.note": "transaction",
  "dns.intend": "transaction",
  "dns.accepted": "transaction",
  "dns.refused": "transaction",
  "dns.unknown": "transaction",
  "dns.zoneMissing": "transaction",
  "credentials.seal": "statement",
  "manifests.finishDeletions": "transaction",
  "records.create": "transaction",
  "records.update": "transaction",
  "records.remove": "transaction",
  "records.retry": "transaction",
  "provider.zones": "read",
  "provider.list": "read",
  "provider.batch": "write"
}

/** Of the intake from a cluster. */
const CLUSTER_SITES: Readonly<Record<string, CallClass>> = {
  "dns.removed": "transaction",
  "kubernetes.epoch": "statement",
  "kubernetes.knownKeys": "statement",
  "kubernetes.makeDue": "statement",
  "kubernetes.sweep": "statement",
  "kubernetes.find": "statement",
  "kubernetes.settled": "statement",
  "kubernetes.zone": "statement",
  "kubernetes.take": "transaction",
  "kubernetes.refuse": "transaction",
  "kubernetes.leave": "transaction",
  "kubernetes.forget": "transaction",
  "kubernetes.secret": "transaction",
  "kubernetes.note": "transaction",
  "manifests.some": "statement",
  "manifests.credentials": "statement",
  "tallies.count": "statement",
  "tallies.problems": "statement",
  "tallies.zones": "statement",
  "records.owners": "statement",
  "cluster.watch": "watch",
  "cluster.list": "list",
  "cluster.get": "get",
  "cluster.secret": "get",
  "cluster.lease": "get",
  "cluster.renew": "change",
  "cluster.hold": "change",
  "cluster.status": "change",
  "cluster.event": "change"
}

/** Of people who change what zones rest on. */
const SETTING_SITES: Readonly<Record<string, CallClass>> = {
  "domains.create": "transaction",
  "domains.update": "transaction",
  "domains.remove": "transaction",
  "credentials.update": "transaction",
  "credentials.get": "statement"
}

/** Every site from which the product calls the outside, as named in its source. One that is missing here fails a run. */
export const SITES: Readonly<Record<string, CallClass>> = { ...CORE_SITES, ...CLUSTER_SITES, ...SETTING_SITES }

export interface Fault {
  readonly site: string
  /** Which call of that site in the run, from 1. */
  readonly occurrence: number
  readonly kind: FaultKind
}

export const nameOf = ({ kind, occurrence, site }: Fault) => `${site}#${occurrence}=${kind}`

export const faultOf = (text: string): Fault => {
  const [, site, occurrence, name] = /^([\w.]+)#(\d+)=(\w+)$/u.exec(text) ?? []
  const call = site === undefined ? undefined : SITES[site]
  const kind = call === undefined ? undefined : KINDS[call].find((known) => known === name)
  if (site === undefined || kind === undefined) throw new Error(`${text}: no such fault`)
  return { site, occurrence: Number(occurrence), kind }
}

/** Decides at each call whether a fault strikes, and remembers what did. */
export interface FaultPlan {
  strike(site: string, call: CallClass, occurrence: number): FaultKind | undefined
}

export const exactly = (faults: ReadonlyArray<Fault>): FaultPlan => {
  const wanted = new Map(faults.map((fault) => [`${fault.site}#${fault.occurrence}`, fault.kind]))
  return { strike: (site, _, occurrence) => wanted.get(`${site}#${occurrence}`) }
}
