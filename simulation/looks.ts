/**
 * S11, when a zone is looked at again: a pass that ended well leaves its key due no later than the next list for drift and
 * the first retry of a row that waits, whichever comes first.
 * Nothing is charged with a refusal of what was sent before it was asked for.
 * That a key which is due is taken within a poll is L4. A pass that failed waits as its backoff or the provider says.
 */
import { Duration } from "effect"
import { driftInterval } from "../src/reconcilers/dns/interval.ts"
import { PLAN_REASONS } from "../src/reconcilers/dns/view.ts"
import type { Kernel } from "./kernel.ts"
import { type RecordRow, recordOf, workOf } from "./rows.ts"
import type { Commit, Store } from "./store.ts"
import type { StoreWatch } from "./watch-store.ts"

export interface LookFacts {
  readonly kernel: Kernel
  readonly store: Store
  readonly watch: StoreWatch
  readonly interval: Duration.Duration
  /** When a batch was last sent to a zone, by the true time. */
  readonly sentAt: ReadonlyMap<number, number>
}

export class Looks {
  readonly #facts: LookFacts
  /** By key, when it was claimed: by the database's clock, and by the true time. */
  readonly #claimed = new Map<string, { readonly now: number; readonly at: number }>()
  /** By row, when its generation was asked for, by the true time. */
  readonly #asked = new Map<number, number>()
  /** By row, when it was rejected last, by the true time. */
  readonly #rejected = new Map<number, number>()
  /** The longest drift interval of a domain since it was claimed: a pass goes by what it saw of its token's lists. */
  readonly #intervals = new Map<number, number>()

  constructor(facts: LookFacts) {
    this.#facts = facts
  }

  commit({ changes, site }: Commit): void {
    const { kernel, store } = this.#facts
    for (const { new: after, old, table } of changes) {
      if (table === "dns_records" && after !== null)
        this.#row(recordOf(after), old === null ? undefined : recordOf(old))
      if (table !== "reconcile_work" || after === null) continue
      const { attempts, due, key, owner, writeUntil } = workOf(after)
      if (key.includes("/")) continue
      if (site === "work.claim") {
        this.#claimed.set(key, { now: store.now, at: kernel.now })
        this.#intervals.set(Number(key), this.#listed(Number(key)).interval)
      }
      if (site === "work.complete" && owner === null && attempts === 0) this.#ended(Number(key), due, writeUntil)
    }
    const isAboutLists = changes.some(
      ({ new: after, old, table }) => table === "dns_zones" && after?.["list_pages"] !== old?.["list_pages"]
    )
    if (!isAboutLists) return
    for (const [domainId, interval] of this.#intervals)
      this.#intervals.set(domainId, Math.max(interval, this.#listed(domainId).interval))
  }

  #row(row: RecordRow, old: RecordRow | undefined): void {
    const { kernel, sentAt } = this.#facts
    if (row.generation !== old?.generation) this.#asked.set(row.id, kernel.now)
    if (row.nextRetryAt !== old?.nextRetryAt) this.#rejected.set(row.id, kernel.now)
    const isCharged = row.rejected && (!old?.rejected || row.retryCount > old.retryCount)
    if (!isCharged || PLAN_REASONS.some((reason) => reason === row.reason)) return
    if ((sentAt.get(row.domainId) ?? 0) < (this.#asked.get(row.id) ?? 0))
      kernel.fail("S11", `${textOf(row)} is rejected, and nothing was sent since it was asked for`)
  }

  #ended(domainId: number, due: number, writeUntil: number): void {
    const { kernel, store, watch } = this.#facts
    const began = this.#claimed.get(String(domainId)) ?? { now: store.now, at: kernel.now }
    // What it said to wait counts from its end; the database's clock may have been moved meanwhile.
    const took = Math.max(kernel.now - began.at, store.now - began.now)
    // What the pass itself rejected it looks at again with the next list.
    const ahead = [...watch.records.values()].flatMap((row) =>
      row.domainId === domainId &&
      row.rejected &&
      !row.stopped &&
      row.nextRetryAt > store.now &&
      (this.#rejected.get(row.id) ?? 0) < began.at
        ? [row.nextRetryAt]
        : []
    )
    const last = Math.max(store.now, writeUntil, Math.min(this.#nextList(domainId), ...ahead) + took)
    if (due > last + ROUNDING) {
      kernel.fail(
        "S11",
        `key ${domainId} is due ${(due - last) / 1000} s after its next list or the first retry of a row`
      )
    }
  }

  #nextList(domainId: number): number {
    const { at, interval } = this.#listed(domainId)
    return at + Math.max(interval, this.#intervals.get(domainId) ?? 0)
  }

  /** When the last list was made, and how long after it the next one is due by what is known now. */
  #listed(domainId: number): { readonly at: number; readonly interval: number } {
    const { interval, store } = this.#facts
    const base = Duration.toMillis(interval)
    const [row] = store.session.query(
      `select extract(epoch from z.last_list_at)::float8 * 1000 as at, coalesce(b.capacity, 1200) as capacity,
        coalesce(b.window_seconds, 300) as seconds,
        (select sum(list_pages) from dns_zones o where o.token_hash = z.token_hash)::int as pages
      from dns_zones z left join api_budgets b on b.token_hash = z.token_hash where z.domain_id = $1`,
      [domainId]
    ).rows
    if (row === undefined || row["at"] === null) return { at: Number.POSITIVE_INFINITY, interval: base }
    const quota = { capacity: Number(row["capacity"]), windowSeconds: Number(row["seconds"]) }
    return { at: Number(row["at"]), interval: driftInterval(base, Number(row["pages"]), quota) }
  }
}

const textOf = ({ id, name, type, value }: RecordRow) => `record ${id}, ${type} ${name} ${value},`

/** Milliseconds: the database keeps microseconds, and a wait is told in whole milliseconds. */
const ROUNDING = 2
