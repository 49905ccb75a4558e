/**
 * S5 of what the product takes over: a record that it did not make is its own from the moment at which the ledger names
 * it, and only then is it judged whether it may be.
 *
 *   marked by another installation               | never
 *   a row asked for the same during the pass     | where the domain's adoption is Matching
 *   an intent of ours was for the same, or was   | always: nobody can tell it from what our own write made
 *   buried without an answer                     |
 *   anything else                                | never
 */
import type { StoredRecord } from "../src/simulator/zone-store.ts"
import { readComment } from "../src/model/dns/comment.ts"
import type { Kernel } from "./kernel.ts"
import { type LedgerRow, ledgerOf, type RecordRow, recordOf } from "./rows.ts"
import type { Commit, PassId, Row } from "./store.ts"
import type { StoreWatch } from "./watch-store.ts"

export interface AdoptionFacts {
  readonly kernel: Kernel
  /** What our marks carry. */
  readonly instance: string
  readonly store: StoreWatch
  readonly isMade: (id: string) => boolean
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
    const known = new Set([...ledger.values(), ...tombstones.values()].map(({ recordId }) => recordId))
    for (const id of this.#adopted) {
      if (known.has(id)) continue
      this.#adopted.delete(id)
      this.#forgotten.add(id)
    }
    for (const { row, table } of rows) if (table === "domains") this.#policies.set(Number(row["id"]), row["adoption"])
  }

  /** Before the store's watch takes it over: what rests on the rows that are about to go was right. */
  commit({ changes, pass }: Commit): void {
    for (const { new: after, old, table } of changes) {
      if (table === "domains" && after !== null) this.#policies.set(Number(after["id"]), after["adoption"])
      if (table === "dns_records" && old !== null) this.#stops(recordOf(old))
      if (table !== "dns_ledger" || after === null || old !== null) continue
      const entry = ledgerOf(after)
      if (entry.recordId !== null && !this.#facts.isMade(entry.recordId)) this.#judge(entry, entry.recordId, pass)
    }
  }

  /** Whatever it asked for until now; it may go on to do so. */
  #stops(row: RecordRow): void {
    if (row.present) this.#stopped.set(this.#facts.identityOf(row), this.#facts.kernel.now)
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
    const isIntended = [...store.ledger.values(), ...store.tombstones.values()].some(
      (other) => other.recordId === null && other.domainId === entry.domainId && identityIn(other) === identity
    )
    const isMatching = this.#policies.get(entry.domainId) === "Matching"
    if (!isMarked && (isIntended || (isAsked && isMatching))) this.#adopted.add(id)
    else kernel.fail("S5", `${identity} is taken over, which is a stranger's${isAsked ? "" : " and nobody asks for"}`)
  }
}
