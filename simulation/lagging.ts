/** What the zones were like a while ago, for readers of a copy that lags behind. */
import type { Engine } from "../src/simulator/engine.ts"

export class Lagging {
  readonly #past: Array<{ readonly at: number; readonly snapshot: string }> = []
  readonly #engine: () => Engine
  #mirror: Engine | undefined

  constructor(engine: () => Engine) {
    this.#engine = engine
  }

  remember(at: number, live: Engine): void {
    this.#past.push({ at, snapshot: live.control.snapshot() })
  }

  /** As it was so many seconds before `now`. */
  before(now: number, seconds: number): Engine {
    const since = now - seconds * 1000
    const then = this.#past.findLast(({ at }) => at <= since) ?? this.#past[0]
    this.#mirror ??= this.#engine()
    if (then !== undefined) this.#mirror.control.restore(then.snapshot)
    return this.#mirror
  }
}
