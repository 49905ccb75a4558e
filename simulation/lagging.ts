/** What the zones were like a while ago, for readers of a copy that lags behind. */
import type { Engine } from "../src/simulator/engine.ts"
import type { Random } from "./random.ts"

export class Lagging {
  readonly #past: Array<{ readonly at: number; readonly snapshot: string }> = []
  readonly #engine: () => Engine
  readonly #random: Random
  #mirror: Engine | undefined

  constructor(engine: () => Engine, random: Random) {
    this.#engine = engine
    this.#random = random
  }

  remember(at: number, live: Engine): void {
    this.#past.push({ at, snapshot: live.control.snapshot() })
  }

  /** As it was up to a minute before `now`. */
  before(now: number): Engine {
    const since = now - this.#random.between(1, 59) * 1000
    const then = this.#past.findLast(({ at }) => at <= since) ?? this.#past[0]
    this.#mirror ??= this.#engine()
    if (then !== undefined) this.#mirror.control.restore(then.snapshot)
    return this.#mirror
  }
}
