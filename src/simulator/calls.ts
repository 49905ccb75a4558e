/** What was called, for tests to read: counters that never forget, and a log of the most recent calls. No secrets. */

export type Kind =
  | "zones"
  | "zone"
  | "list"
  | "get"
  | "create"
  | "overwrite"
  | "update"
  | "delete"
  | "batch"
  | "usage"
  | "verify"
  | "accounts"
  | "pagerules"
  | "none"

export const WRITES: ReadonlyArray<Kind> = ["create", "overwrite", "update", "delete", "batch"]

/** How many operations of each list a batch held; empty for other calls. */
export type OperationCounts = Readonly<Record<string, number>>

export interface Call {
  /** Milliseconds since 1970. */
  readonly at: number
  readonly kind: Kind
  readonly method: string
  readonly path: string
  readonly query: string
  readonly operations: OperationCounts
  readonly status: number
  /** True when the answer never reached the caller. */
  readonly lost: boolean
}

const KEPT = 10_000

export class CallLog {
  #calls: Array<Call> = []
  #counts = new Map<string, number>()

  add(call: Call): void {
    this.#calls.push(call)
    if (this.#calls.length > 2 * KEPT) this.#calls = this.#calls.slice(-KEPT)
    for (const key of ["total", call.kind, `status ${call.status}`]) {
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    }
  }

  /** The most recent calls, oldest first. */
  recent(): ReadonlyArray<Call> {
    return this.#calls.slice(-KEPT)
  }

  /** Calls by kind, by status (`status 200`) and in all (`total`). */
  counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts)
  }

  clear(): void {
    this.#calls = []
    this.#counts = new Map()
  }
}
