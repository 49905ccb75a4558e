/**
 * S5 of what the product takes over: a record that it did not make is its own from the moment at which the ledger names
 * it, and only then is it judged whether it may be.
 *
 *   marked by another installation               | never
 *   a row asked for the same during the pass     | where the domain's adoption is Matching
 *   an intent of ours was for the same, or was   | always: nobody can tell it from what our own write made
 *   buried without an answer                     |
 *   one that the provider has refused, and whose | never: nothing was made
 *   pass has reported since that answer          |
 *   anything else                                | never
 *
 * What the product made is its own, but for what nobody can tell from a stranger's: a batch was delivered twice, its pass
 * heard that what it asks for stands already and has reported since, the zone holds no mark, and nothing is adopted.
 */
import type { StoredRecord } from "../src/simulator/zone-store.ts"
import { readComment } from "../src/model/dns/comment.ts"
import type { ApiResponse } from "../src/simulator/envelope.ts"
import type { Kernel, Process } from "./kernel.ts"
import type { Batch } from "./retries.ts"
import { type LedgerRow, ledgerOf, type RecordRow, recordOf } from "./rows.ts"
import type { Commit, PassId, Row } from "./store.ts"
import type { StoreWatch } from "./watch-store.ts"

export interface AdoptionFacts {
  readonly kernel: Kernel
  /** What our marks carry. */
  readonly instance: string
  readonly holdsComments: boolean
  readonly store: StoreWatch
  readonly isMade: (id: string) => boolean
  /** From now on it is a stranger's. */
  readonly disown: (id: string) => void
  /** What stands in the zone of a domain. */
  readonly records: (domainId: number) => ReadonlyArray<StoredRecord>
  /** Of a row, as the provider would hold it. */
  readonly identityOf: (row: RecordRow) => string
  readonly identityIn: (entry: LedgerRow) => string
}

export class Adoptions {
  readonly #facts: AdoptionFacts
  readonly #adopted = new Set<string>()
  /** Forgotten by a fail-over; what was on its way for them may still land. */
  readonly #forgotten = new Set<string>()
  readonly #policies = new Map<number, unknown>()
  /** What a pass has heard that it was not made, by domain and fence, until it writes something down. */
  readonly #refused = new Map<string, Refused>()
  /** Intents of which that is known, as the names of their rows. */
  readonly #ended = new Set<string>()
  /** When a row stopped to ask for something, by the true time. */
  readonly #stopped = new Map<string, number>()

  constructor(facts: AdoptionFacts) {
    this.#facts = facts
  }

  has(id: string, isDisturbed: boolean): boolean {
    return this.#adopted.has(id) || (isDisturbed && this.#forgotten.has(id))
  }

  /** After a fail-over, and once the store's watch knows what is there now. */
  reset(rows: ReadonlyArray<{ readonly table: string; readonly row: Row }>): void {
    const { ledger, tombstones } = this.#facts.store
    // What was heard after what is there now was written is not known to anybody.
    this.#ended.clear()
    this.#refused.clear()
    const known = new Set([...ledger.values(), ...tombstones.values()].map(({ recordId }) => recordId))
    for (const id of this.#adopted) {
      if (known.has(id)) continue
      this.#adopted.delete(id)
      this.#forgotten.add(id)
    }
    for (const { row, table } of rows) if (table === "domains") this.#policies.set(Number(row["id"]), row["adoption"])
  }

  /** Before the store's watch takes it over: what rests on the rows that are about to go was right. */
  commit({ changes, pass, site }: Commit): void {
    // What it notes of the token's limit says nothing of what was refused.
    if (pass !== undefined && site.startsWith("dns.")) this.#endRefused(pass)
    this.#bury(changes)
    for (const { new: after, old, table } of changes) {
      if (table === "domains" && after !== null) this.#policies.set(Number(after["id"]), after["adoption"])
      if (table === "dns_records" && old !== null) this.#stops(recordOf(old))
      if (table !== "dns_ledger" || after === null || old !== null) continue
      const entry = ledgerOf(after)
      if (entry.recordId !== null && !this.#facts.isMade(entry.recordId)) this.#judge(entry, entry.recordId, pass)
    }
  }

  /** What the provider answered to a batch: of one that it refused it has made nothing. */
  heard(
    { name: process }: Process,
    domainId: number,
    { posts = [] }: Batch,
    { body, status }: ApiResponse,
    made: ReadonlyArray<StoredRecord> = []
  ): void {
    const { holdsComments, store } = this.#facts
    const work = store.work.get(String(domainId))
    // It may be the refusal of the same request, delivered a second time.
    const isTwice = !holdsComments && STANDS_ALREADY.test(body)
    if (status < 400 || status >= 500 || (isTwice && this.#isMatching(domainId)) || work?.owner !== process) return
    const identities = posts.map(({ content, name, type }) => `${domainId} ${type} ${name} ${content}`)
    this.#refused.set(`${domainId} ${work.fence}`, { identities: new Set(identities), made: isTwice ? made : [] })
  }

  #isMatching(domainId: number): boolean {
    return this.#policies.get(domainId) === "Matching"
  }

  #endRefused({ fence, key }: PassId): void {
    const refused = this.#refused.get(`${key} ${fence}`)
    if (refused === undefined) return
    this.#refused.delete(`${key} ${fence}`)
    for (const [id, entry] of this.#facts.store.ledger) {
      if (entry.recordId === null && refused.identities.has(this.#facts.identityIn(entry)))
        this.#ended.add(`dns_ledger ${id}`)
    }
    const domainId = Number(key)
    for (const { content, id, name, type } of refused.made) {
      // An earlier write of the same may have made it, as far as the product knows.
      if (!this.#isIntended(domainId, `${domainId} ${type} ${name} ${content}`)) this.#facts.disown(id)
    }
  }

  /** An intent becomes a tombstone, together with an older one of the same where there is one. */
  #bury(changes: Commit["changes"]): void {
    const gone = changes.flatMap(({ new: after, old, table }) =>
      after === null && old !== null ? [{ old, table }] : []
    )
    for (const { new: after, old, table } of changes) {
      if (table !== "dns_tombstones" || after === null || old !== null) continue
      const identity = this.#facts.identityIn(ledgerOf(after))
      const before = gone.filter((one) => {
        const isEntry = one.table === "dns_ledger" || one.table === "dns_tombstones"
        const entry = ledgerOf(one.old)
        return isEntry && entry.recordId === null && this.#facts.identityIn(entry) === identity
      })
      const isEnded =
        before.length > 0 && before.every((one) => this.#ended.has(`${one.table} ${String(one.old["id"])}`))
      if (isEnded) this.#ended.add(`dns_tombstones ${String(after["id"])}`)
    }
  }

  /** Whatever it asked for until now; it may go on to do so. */
  #stops(row: RecordRow): void {
    if (row.present) this.#stopped.set(this.#facts.identityOf(row), this.#facts.kernel.now)
  }

  /** There is, or was and is buried, a write of ours for it of which nobody knows what became. */
  #isIntended(domainId: number, identity: string): boolean {
    const { identityIn, store } = this.#facts
    return [
      ...Array.from(store.ledger, ([key, other]) => ({ name: `dns_ledger ${key}`, other })),
      ...Array.from(store.tombstones, ([key, other]) => ({ name: `dns_tombstones ${key}`, other }))
    ].some(
      ({ name, other }) =>
        other.recordId === null &&
        other.domainId === domainId &&
        identityIn(other) === identity &&
        !this.#ended.has(name)
    )
  }

  #judge(entry: LedgerRow, id: string, pass: PassId | undefined): void {
    const { identityIn, identityOf, instance, kernel, records, store } = this.#facts
    const identity = identityIn(entry)
    const mark = readComment(records(entry.domainId).find((record) => record.id === id)?.comment).instance
    const isMarked = mark !== null && mark !== instance
    const since = pass === undefined ? kernel.now : store.claimedAt(pass)
    const isAsked =
      [...store.records.values()].some((row) => row.present && identityOf(row) === identity) ||
      (this.#stopped.get(identity) ?? 0) >= since
    const isIntended = this.#isIntended(entry.domainId, identity)
    if (!isMarked && (isIntended || (isAsked && this.#isMatching(entry.domainId)))) this.#adopted.add(id)
    else kernel.fail("S5", `${identity} is taken over, which is a stranger's${isAsked ? "" : " and nobody asks for"}`)
  }
}

interface Refused {
  /** What the batch asked for. */
  readonly identities: ReadonlySet<string>
  /** What it made all the same, as an earlier delivery of it was carried out. */
  readonly made: ReadonlyArray<StoredRecord>
}

/** What the provider says where the zone is not as it was listed. */
const STANDS_ALREADY = /"code":(?:81044|8105[3-8])\b/u
