/** Durations as people write them in settings and bodies: `5s`, `5 seconds`, `1.5 h`, `250ms`. */
import { Duration, Result } from "effect"

const UNITS: ReadonlyArray<readonly [names: RegExp, millis: number]> = [
  [/^(ms|millis|milliseconds?)$/u, 1],
  [/^(s|secs?|seconds?)$/u, 1000],
  [/^(m|mins?|minutes?)$/u, 60_000],
  [/^(h|hours?)$/u, 3_600_000],
  [/^(d|days?)$/u, 86_400_000]
]

export const parseDuration = (text: string): Result.Result<Duration.Duration, string> => {
  const [, amount, unit] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*$/u.exec(text.toLowerCase()) ?? []
  const found = UNITS.find(([names]) => unit !== undefined && names.test(unit))
  return amount === undefined || found === undefined
    ? Result.fail(`"${text}" is not a duration; write for example 5s, 40 seconds, 10m or 1h`)
    : Result.succeed(Duration.millis(Number(amount) * found[1]))
}
