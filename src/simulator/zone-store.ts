/**
 * The records of one zone, indexed by name, with transactions: what a batch did before it failed is undone.
 * Records are never changed in place, so an answer that was made from one stays true.
 */
import type { JsonObject } from "./envelope.ts"
import type { Plan } from "./plans.ts"
import { LIMITS } from "./plans.ts"

export interface StoredRecord {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly content: string
  readonly priority?: number
  readonly data?: JsonObject
  /** Equal for two records of one name and type that say the same; never leaves the simulator. */
  readonly identity: string
  /** Seconds; 1 is automatic. */
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  readonly tags: ReadonlyArray<string>
  readonly settings: JsonObject
  readonly privateRouting?: boolean
  readonly readOnly: boolean
  readonly createdOn: string
  readonly modifiedOn: string
  readonly commentModifiedOn?: string
  readonly tagsModifiedOn?: string
}

export interface ZoneSettings {
  plan: Plan
  /** Records; null lifts the quota, undefined leaves the plan's. */
  quota?: number | null
  status: "active" | "pending" | "initializing" | "moved"
  /** Milliseconds since 1970; until then the zone's records answer 10000, as right after a zone was made. */
  settledAt: number
}

type Journal = Array<{ readonly id: string; readonly before: StoredRecord | undefined }>

export class ZoneStore {
  readonly id: string
  readonly name: string
  readonly createdOn: string
  readonly settings: ZoneSettings
  /** Goes up with every change of a record. */
  revision = 0
  readonly #byId = new Map<string, StoredRecord>()
  readonly #byName = new Map<string, Map<string, StoredRecord>>()
  #journal: Journal | undefined

  constructor(identity: { id: string; name: string; createdOn: string }, settings: ZoneSettings) {
    this.id = identity.id
    this.name = identity.name
    this.createdOn = identity.createdOn
    this.settings = settings
  }

  get size(): number {
    return this.#byId.size
  }

  get quota(): number | null {
    return this.settings.quota === undefined ? LIMITS[this.settings.plan].records : this.settings.quota
  }

  get(id: string): StoredRecord | undefined {
    return this.#byId.get(id)
  }

  all(): Iterable<StoredRecord> {
    return this.#byId.values()
  }

  named(name: string): Iterable<StoredRecord> {
    return this.#byName.get(name)?.values() ?? []
  }

  put(record: StoredRecord): void {
    this.#replace(record.id, record)
  }

  remove(id: string): void {
    this.#replace(id, undefined)
  }

  clear(): void {
    for (const id of Array.from(this.#byId.keys())) this.remove(id)
  }

  /** Runs `work`; when it throws, every change it made is undone before the error goes on. May be nested. */
  transaction<T>(work: () => T): T {
    const outer = this.#journal
    const journal: Journal = []
    this.#journal = journal
    try {
      const result = work()
      outer?.push(...journal)
      return result
    } catch (error) {
      this.#journal = undefined
      for (const { before, id } of journal.toReversed()) this.#replace(id, before)
      throw error
    } finally {
      this.#journal = outer
    }
  }

  #replace(id: string, after: StoredRecord | undefined): void {
    const before = this.#byId.get(id)
    this.#journal?.push({ id, before })
    this.revision++
    if (before !== undefined) {
      this.#byId.delete(id)
      const names = this.#byName.get(before.name)
      names?.delete(id)
      if (names?.size === 0) this.#byName.delete(before.name)
    }
    if (after === undefined) return
    this.#byId.set(id, after)
    const names = this.#byName.get(after.name) ?? new Map<string, StoredRecord>()
    this.#byName.set(after.name, names.set(id, after))
  }
}
