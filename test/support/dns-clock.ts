/** Time that a test owns: nothing passes unless the test says so, and who sleeps wakes when it has passed. */
import { type Clock, Duration, Effect } from "effect"

export class VirtualClock implements Clock.Clock {
  /** Milliseconds since 1970. */
  now: number
  #sleepers: Array<{ readonly until: number; readonly wake: () => void }> = []

  constructor(start: number) {
    this.now = start
  }

  /** Moves time on and wakes who slept until then. */
  advance(duration: Duration.Input): void {
    this.now += Duration.toMillis(duration)
    const woken = this.#sleepers.filter(({ until }) => until <= this.now)
    this.#sleepers = this.#sleepers.filter(({ until }) => until > this.now)
    for (const { wake } of woken) wake()
  }

  currentTimeMillisUnsafe(): number {
    return this.now
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(Math.round(this.now)) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.currentTimeNanosUnsafe()
  }
  readonly currentTimeMillis = Effect.sync(() => this.now)
  readonly currentTimeNanos = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos = this.currentTimeNanos

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      const sleeper = { until: this.now + Duration.toMillis(duration), wake: () => resume(Effect.void) }
      this.#sleepers.push(sleeper)
      return Effect.sync(() => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper)
      })
    })
  }
}
