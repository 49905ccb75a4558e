/**
 * What must hold of everything that is committed:
 *
 *   S1  a key has one owner for a fence, and is not claimed before its lease and its open write are over
 *   S2  the fence of a key rises with each claim of an epoch
 *   S3  a pass whose fence is not the row's writes nothing, and nobody touches another's lease
 *   S6  `observed` never falls, never passes `generation`, and only tells what a pass looked at
 *   L3  a change that came during a pass makes its key due at once when the pass ends
 *   L4  a lease is lost only by who stood still, died or was cut off; in quiet no key waits longer than a poll
 *       while somebody has a slot for it; that none is starved is in watch-waits.ts
 */
import { Duration } from "effect"
import { HEARTBEAT, LEASE } from "../src/database/work.ts"
import { POLL_WITH_HINTS } from "../src/reconcilers/loop.ts"
import type { Kernel, Process } from "./kernel.ts"
import { checkRetry } from "./retries.ts"
import { type LedgerRow, ledgerOf, type RecordRow, recordOf, text, type WorkRow, workOf } from "./rows.ts"
import { isUncounted, wishOf } from "./wishes.ts"
import { elements, needsFence } from "./fenced.ts"
import { type Change, type Commit, type PassId, type Row, WAY } from "./store.ts"
import { WaitWatch } from "./watch-waits.ts"

export interface StoreFacts {
  readonly kernel: Kernel
  /** The database's clock. */
  readonly now: () => number
  readonly processOf: (owner: string) => Process | undefined
  /** By the true time, when a process last stood still, lost a call about its leases or was cut off. */
  readonly disturbedAt: (owner: string) => number
  /** Owners that are at work now. */
  readonly alive: () => ReadonlyArray<string>
  /** Zones that one of them works on at a time. */
  readonly concurrency: number
  /** Faults and edits are over and their effects had time to end. */
  readonly isQuiet: () => boolean
  /** True when such a record stood at the provider at that time or later. */
  readonly wasSeen: (row: RecordRow, since: number) => boolean
}

export class StoreWatch {
  readonly work = new Map<string, WorkRow>()
  readonly records = new Map<number, RecordRow>()
  readonly ledger = new Map<number, LedgerRow>()
  readonly tombstones = new Map<number, LedgerRow>()
  /** Zones by the ids of their domains, also of those that are gone. */
  readonly domains = new Map<number, string>()
  readonly #present = new Set<number>()
  readonly #claimed = new Map<string, { readonly owner: string; readonly generation: number; readonly at: number }>()
  /** By key and by the true time, when its lease was asked for or renewed last. */
  readonly #renewed = new Map<string, number>()
  readonly #facts: StoreFacts
  readonly #waits: WaitWatch
  /** When an owner last ended the pass of a zone with no slot left. */
  readonly #freed = new Map<string, number>()
  epoch = 0

  constructor(facts: StoreFacts) {
    this.#facts = facts
    this.#waits = new WaitWatch(facts.kernel)
  }

  /** After a fail-over: what is there now, and nothing of before counts. */
  reset(rows: ReadonlyArray<{ readonly table: string; readonly row: Row }>): void {
    for (const map of [
      this.work,
      this.records,
      this.ledger,
      this.tombstones,
      this.domains,
      this.#claimed,
      this.#renewed,
      this.#present
    ])
      map.clear()
    this.epoch++
    this.#waits.reset()
    for (const { row, table } of rows) this.#put({ table, op: "INSERT", old: null, new: row })
  }

  /** No domain is about that zone any more. */
  isGone(zone: string): boolean {
    const id = this.domainOf(zone)
    return id === undefined || !this.#present.has(id)
  }

  /** The domain of a zone, the newest where there were several. */
  domainOf(zone: string): number | undefined {
    return [...this.domains].findLast(([, name]) => name === zone)?.[0]
  }

  /** Checks a commit, then takes it over. `removed` is what left for good. */
  commit({ changes, parameters, pass, process, sentAt, site }: Commit): void {
    if (site === "work.claim") this.#waits.claimed(changes, this.work.values(), this.#facts.now())
    for (const change of changes) {
      if (site === "work.complete" || site === "work.heartbeat") this.#checkClaimed(change, parameters, site)
      if (site === "work.heartbeat") this.#renew(text(change.old?.["key"]))
      if (change.table === "reconcile_work") this.#checkWork(change, process, site)
      if (change.table === "reconcile_conditions" && site === "work.complete") this.#checkCondition(change, changes)
      if (change.table === "dns_records") this.#checkRecord(change, site)
      // A claim that comes late takes keys that its sender does not wait for any more.
      if (site === "work.claim") this.#renewed.set(text(change.old?.["key"]), sentAt)
      this.#put(change)
    }
    if (pass !== undefined && needsFence(site, changes)) this.#checkFence(pass, process, site)
  }

  #put({ new: after, old, table }: Change): void {
    const id = Number((after ?? old)?.["id"])
    const set = <K, V>(map: Map<K, V>, key: K, value: V | undefined) =>
      void (value === undefined ? map.delete(key) : map.set(key, value))
    if (table === "domains") {
      // One that is made again is the last of its name.
      if (after === null) this.#present.delete(id)
      else {
        this.domains.set(id, text(after["domain"]))
        this.#present.add(id)
      }
    } else if (table === "reconcile_work") {
      set(this.work, text((after ?? old)?.["key"]), after === null ? undefined : workOf(after))
    } else if (table === "dns_records") set(this.records, id, after === null ? undefined : recordOf(after))
    else if (table === "dns_ledger") set(this.ledger, id, after === null ? undefined : ledgerOf(after))
    else if (table === "dns_tombstones") set(this.tombstones, id, after === null ? undefined : ledgerOf(after))
  }

  /** Completions and heartbeats name their claims: key, owner and fence, as their first three arrays. */
  #checkClaimed({ new: after, old, table }: Change, parameters: ReadonlyArray<unknown>, site: string): void {
    if (table !== "reconcile_work" || old === null) return
    const row = workOf(old)
    const next = after === null ? undefined : workOf(after)
    // A trigger makes due what tells of this key.
    if (next !== undefined && next.generation > row.generation && next.owner === row.owner && next.fence === row.fence)
      return
    const [keys, owners, fences] = parameters
      .filter((parameter) => typeof parameter === "string" && parameter.startsWith("{"))
      .map(elements)
    // A batch may hold the end of an earlier claim of the same key too.
    const claims = (keys ?? []).flatMap((key, i) =>
      key === row.key ? [{ owner: owners?.[i], fence: fences?.[i] }] : []
    )
    const isHolder = claims.some(({ fence, owner }) => owner === row.owner && Number(fence) === row.fence)
    if (isHolder && this.#isOfEpoch(row)) return
    this.#facts.kernel.fail(
      "S3",
      `${site} of ${claims[0]?.owner}, fence ${claims[0]?.fence}, changed key ${row.key}, which is ${row.owner ?? "nobody"}'s, fence ${row.fence}`
    )
  }

  /** A completion speaks of the keys that it ends, which are its own, and of no others. */
  #checkCondition({ new: after, old }: Change, changes: ReadonlyArray<Change>): void {
    const key = (after ?? old)?.["key"]
    const isEnded = changes.some(
      (other) => other.table === "reconcile_work" && other.new?.["key"] === key && other.new?.["owner"] === null
    )
    if (!isEnded) this.#facts.kernel.fail("S3", `a completion speaks of key ${text(key)}, which it did not end`)
  }

  /** A fence belongs to an epoch: what was claimed before a fail-over counts no more, whatever the row says. */
  #isOfEpoch({ fence, key, owner }: WorkRow): boolean {
    return this.#claimed.get(`${this.epoch} ${key} ${fence}`)?.owner === owner
  }

  /** When a pass began, by the true time; now where it is not of this epoch. */
  claimedAt({ fence, key }: PassId): number {
    return this.#claimed.get(`${this.epoch} ${key} ${fence}`)?.at ?? this.#facts.kernel.now
  }

  #checkFence({ fence, key }: PassId, process: Process, site: string): void {
    const row = this.work.get(key)
    if (row?.owner === process.name && row.fence === fence && this.#isOfEpoch(row)) return
    const now = row === undefined ? "nobody's" : `${row.owner ?? "nobody"}'s, fence ${row.fence}`
    this.#facts.kernel.fail(
      "S3",
      `${site} of ${process.name} with fence ${fence} wrote for key ${key}, which is ${now}`
    )
  }

  #checkWork({ new: after, old: before }: Change, process: Process, site: string): void {
    if (after === null || before === null) return
    const { kernel } = this.#facts
    const [old, row] = [workOf(before), workOf(after)]
    if (row.observed < old.observed)
      kernel.fail("S6", `observed of key ${row.key} fell from ${old.observed} to ${row.observed}`)
    if (row.observed > row.generation)
      kernel.fail("S6", `observed of key ${row.key} is ${row.observed}, generation ${row.generation}`)
    if (row.owner !== null && (row.fence !== old.fence || row.owner !== old.owner)) this.#checkClaim(old, row)
    else if (old.owner !== null && row.owner === null) this.#checkEnd(old, row, process, site)
    else if (old.owner !== null && row.due !== old.due && old.owner !== process.name) {
      kernel.fail("S3", `${site} of ${process.name} moved the lease of ${old.owner} on key ${row.key}`)
    }
  }

  /** One that comes late renews a lease that its holder has given up already. */
  #renew(key: string): void {
    const { now } = this.#facts.kernel
    if (now - (this.#renewed.get(key) ?? 0) < LEASE_MILLIS) this.#renewed.set(key, now)
  }

  #checkClaim(old: WorkRow, row: WorkRow): void {
    const { kernel } = this.#facts
    const now = this.#facts.now()
    const owner = row.owner ?? ""
    const id = `${this.epoch} ${row.key} ${row.fence}`
    const other = this.#claimed.get(id)
    if (other !== undefined)
      kernel.fail("S1", `key ${row.key} has two claims of fence ${row.fence}: ${other.owner} and ${owner}`)
    if (row.fence <= old.fence) kernel.fail("S2", `the fence of key ${row.key} went from ${old.fence} to ${row.fence}`)
    this.#claimed.set(id, { owner, generation: row.generation, at: kernel.now })
    if (old.owner !== null && old.due > now)
      kernel.fail("S1", `${owner} claimed key ${row.key} while ${old.owner} had it`)
    if (old.writeUntil > now)
      kernel.fail("S1", `${owner} claimed key ${row.key} while a write of its last owner could land`)
    const holder = old.owner === null ? undefined : this.#facts.processOf(old.owner)
    // Unknown after a fail-over: whose lease that was counts no more. A key may be taken long after its lease was lost.
    const renewed = this.#renewed.get(row.key) ?? 0
    if (
      old.owner !== null &&
      holder?.alive === true &&
      renewed > 0 &&
      this.#facts.disturbedAt(old.owner) < renewed - HEARTBEAT_MILLIS
    ) {
      kernel.fail("L4", `${old.owner} lost its lease on key ${row.key} although it was well`)
    }
    const since = row.key.includes("/") ? old.due : Math.max(old.due, this.#freeSince())
    if (old.owner === null && this.#facts.isQuiet() && now - since > LONGEST_WAIT) {
      kernel.fail("L4", `key ${row.key} waited for ${(now - since) / 1000} s before ${owner} took it`)
    }
  }

  /** The first moment since when some owner has had a slot for a zone. */
  #freeSince(): number {
    const { alive, concurrency } = this.#facts
    const free = alive().filter((owner) => this.#zonesOf(owner) < concurrency)
    return Math.min(...free.map((owner) => this.#freed.get(owner) ?? 0))
  }

  #zonesOf(owner: string): number {
    return [...this.work.values()].filter((row) => row.owner === owner && !row.key.includes("/")).length
  }

  #checkEnd(old: WorkRow, row: WorkRow, process: Process, site: string): void {
    const { kernel } = this.#facts
    const now = this.#facts.now()
    if (old.owner !== process.name && site.startsWith("work.")) {
      kernel.fail("S3", `${site} of ${process.name} ended the lease of ${old.owner} on key ${row.key}`)
    }
    if (row.due < old.writeUntil && old.writeUntil > now && row.writeUntil > now) {
      kernel.fail("S1", `key ${row.key} is due before the write of its last owner can no longer land`)
    }
    if (old.owner !== null && this.#zonesOf(old.owner) >= this.#facts.concurrency) this.#freed.set(old.owner, now)
    const claim = this.#claimed.get(`${this.epoch} ${row.key} ${old.fence}`)
    if (site !== "work.complete" || claim === undefined) return
    if (row.observed > Math.max(old.observed, claim.generation)) {
      kernel.fail(
        "S6",
        `key ${row.key} shows generation ${row.observed} as observed; the pass looked at ${claim.generation}`
      )
    }
    if (row.generation > claim.generation && row.due > Math.max(now, row.writeUntil) + 1) {
      kernel.fail("L3", `key ${row.key} changed during its pass and is due only in ${(row.due - now) / 1000} s`)
    }
  }

  #checkRecord({ new: after, old: before }: Change, site: string): void {
    if (after === null || before === null) return
    const { kernel } = this.#facts
    const now = this.#facts.now()
    const [old, row] = [recordOf(before), recordOf(after)]
    if (row.observed < old.observed)
      kernel.fail("S6", `observed of record ${row.id} fell from ${old.observed} to ${row.observed}`)
    if (isUncounted(old, row)) kernel.fail("S6", `record ${row.id} went from ${wishOf(old)} to ${wishOf(row)}`)
    if (
      row.observed > old.observed &&
      row.observed === row.generation &&
      row.present &&
      !this.#facts.wasSeen(row, row.changedAt)
    ) {
      kernel.fail(
        "S6",
        `record ${row.id} shows ${row.type} ${row.name} ${row.value} as done by ${site}; it was never there`
      )
    }
    checkRetry(kernel, now, old, row)
  }
}

const LEASE_MILLIS = Duration.toMillis(LEASE)
/** The next one is asked for so long after the last: what kept it from coming was later than that. */
const HEARTBEAT_MILLIS = Duration.toMillis(HEARTBEAT)
/** There and back again. */
const STATEMENT = 2 * WAY[1]
/** A key that became due as a claim had just looked: its answer, what is due next, a poll of who hears hints, a claim. */
export const LONGEST_WAIT = Duration.toMillis(POLL_WITH_HINTS) + 3 * STATEMENT
