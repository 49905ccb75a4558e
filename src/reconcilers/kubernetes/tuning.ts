/** How patient a reflector is. The defaults are for a cluster of any size; tests and the setting of lists change them. */
import { Duration } from "effect"

export interface Tuning {
  /** Seconds that a watch lasts, between these two. */
  readonly watchSeconds: readonly [least: number, most: number]
  readonly leastWait: Duration.Duration
  readonly mostWait: Duration.Duration
  readonly healthyAfter: Duration.Duration
  readonly relistEvery: Duration.Duration
  /** Objects in one page. */
  readonly page: number
}

export const TUNING: Tuning = {
  watchSeconds: [290, 580],
  leastWait: Duration.millis(800),
  mostWait: Duration.seconds(30),
  healthyAfter: Duration.minutes(2),
  relistEvery: Duration.hours(1),
  page: 500
}
