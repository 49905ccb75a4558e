/** What `npm run simulate` is told to do, from its arguments; what they do not say clearly is refused. */
import { parseArgs } from "node:util"
import type { Campaign } from "./campaign.ts"
import { SCENARIOS } from "./scenarios.ts"

export const HELP = `Runs the controller in several replicas on virtual time, breaks every outside call, and checks what must hold.

  npm run simulate                        all single faults of all scenarios, 2,000 seeds, 500 pairs, statements
  npm run simulate -- --ci                the share of this commit, 300 seeds, and statements
  npm run simulate -- --seed N --seeds K  the random seeds N … N+K-1; not with --scenario
  npm run simulate -- --scenario X        all single faults of one scenario, with the order and times of --seed (${SCENARIOS.map(({ name }) => name).join(", ")})
  npm run simulate -- --minutes M         random seeds for so long
  npm run simulate -- --pairs K           K pairs of faults, drawn with --seed
  npm run simulate -- --share 3/40        the third of forty parts of the list of single faults
  npm run simulate -- --replay WORD       one run, told in words
  npm run simulate -- --statements        the orders of statements of two transactions on a real PostgreSQL
  npm run simulate -- --proxy [--rounds K]  two processes behind a proxy that cuts, with SIGKILL
  npm run simulate -- --mutants [NAME …]  plants bugs, and says what finds them
  --first                                 ends with the first failure, without its story
  --workers W                             processes at a time (the number of cores)
`

export const argumentsOf = (args: ReadonlyArray<string>) =>
  parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: "boolean" },
      ci: { type: "boolean" },
      seed: { type: "string" },
      seeds: { type: "string" },
      scenario: { type: "string" },
      minutes: { type: "string" },
      pairs: { type: "string" },
      share: { type: "string" },
      replay: { type: "string" },
      statements: { type: "boolean" },
      proxy: { type: "boolean" },
      rounds: { type: "string" },
      mutants: { type: "boolean" },
      first: { type: "boolean" },
      workers: { type: "string" }
    }
  })

type Values = ReturnType<typeof argumentsOf>["values"]

export const number = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d+(?:\.\d+)?$/u.test(text)) throw new Error(`${text} is no number`)
  return Number(text)
}

/** Nothing else is asked for: all that there is. */
export const isWhole = ({ ci, minutes, pairs, scenario, seed, seeds, share }: Values): boolean =>
  ci !== true && [minutes, pairs, scenario, seed, seeds, share].every((value) => value === undefined)

/** `commit` chooses the share where it is left open. */
export const campaignOf = (values: Values, workers: number, commit: () => string): Campaign => {
  const { ci = false, first = false, minutes, pairs, scenario, seed, seeds, share } = values
  if (scenario !== undefined && (seeds !== undefined || minutes !== undefined)) {
    throw new Error("--scenario is one world, of --seed; --seeds and --minutes draw worlds, and go without it")
  }
  const isRandom =
    seeds !== undefined ||
    minutes !== undefined ||
    (seed !== undefined && pairs === undefined && scenario === undefined)
  const whole = isWhole(values)
  const [part, parts] = ci ? [undefined, CI_PARTS] : (share ?? "").split("/").map(Number)
  return {
    workers,
    firstSeed: number(seed) ?? 1,
    seeds:
      number(seeds) ?? (ci ? 300 : whole ? 2000 : minutes !== undefined ? Number.MAX_SAFE_INTEGER : isRandom ? 1 : 0),
    minutes: number(minutes),
    singles: whole || ci || scenario !== undefined || share !== undefined,
    scenario,
    enough: first ? 1 : 5,
    tells: !first,
    pairs: number(pairs) ?? (whole ? 500 : 0),
    share:
      parts === undefined || parts === 0 || Number.isNaN(parts)
        ? undefined
        : { part: part ?? Number.parseInt(commit().slice(0, 8), 16) % parts, parts }
  }
}

/** So that a share and 300 seeds end within five minutes on two cores. */
const CI_PARTS = 200
