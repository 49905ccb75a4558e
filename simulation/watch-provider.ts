/**
 * What must hold of every call to the provider:
 *
 *   S4  a write starts before its worker's deadline, under a lease that is still its own, and lands within its window
 *   S5  what is not ours is neither changed nor deleted: a stranger's record only once it was adopted (`adoptions.ts`)
 *   S8  a row or a tombstone that went leaves no record of ours behind
 *   S9  the provider's limit is never hit, and after a 429 no call starts before its time
 *   L2  in quiet, when all has converged, nothing is written
 */
import type { ApiRequest, ApiResponse } from "../src/simulator/envelope.ts"
import type { StoredRecord } from "../src/simulator/zone-store.ts"
import { WRITE_MARGIN } from "../src/database/work.ts"
import { CLEAN_MILLIS } from "../src/reconcilers/dns/plan.ts"
import { readComment } from "../src/model/dns/comment.ts"
import { AUTOMATIC_TTL } from "../src/model/dns/record.ts"
import { Duration } from "effect"
import type { Kernel, Process } from "./kernel.ts"
import { Adoptions } from "./adoptions.ts"
import { type Batch, sentTooEarly } from "./retries.ts"
import type { RecordRow } from "./rows.ts"
import type { Place, Surplus } from "./surplus.ts"
import type { StoreWatch } from "./watch-store.ts"

export interface ProviderFacts {
  readonly kernel: Kernel
  readonly now: () => number
  readonly store: StoreWatch
  /** Zone by the id of its domain, and the other way round by its id at the provider. */
  readonly zoneName: (domainId: number) => string
  readonly domainOf: (zoneId: string) => number
  readonly records: (zone: string) => ReadonlyArray<StoredRecord>
  readonly blockedUntil: (token: string) => number
  readonly isSettled: () => boolean
  readonly isLimitOurs: () => boolean
  /** A fail-over or a clock may have moved windows just now. */
  readonly isDisturbed: () => boolean
  readonly holdsComments: boolean
  readonly instance: string
  readonly surplus: Surplus
}

const pathOf = (request: ApiRequest) => /zones\/([^/]+)\/dns_records\/batch$/u.exec(request.path)?.[1]
const tokenOf = ({ headers }: ApiRequest) => String(headers?.["authorization"]).replace("Bearer ", "")
const batchOf = (request: ApiRequest): Batch => JSON.parse(request.body ?? "{}") as Batch

export const identity = (type: string, name: string, content: string) => `${type} ${name} ${content}`

type Asked = Pick<RecordRow, "domainId" | "type" | "name" | "value" | "ttl" | "proxied" | "comment">

/** A record with its settings; the provider chooses the ttl of what it proxies. */
const seenKey = (id: string, ttl: number, proxied: boolean, comment: string | null) =>
  `${id}, ttl ${proxied ? AUTOMATIC_TTL : ttl}, proxied ${proxied}${comment === null ? "" : `, ${comment}`}`

/** What a record that stands fulfils: a wish for its comment, and one that leaves the comment open. */
const seenKeys = ({ comment, content, name, proxied, ttl, type }: StoredRecord): ReadonlyArray<string> =>
  [null, readComment(comment).text].map((text) => seenKey(identity(type, name, content), ttl, proxied, text))

export class ProviderWatch {
  writes = 0
  calls = 0
  /** Ids of records that the product made or adopted. */
  readonly ours = new Set<string>()
  readonly adoptions: Adoptions
  /** When a batch was last sent to the zone of a domain, by the true time. */
  readonly sentAt = new Map<number, number>()
  /** When the provider itself brought a record back, as it went back to before its deletion. By id. */
  readonly #back = new Map<string, number>()
  readonly #seen = new Map<string, number>()
  readonly #blocked = new Map<string, number>()
  /** When the windows of writes on their way end, by the true time: no clock and no fail-over moves them. */
  readonly #windows = new WeakMap<ApiRequest, number>()
  /** What a call has made, also where it was delivered twice and only the refusal of the second is heard. */
  readonly #made = new WeakMap<ApiRequest, ReadonlyArray<StoredRecord>>()
  readonly #facts: ProviderFacts

  constructor(facts: ProviderFacts) {
    this.#facts = facts
    this.adoptions = new Adoptions({
      kernel: facts.kernel,
      instance: facts.instance,
      holdsComments: facts.holdsComments,
      store: facts.store,
      isMade: (id) => this.ours.has(id),
      disown: (id) => void this.ours.delete(id),
      records: (domainId) => facts.records(facts.zoneName(domainId)),
      identityOf: (row) => `${row.domainId} ${identity(row.type, this.fqdn(row), contentOf(row))}`,
      identityIn: (entry) => `${entry.domainId} ${identity(entry.type, entry.name, contentOf(entry))}`
    })
  }

  starting(process: Process, request: ApiRequest): void {
    const { kernel, now, store } = this.#facts
    this.calls++
    const token = tokenOf(request)
    const blocked = this.#blocked.get(`${process.name} ${token}`) ?? 0
    if (kernel.now < blocked)
      kernel.fail("S9", `${process.name} calls ${(blocked - kernel.now) / 1000} s before its 429 is over`)
    if (this.#facts.blockedUntil(token) > now())
      kernel.fail("S9", `${process.name} calls although the token's budget says to wait`)
    const zoneId = pathOf(request)
    if (zoneId === undefined) return
    this.writes++
    this.sentAt.set(this.#facts.domainOf(zoneId), kernel.now)
    if (this.#facts.isSettled()) kernel.fail("L2", `${process.name} writes although all had converged: ${request.body}`)
    const key = String(this.#facts.domainOf(zoneId))
    const row = store.work.get(key)
    this.#windows.set(request, kernel.now + (row?.writeUntil ?? 0) - now())
    if (row?.owner !== process.name) {
      kernel.fail(
        "S4",
        `${process.name} starts a write in the zone of key ${key}, which is ${row?.owner ?? "nobody"}'s`
      )
    } else if (now() > row.writeUntil - Duration.toMillis(WRITE_MARGIN)) {
      kernel.fail(
        "S4",
        `${process.name} starts a write ${(now() - row.writeUntil) / 1000} s from the end of its window`
      )
    }
    this.#checkRetries(Number(key), batchOf(request))
  }

  #checkRetries(domainId: number, batch: Batch): void {
    const { kernel, now, store } = this.#facts
    const rows = [...store.records.values()].filter((row) => row.domainId === domainId)
    const what = sentTooEarly(batch, rows, now(), (row, { content = "", name = "", type = "" }) =>
      this.#is(row, domainId, type, name, content)
    )
    if (what !== undefined) kernel.fail("S11", `${what} is sent before its next retry`)
  }

  #is(row: RecordRow, domainId: number, type: string, name: string, content: string): boolean {
    return row.domainId === domainId && row.type === type && this.fqdn(row) === name && contentOf(row) === content
  }

  fqdn({ domainId, name }: { readonly domainId: number; readonly name: string }): string {
    const zone = this.#facts.zoneName(domainId)
    return name === "@" ? zone : `${name}.${zone}`
  }

  /** Around a call that is carried out: `before` and after it the records of its zone are compared. */
  landing(process: Process, request: ApiRequest, carryOut: () => ApiResponse): ApiResponse {
    const zoneId = pathOf(request)
    if (zoneId === undefined) {
      // What a list shows stands now, however long ago it was written.
      this.look()
      return this.#limited(carryOut())
    }
    const { kernel, now, store } = this.#facts
    const domainId = this.#facts.domainOf(zoneId)
    const zone = this.#facts.zoneName(domainId)
    const row = store.work.get(String(domainId))
    if (row !== undefined && !this.#facts.isDisturbed() && now() >= row.writeUntil) {
      kernel.fail(
        "S4",
        `a write of ${process.name} lands outside of its window, while ${row.owner ?? "nobody"} has key ${row.key}`
      )
    }
    if (kernel.now > (this.#windows.get(request) ?? 0)) {
      kernel.fail("S4", `a write of ${process.name} lands after the window that it was announced with`)
    }
    const before = new Map(this.#facts.records(zone).map((record) => [record.id, record]))
    const response = this.#limited(carryOut())
    const after = this.#facts.records(zone)
    const now_ = new Set(after.map(({ id }) => id))
    const made = after.filter(({ id }) => !before.has(id))
    if (made.length > 0) this.#made.set(request, made)
    for (const record of after) {
      const old = before.get(record.id)
      if (old === undefined) this.ours.add(record.id)
      else if (old !== record) this.#checkOurs(record.id, old, "changes")
    }
    for (const [id, record] of before) if (!now_.has(id)) this.#checkOurs(id, record, "deletes")
    this.look()
    return response
  }

  #limited(response: ApiResponse): ApiResponse {
    if (response.status === 429 && this.#facts.isLimitOurs() && !response.body.includes("Injected")) {
      this.#facts.kernel.fail("S9", "the calls of all replicas together went over the provider's limit")
    }
    return response
  }

  #checkOurs(id: string, record: StoredRecord, does: string): void {
    if (this.ours.has(id)) return
    if (this.adoptions.has(id, this.#facts.isDisturbed())) return void this.ours.add(id)
    const { kernel } = this.#facts
    kernel.fail("S5", `${does} ${record.type} ${record.name} ${record.content}, which is a stranger's`)
  }

  answered(process: Process, request: ApiRequest, response: ApiResponse): void {
    const [zoneId, made] = [pathOf(request), this.#made.get(request)]
    if (zoneId !== undefined)
      this.adoptions.heard(process, this.#facts.domainOf(zoneId), batchOf(request), response, made)
    if (response.status !== 429) return
    // Its own clock may run ahead; what it measures by it is as long for everyone. One that says less takes nothing back.
    const name = `${process.name} ${tokenOf(request)}`
    const until = this.#facts.kernel.now + retryAfter(response)
    this.#blocked.set(name, Math.max(this.#blocked.get(name) ?? 0, until))
  }

  /** Takes a look at all zones: what stands there now, and whether there is more than rows ask for. */
  look(): void {
    const { records, store, surplus, zoneName } = this.#facts
    // Rows that ask for one and the same record share it.
    const asked = new Map<string, Set<string>>()
    for (const row of store.records.values()) {
      const key = `${row.type} ${this.fqdn(row)}`
      asked.set(key, (asked.get(key) ?? new Set()).add(contentOf(row)))
    }
    const places: Array<Place> = []
    for (const domainId of new Set([...store.work.keys()].map(Number).filter(Number.isInteger))) {
      const standing = new Map<string, number>()
      for (const record of records(zoneName(domainId))) {
        for (const key of seenKeys(record)) this.#seen.set(key, this.#facts.now())
        if (!this.ours.has(record.id)) continue
        const key = `${record.type} ${record.name}`
        standing.set(key, (standing.get(key) ?? 0) + 1)
      }
      for (const [key, count] of standing)
        places.push({ domainId, key, standing: count, asked: asked.get(key)?.size ?? 0 })
    }
    surplus.look(places)
  }

  /** With all that the row asks for: where comments cannot be had, nobody minds that it is not there. */
  wasSeen(row: Asked, since: number): boolean {
    const id = identity(row.type, this.fqdn(row), contentOf(row))
    const comment = this.#facts.holdsComments ? row.comment : null
    return (this.#seen.get(seenKey(id, row.ttl, row.proxied, comment)) ?? 0) >= since - STALENESS
  }

  cameBack(ids: Iterable<string>): void {
    for (const id of ids) this.#back.set(id, this.#facts.kernel.now)
  }

  /**
   * The provider itself brought that record back after it was confirmed to be gone. A list need not show that yet; what
   * knows of it then is a tombstone, and nothing once the domain has gone with it.
   */
  isUndone(id: string, zone: string): boolean {
    const since = this.#back.get(id)
    if (since === undefined) return false
    return this.#facts.kernel.now - since < STALENESS || this.#facts.store.isGone(zone) || this.#isBuried(id)
  }

  #isBuried(id: string): boolean {
    return [...this.#facts.store.tombstones.values()].some(({ recordId }) => recordId === id)
  }

  /** A row or a tombstone is gone for good. */
  gone(
    what: {
      readonly domainId: number
      readonly type: string
      readonly name: string
      readonly value: string
      readonly recordId?: string | null
    },
    isRow: boolean
  ): void {
    const { kernel, store } = this.#facts
    const zone = this.#facts.zoneName(what.domainId)
    const name = isRow ? this.fqdn(what) : what.name
    const left = this.#facts
      .records(zone)
      .find((record) =>
        isRow
          ? this.ours.has(record.id) &&
            record.type === what.type &&
            record.name === name &&
            record.content === contentOf(what)
          : record.id === what.recordId
      )
    if (left === undefined) return
    const isWanted = [...store.records.values()].some((row) =>
      this.#is(row, what.domainId, left.type, left.name, left.content)
    )
    const isOurs = [...store.ledger.values()].some(({ recordId }) => recordId === left.id)
    const isKnown = (this.#isBuried(left.id) && !isRow) || this.isUndone(left.id, zone)
    if (!isWanted && !isKnown && (isRow || !isOurs)) {
      kernel.fail(
        "S8",
        `the ${isRow ? "row" : "tombstone"} of ${left.type} ${left.name} ${left.content} went, and the record stands`
      )
    }
  }
}

/** Milliseconds that an answer says to wait. */
export const retryAfter = ({ headers }: ApiResponse): number =>
  Number(Object.entries(headers).find(([name]) => name.toLowerCase() === "retry-after")?.[1] ?? 0) * 1000

/** As Cloudflare writes it. */
export const contentOf = ({ type, value }: { readonly type: string; readonly value: string }) =>
  type === "TXT" ? `"${value}"` : value.replace(/\.$/u, "")

/** A list is older by no more than what lies between the two that a tombstone waits for. */
const STALENESS = CLEAN_MILLIS
