/**
 * What happened to a world that excuses for a while what must else not be: a lease that runs out, a write outside of the
 * window in its row, a 429. How long each excuses follows from the product's own bounds.
 */
import { Duration } from "effect"
import { HEARTBEAT, LEASE, WRITE_MARGIN } from "../src/database/work.ts"
import { LONGEST_WRITE } from "../src/reconcilers/dns/apply.ts"
import type { Kernel } from "./kernel.ts"

/** The longest that a write may be on its way, by what was announced before windows were moved. */
const LONGEST_WINDOW = Duration.toMillis(LONGEST_WRITE) + Duration.toMillis(WRITE_MARGIN)
/** A lease that the last beat of its owner extended, and a write that it had just begun. */
const AFTERMATH = Duration.toMillis(HEARTBEAT) + Duration.toMillis(LEASE) + LONGEST_WINDOW

export class Disturbances {
  readonly #kernel: Kernel
  readonly #ofProcess = new Map<string, number>()
  #ofAll = 0
  #movedAt = 0
  #sharedUntil = 0

  constructor(kernel: Kernel) {
    this.#kernel = kernel
  }

  /** A lease may run out after that, and nobody is to blame. */
  disturb(name: string, seconds = 0): void {
    this.#ofProcess.set(name, Math.max(this.#ofProcess.get(name) ?? 0, this.#kernel.now + seconds * 1000))
  }

  /** A call of that process is struck: the loop waits for an answer no longer than that, and then beats again. */
  struck(name: string): void {
    this.disturb(name, Duration.toSeconds(HEARTBEAT))
  }

  disturbAll(seconds = 0): void {
    this.#ofAll = Math.max(this.#ofAll, this.#kernel.now + seconds * 1000)
  }

  /** Milliseconds of the last moment at which a process was disturbed. */
  at(name: string): number {
    return Math.max(this.#ofAll, this.#ofProcess.get(name) ?? 0)
  }

  /** Whoever was struck when the world as a whole was disturbed last has beaten or lost what it held, with its writes. */
  get isOver(): boolean {
    return this.#kernel.now - this.#ofAll > AFTERMATH
  }

  /** The windows in the rows are not those that were announced. */
  moveWindows(): void {
    this.#movedAt = this.#kernel.now
    this.disturbAll()
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
