/**
 * Calls to the outside: each takes virtual time to get there and back, and each can meet a fault. What a fault does to
 * the caller is here; what the call does is its `perform`, run at one instant at the other side.
 */
import type { FaultKind, FaultPlan } from "./faults.ts"
import { type Fault, SITES } from "./faults.ts"
import type { Kernel, Process } from "./kernel.ts"
import { type Random, randomOf } from "./random.ts"

export interface Call<A> {
  readonly site: string
  readonly process: Process
  /** What happens at the other side, there and then. */
  readonly perform: () => A
  /** Milliseconds one way; the slow ones are longer than the caller waits. */
  readonly way: readonly [number, number]
  readonly slow: readonly [number, number]
  readonly broken: () => unknown
  /** Of a write: when what is on its way lands although nobody waits for it. */
  readonly stray?: Stray
  /** What happens at the other side under a fault of its own, as the answer of a lagging copy. */
  readonly instead?: Partial<Record<FaultKind, () => A>>
}

export interface Stray {
  /** Given up, a call is there within this many milliseconds, or never. */
  readonly margin: number
  /** Milliseconds until the end of its window: a sender that stands still or died gives nothing up. */
  readonly window: () => number
  readonly signal: AbortSignal
}

/** What the world does to processes when a fault says so. */
export interface Hand {
  /** A fault strikes a call of that process. */
  struck(process: Process, site: string): void
  crash(process: Process): void
  pause(process: Process): void
}

export class Outside {
  readonly struck: Array<Fault> = []
  /** Calls of each site so far. */
  readonly counts = new Map<string, number>()
  plan: FaultPlan
  readonly kernel: Kernel
  readonly random: Random
  readonly #hand: Hand

  constructor(kernel: Kernel, plan: FaultPlan, hand: Hand) {
    this.kernel = kernel
    this.plan = plan
    this.random = randomOf(kernel.seed, "latency")
    this.#hand = hand
  }

  /** The fault that strikes the next call of a site. */
  draw(site: string, process: Process): FaultKind | undefined {
    const call = SITES[site]
    // Awaited or not: it would be outside of what COMMIT and ROLLBACK decide.
    if (this.kernel.inTransaction) this.kernel.fail("OneStep", `${process.name} calls ${site} in a transaction`)
    if (call === undefined) {
      this.kernel.fail("KnownSites", `the call site ${site} is not in the table of simulation/faults.ts`)
      return undefined
    }
    const occurrence = (this.counts.get(site) ?? 0) + 1
    this.counts.set(site, occurrence)
    const kind = this.plan.strike(site, call, occurrence)
    if (kind !== undefined) {
      this.struck.push({ site, occurrence, kind })
      this.#hand.struck(process, site)
    }
    return kind
  }

  crash(process: Process): void {
    this.#hand.crash(process)
  }

  pause(process: Process): void {
    this.#hand.pause(process)
  }

  /** Milliseconds between two bounds, to the microsecond. */
  time([low, high]: readonly [number, number]): number {
    return Math.round((low + this.random.next() * (high - low)) * 1000) / 1000
  }

  make<A>(call: Call<A>): Promise<A> {
    const { kernel } = this
    const { process, site } = call
    const fault = this.draw(site, process)
    const number = this.counts.get(site) ?? 0
    kernel.say(`${process.name} calls ${site}#${number}${fault === undefined ? "" : `, struck by ${fault}`}`)
    return new Promise((resolve, reject) => {
      const settle = (outcome: Outcome<A>) => (outcome.ok ? resolve(outcome.value) : reject(outcome.error))
      const travel = { there: this.time(call.way), back: this.time(call.way) }
      if (fault === "errorBefore") {
        kernel.after(travel.there + travel.back, () => reject(call.broken()), process)
      } else if (fault === "crashBefore") {
        this.crash(process)
      } else if (fault === "pauseBefore") {
        this.pause(process)
        const kind = call.stray === undefined ? "answer" : "write"
        kernel.after(0, () => this.#send(call, travel, undefined, settle), process, kind)
      } else if (fault === "slowBefore") {
        this.#send(call, { ...travel, there: this.time(call.slow) }, undefined, settle)
      } else if (fault === "slowAfter") {
        this.#send(call, { ...travel, back: this.time(call.slow) }, undefined, settle)
      } else this.#send(call, travel, fault, settle)
    })
  }

  #send<A>(call: Call<A>, travel: Travel, fault: FaultKind | undefined, settle: (outcome: Outcome<A>) => void): void {
    const { kernel } = this
    const { process, stray } = call
    if (stray?.signal.aborted === true) return
    // A process that is gone leaves behind what it has sent.
    if (fault === "crashAfter" && this.random.chance(0.5))
      kernel.after(travel.there / 2, () => this.crash(process), process)
    let isThere = false
    const land = () => {
      if (isThere) return
      isThere = true
      this.#arrive(call, travel, fault, settle)
    }
    kernel.after(travel.there, land)
    if (stray === undefined) return
    stray.signal.addEventListener("abort", () => void kernel.after(this.random.next() * stray.margin, land), {
      once: true
    })
    kernel.after(Math.max(0, stray.window() - INSTANT), () => {
      if (process.paused || !process.alive) land()
    })
  }

  #arrive<A>(call: Call<A>, travel: Travel, fault: FaultKind | undefined, settle: (outcome: Outcome<A>) => void): void {
    const { kernel } = this
    const { process } = call
    const perform = (fault === undefined ? undefined : call.instead?.[fault]) ?? call.perform
    const outcome = attempt(perform)
    // Both are over before the answer is heard, as with a proxy that sends again what was not answered.
    const second = fault === "duplicate" ? attempt(call.perform) : undefined
    if (fault === "crashAfter") this.crash(process)
    if (fault === "pauseAfter") this.pause(process)
    const heard = second !== undefined && this.random.chance(0.5) ? second : outcome
    const answer: Outcome<A> = fault === "errorAfter" ? { ok: false, error: call.broken() } : heard
    kernel.after(travel.back, () => settle(answer), process)
  }
}

/** Milliseconds by which the last moment of a window is before its end. */
const INSTANT = 1

interface Travel {
  readonly there: number
  readonly back: number
}

export type Outcome<A> = { readonly ok: true; readonly value: A } | { readonly ok: false; readonly error: unknown }

export const attempt = <A>(perform: () => A): Outcome<A> => {
  try {
    return { ok: true, value: perform() }
  } catch (error) {
    return { ok: false, error }
  }
}
