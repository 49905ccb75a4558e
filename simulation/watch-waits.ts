/**
 * L4, how long a key that is due may wait for others: nothing starves, whatever is asked for all the time. Counted in
 * claims and not in time, so it holds however long a pass is, who died, and what was struck:
 *
 *   a change by a user   no other key is taken twice before it, but one that was due for a minute meanwhile
 *   a resync or a retry  once it was due for a minute and none of these was due before it, it is passed over only when
 *                        the draw that gives a quarter of the claims to such keys says so
 */
import type { Kernel } from "./kernel.ts"
import { type WorkRow, workOf } from "./rows.ts"
import type { Change } from "./store.ts"

interface Waiting {
  readonly priority: number
  /** Whose lease is over, and when it ended. */
  readonly owner: string | null
  readonly ended: number | undefined
  readonly since: number
  /** How often each other key was taken meanwhile. */
  readonly taken: Map<string, number>
  /** Claims that could have taken it by their draw, and have not. */
  passedOver: number
}

const CHANGE = 100
/** Milliseconds after which the claims have a share for a resync or a retry. */
const OLD = 60_000
/** Of the claims of one key; of larger claims more. */
const SHARE = 1 / 4
/** By chance once in a million waits. */
const MOST_PASSED_OVER = Math.ceil(Math.log(1e-6) / Math.log(1 - SHARE))

export class WaitWatch {
  readonly #kernel: Kernel
  readonly #waiting = new Map<string, Waiting>()
  #last = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** What was due may be due no more. */
  reset(): void {
    this.#waiting.clear()
  }

  /** A claim at `now` changed some of these rows, which are all as they were before. */
  claimed(changes: ReadonlyArray<Change>, work: Iterable<WorkRow>, now: number): void {
    const claimed = changes.flatMap(({ new: after }) => (after === null ? [] : [workOf(after)]))
    // The keys of objects are paths; each reconciler claims its own.
    const isObject = claimed.some(({ key }) => key.includes("/"))
    const keys = [...work].filter(({ key }) => key.includes("/") === isObject)
    // A lease counts from when it was asked for. One that is over as it comes is of who stood still: nobody has the key.
    const taken = new Set(claimed.flatMap(({ due, key }) => (due > now ? [key] : [])))
    // The server's clock went back: what became due since has an earlier time than what waits.
    if (now < this.#last) this.reset()
    this.#last = now
    const due = keys.filter((row) => row.due <= now)
    for (const { key } of keys) if (taken.has(key) || !due.some((row) => row.key === key)) this.#waiting.delete(key)
    const [first] = due.filter((row) => isOld(row, now)).toSorted((a, b) => a.priority - b.priority || a.due - b.due)
    for (const row of due) {
      if (taken.has(row.key)) continue
      if (row.priority === CHANGE) this.#overtaken(row, taken, now)
      else if (row === first) this.#passedOver(row, now)
    }
  }

  #overtaken(row: WorkRow, taken: ReadonlySet<string>, now: number): void {
    const waiting = this.#of(row, now)
    const most = 1 + Math.floor((now - waiting.since) / OLD)
    for (const key of taken) {
      const times = (waiting.taken.get(key) ?? 0) + 1
      waiting.taken.set(key, times)
      if (times > most) {
        this.#kernel.fail(
          "L4",
          `key ${key} was taken ${times} times in ${(now - waiting.since) / 1000} s before ${row.key}, which was due`
        )
      }
    }
  }

  #passedOver(row: WorkRow, now: number): void {
    const waiting = this.#of(row, now)
    if (++waiting.passedOver > MOST_PASSED_OVER) {
      this.#kernel.fail(
        "L4",
        `key ${row.key} was due for ${(now - row.due) / 1000} s, and ${waiting.passedOver} claims passed it over`
      )
    }
  }

  #of({ due, key, owner, priority }: WorkRow, now: number): Waiting {
    const known = this.#waiting.get(key)
    const ended = owner === null ? undefined : due
    // Whoever had it and gives it back only now, or extends a lease that was over, makes it due from then on.
    if (known?.priority === priority && known.owner === owner && known.ended === ended) return known
    const waiting = { priority, owner, ended, since: now, taken: new Map<string, number>(), passedOver: 0 }
    this.#waiting.set(key, waiting)
    return waiting
  }
}

const isOld = ({ due, priority }: WorkRow, now: number) => priority < CHANGE && due <= now - OLD
