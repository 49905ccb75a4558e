/**
 * What happened to a world that excuses for a while what must else not be: a lease that runs out, a write outside of the
 * window in its row, a 429. How long each excuses follows from the product's own bounds.
 */
import { Duration } from "effect"
import { HEARTBEAT, LEASE, WRITE_MARGIN } from "../src/database/work.ts"
import { LONGEST_WRITE } from "../src/reconcilers/dns/apply.ts"
import type { Kernel } from "./kernel.ts"

/** The longest that a write may be on its way, by what was announced before windows were moved. */
export const LONGEST_WINDOW = Duration.toMillis(LONGEST_WRITE) + Duration.toMillis(WRITE_MARGIN)
/** A lease that the last beat of its owner extended, and a write that it had just begun. */
export const AFTERMATH = Duration.toMillis(HEARTBEAT) + Duration.toMillis(LEASE) + LONGEST_WINDOW

export class Disturbances {
  readonly #kernel: Kernel
  readonly #ofProcess = new Map<string, number>()
  #ofAll = 0
  #cutAt = 0
  #movedAt = 0
  #sharedUntil = 0
  #troubledUntil = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** It stands still or is gone: a lease may run out after that, and nobody is to blame. */
  disturb(name: string, seconds = 0): void {
    this.#ofProcess.set(name, Math.max(this.#ofProcess.get(name) ?? 0, this.#kernel.now + seconds * 1000))
  }

  /**
   * A call of that process is struck: who renews a lease waits for an answer no longer than that, and then tries again.
   * Other calls hold up no lease, so a call excuses only what goes by calls of its own kind.
   */
  struck(name: string, site: string): void {
    this.disturb(`${name} ${kindOf(site)}`, Duration.toSeconds(HEARTBEAT))
  }

  /** It takes time until all is well again; leases are renewed all the same. */
  disturbAll(seconds = 0): void {
    this.#ofAll = Math.max(this.#ofAll, this.#kernel.now + seconds * 1000)
  }

  /** The environment misbehaves for so long, in whichever way. */
  trouble(seconds: number): void {
    this.#troubledUntil = Math.max(this.#troubledUntil, this.#kernel.now + seconds * 1000)
  }

  /** Milliseconds of the last moment at which anything was wrong anywhere; ahead of now while it goes on. */
  get lastAt(): number {
    return Math.max(this.#ofAll, this.#sharedUntil, this.#troubledUntil, ...this.#ofProcess.values())
  }

  /** All calls to the database that are on their way are lost, or the time of all leases is another. */
  cutOff(): void {
    this.#cutAt = this.#kernel.now
    this.disturbAll()
  }

  /** Milliseconds of the last moment at which a process may have lost a lease that calls of that kind renew. */
  at(name: string, kind: "work" | "cluster"): number {
    return Math.max(this.#cutAt, this.#ofProcess.get(name) ?? 0, this.#ofProcess.get(`${name} ${kind}`) ?? 0)
  }

  /** Whoever was struck when the world as a whole was disturbed last has beaten or lost what it held, with its writes. */
  get isOver(): boolean {
    return this.#kernel.now - this.#ofAll > AFTERMATH
  }

  /** The windows in the rows are not those that were announced. */
  moveWindows(): void {
    this.#movedAt = this.#kernel.now
    this.cutOff()
  }

  /** Writes may be on their way that no row knows of. */
  get areWindowsMoved(): boolean {
    return this.#movedAt > 0 && this.#kernel.now - this.#movedAt < LONGEST_WINDOW
  }

  /** Others use the provider's limit up: it may say 429 although we keep to our share. */
  shareLimit(millis: number): void {
    this.#sharedUntil = Math.max(this.#sharedUntil, this.#kernel.now + millis)
  }

  get isLimitShared(): boolean {
    return this.#kernel.now < this.#sharedUntil
  }

  /** A 429 that others brought about blocks everybody for so long. */
  blocked(millis: number): void {
    if (this.isLimitShared) this.shareLimit(millis)
  }
}

/** `work.claim` is of `work`. */
const kindOf = (site: string) => site.split(".", 1)[0]
