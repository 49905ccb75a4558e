/**
 * S7: no more records of ours stand for a name and type than rows ask for, longer than W after the last trouble:
 *
 *   W = aftermath of trouble + drift interval + longest wait of a key that is due + the write that takes it away
 *
 * A copy that came of trouble need not be known to anybody before the next list, and no list need be made before the
 * drift interval is over; that list shows it, and the same pass takes it away. A key whose pass failed waits as the work
 * row says, at most the longest backoff, and is looked at only then. Calls that have to wait for the provider's limit
 * wait at most its window. Each of these is the product's own bound, and their sum is less than that of L1, which also
 * has the longest backoff and the resync in it.
 */
import { Duration } from "effect"
import { driftInterval } from "../src/reconcilers/dns/interval.ts"
import { backoff } from "../src/reconcilers/pass.ts"
import { CLOUDFLARE_LIMIT } from "../src/simulator/limits.ts"
import { AFTERMATH, LONGEST_WINDOW } from "./disturbances.ts"
import type { Kernel } from "./kernel.ts"
import type { WorkRow } from "./rows.ts"
import { LONGEST_WAIT } from "./watch-store.ts"

export interface SurplusFacts {
  readonly kernel: Kernel
  /** When anything was last wrong anywhere; ahead of now while it goes on. */
  readonly troubledAt: () => number
  /** Milliseconds that the database's clock is ahead of the true time. */
  readonly skew: () => number
  readonly interval: Duration.Duration
  readonly zones: number
  /** Of the scenario, where its calls are few. */
  readonly quota: number | undefined
}

/** What is of one name and type. */
export interface Place {
  readonly domainId: number
  readonly key: string
  readonly standing: number
  readonly asked: number
}

export class Surplus {
  readonly #facts: SurplusFacts
  readonly #since = new Map<string, number>()
  /** When the next pass of a zone is due whose last one failed. By the id of its domain. */
  readonly #waiting = new Map<number, number>()

  constructor(facts: SurplusFacts) {
    this.#facts = facts
  }

  /** Milliseconds. */
  get #window(): number {
    const { interval, quota = CLOUDFLARE_LIMIT.quota, skew, zones } = this.#facts
    const { windowSeconds } = CLOUDFLARE_LIMIT
    const limited = this.#facts.quota === undefined ? 0 : windowSeconds * 1000
    // A clock that went back has put off what was due by then.
    return (
      AFTERMATH +
      driftInterval(Duration.toMillis(interval), zones, { capacity: quota, windowSeconds }) +
      LONGEST_WAIT +
      LONGEST_WINDOW +
      limited +
      Math.max(0, -skew())
    )
  }

  /** A work row as it is from now on. */
  commit({ attempts, due, key, owner }: WorkRow): void {
    if (owner !== null || attempts === 0) return
    const { kernel, skew } = this.#facts
    this.#waiting.set(Number(key), Math.min(due - skew(), kernel.now + LONGEST_BACKOFF))
  }

  look(places: ReadonlyArray<Place>): void {
    const { kernel, troubledAt } = this.#facts
    const more = new Set(places.filter(({ asked, standing }) => standing > asked).map(({ key }) => key))
    for (const key of this.#since.keys()) if (!more.has(key)) this.#since.delete(key)
    for (const { asked, domainId, key, standing } of places) {
      if (!more.has(key)) continue
      const since = Math.max(this.#since.get(key) ?? kernel.now, troubledAt(), this.#waiting.get(domainId) ?? 0)
      this.#since.set(key, since)
      if (kernel.now - since <= this.#window) continue
      kernel.fail(
        "S7",
        `${standing} records of ours stand for ${key}, which ${asked} rows ask for, for ${(kernel.now - since) / 1000} s in which nothing was wrong`
      )
    }
  }
}

/** With what spreads it; what only a person can mend is looked at again after the same time. */
const LONGEST_BACKOFF = Duration.toMillis(backoff(100)) * 1.1
