/**
 * The two searches. Exhaustive: each call of each scenario meets each fault that can befall it, one a run. Random: worlds
 * and faults drawn from seeds; and pairs, drawn from the exhaustive list. A commit checks a share of the list, chosen by
 * its hash. Whatever the search, a call site that no fault of its own list has reached makes it fail, and so does a fault
 * that was told and struck nothing.
 */
import { exactly, type Fault, KINDS, SITES } from "./faults.ts"
import { randomOf } from "./random.ts"
import { type Task, wordOf } from "./replay.ts"
import { runScenario, type Verdict } from "./run.ts"
import type { Scenario } from "./steps.ts"
import { SCENARIOS } from "./scenarios.ts"
import { chanceOf, scenarioOf } from "./swarm.ts"
import type { Bench } from "./world.ts"

export const perform = async (bench: Bench, task: Task): Promise<Verdict> => {
  const scenario = scenarioFor(task)
  const plan = task.faults === undefined ? chanceOf(task.seed) : exactly(task.faults)
  const verdict = await runScenario(bench, task.seed, scenario, plan)
  if (verdict.failure !== undefined) return verdict
  if (isMissed(task, verdict)) {
    const message = "no fault that was told has struck: its call was never made"
    return { ...verdict, failure: { invariant: "Struck", message, at: verdict.duration } }
  }
  return task.scenario === "random" ? compare(bench, verdict) : compareWithCalm(bench, task, verdict)
}

/** Of two faults the first may well keep the call of the second from being made. */
const isMissed = ({ faults = [] }: Task, { struck }: Verdict) => faults.length > 0 && struck.length === 0

export const scenarioFor = ({ drop = [], scenario: name, seed }: Task): Scenario => {
  const scenario = name === "random" ? scenarioOf(seed) : SCENARIOS.find((one) => one.name === name)
  if (scenario === undefined) {
    throw new Error(`there is no scenario ${name}; there are random, ${SCENARIOS.map((one) => one.name).join(", ")}`)
  }
  return { ...scenario, steps: scenario.steps.filter((_, index) => !drop.includes(index)) }
}

/** D1: with faults all must end as without. */
const compareWithCalm = async (bench: Bench, task: Task, verdict: Verdict): Promise<Verdict> => {
  if (task.faults?.length === 0) return verdict
  const calm = { ...task, faults: [] }
  const word = wordOf(calm)
  const state = calmStates.get(word) ?? (await perform(bench, calm)).state
  calmStates.set(word, state)
  if (verdict.state === state) return verdict
  const message = `with faults it ends as ${verdict.state}; without, as ${state}`
  return { ...verdict, failure: { invariant: "D1", message, at: verdict.duration } }
}

/** What runs without faults ended as, by their words. */
const calmStates = new Map<string, string>()

/** D2: what was asked for bit by bit must end as what is asked for at once; D3 where the schema was expanded between. */
const compare = async (bench: Bench, verdict: Verdict): Promise<Verdict> => {
  const fresh = await runScenario(bench, verdict.seed, verdict.fresh, exactly([]), "converged")
  if (fresh.failure === undefined && fresh.state === verdict.state) return verdict
  const invariant = verdict.trace.some((line) => line.includes(" migration ")) ? "D3" : "D2"
  const message =
    fresh.failure === undefined
      ? `${verdict.state} differs from a fresh ${fresh.state}`
      : `asked for at once: ${fresh.failure.message}`
  return { ...verdict, failure: { invariant, message, at: verdict.duration } }
}

/** All that can befall the calls that a run without faults made, in the order of sites and calls. */
export const singles = ({
  calls,
  scenario,
  seed
}: Pick<Verdict, "scenario" | "seed"> & { readonly calls: Iterable<readonly [string, number]> }): ReadonlyArray<Task> =>
  [...calls].flatMap(([site, count]) => {
    const kinds = KINDS[SITES[site] ?? "statement"]
    return Array.from({ length: count }, (_, i) => i + 1).flatMap((occurrence) =>
      kinds.map((kind): Task => ({ scenario, seed, faults: [{ site, occurrence, kind }] }))
    )
  })

/** Two faults of one list at once, `count` of them. */
export const pairs = (list: ReadonlyArray<Task>, seed: number, count: number): ReadonlyArray<Task> => {
  const random = randomOf(seed, "pairs")
  return Array.from({ length: count }, () => {
    const first = random.pick(list)
    const second = random.pick(list.filter(({ scenario }) => scenario === first.scenario))
    return { ...first, faults: [...(first.faults ?? []), ...(second.faults ?? [])] }
  })
}

/** One of `parts` shares of a list, spread over all of it; which one it is may be any number. */
export const shareOf = <A>(list: ReadonlyArray<A>, part: number, parts: number): ReadonlyArray<A> =>
  list.filter((_, index) => index % parts === part % parts)

/** Sites that no fault has reached, of all there are or of those that a share of the list is about. */
export const unreached = (
  struck: Iterable<Fault>,
  sites: Iterable<string> = Object.keys(SITES)
): ReadonlyArray<string> => {
  const reached = new Set(Array.from(struck, ({ site }) => site))
  return [...new Set(sites)].filter((site) => !reached.has(site))
}
