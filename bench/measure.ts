/**
 * Windows of several arms in turn, and what they come to. Machines drift: a figure is a ratio of windows that lie
 * beside each other, taken as the median over the rounds, and its spread says how far to trust it.
 */
import { Clock, Duration, Effect } from "effect"

/** One thing that is measured; answers its figure for one window, or for one round. */
export interface Arm<E, R> {
  readonly name: string
  readonly window: Effect.Effect<number, E, R>
}

/** Figures by arm, one each round. */
export type Rounds = ReadonlyMap<string, ReadonlyArray<number>>

/** As many rounds as `rounds`, but none is begun after `within`: on a busy machine a run must end as well. */
export interface Effort {
  readonly rounds: number
  readonly within: Duration.Duration
}

/** Runs each arm once a round; every second round in the opposite order, so that a drift favours nobody. */
export const alternate = Effect.fnUntraced(function* <E, R>(
  { rounds, within }: Effort,
  arms: ReadonlyArray<Arm<E, R>>
) {
  const figures = new Map<string, Array<number>>(arms.map(({ name }) => [name, []]))
  const end = (yield* Clock.currentTimeMillis) + Duration.toMillis(within)
  for (let round = 0; round < rounds; round++) {
    if (round > 0 && (yield* Clock.currentTimeMillis) >= end) break
    for (const { name, window } of round % 2 === 0 ? arms : arms.toReversed()) {
      figures.get(name)?.push(yield* window)
    }
  }
  return figures satisfies Rounds as Rounds
})

export const figuresOf = (rounds: Rounds, name: string): ReadonlyArray<number> => rounds.get(name) ?? []

/** Round by round, `name` over `baseline`. */
export const ratiosOf = (rounds: Rounds, name: string, baseline: string): ReadonlyArray<number> => {
  const base = figuresOf(rounds, baseline)
  return figuresOf(rounds, name).map((figure, round) => figure / (base[round] ?? Number.NaN))
}

/** The value below which a share of the figures lies, the nearest one that was seen. */
export const quantile = (figures: ReadonlyArray<number>, share: number): number => {
  const sorted = figures.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}

export const median = (figures: ReadonlyArray<number>): number => {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2
}

/** `median (from … to)` of the middle half: a single disturbed window does not show in it. */
export const withSpread = (figures: ReadonlyArray<number>, show: (figure: number) => string): string =>
  figures.length < 2
    ? show(median(figures))
    : `${show(median(figures))} (${show(quantile(figures, 0.25))} to ${show(quantile(figures, 0.75))})`

/** For the conditions of a report: how many rounds there were in the end. */
export const roundsIn = (rounds: Rounds): string =>
  counted(Math.max(...[...rounds.values()].map(({ length }) => length)))

const counted = (number: number) => (number === 1 ? "1 round" : `${number} rounds`)

export const whole = (figure: number) => Math.round(figure).toLocaleString("en-US")
export const hundredths = (figure: number) => figure.toFixed(2)
export const thousandths = (figure: number) => figure.toFixed(3)
