/** A search from its plan to its verdict: performs the runs, says how each came out, and tells the story of the first failure. */
import { type Fault, nameOf } from "./faults.ts"
import { THROWN } from "./kernel.ts"
import { Pool } from "./pool.ts"
import { wordOf, type Task } from "./replay.ts"
import { sharedMetrics } from "./replica.ts"
import { SCENARIOS } from "./scenarios.ts"
import { pairs, perform, shareOf, singles, unreached } from "./search.ts"
import { shrink } from "./shrink.ts"
import { storyOf } from "./story.ts"
import { openTables } from "./tables.ts"
import type { Report } from "./worker.ts"
import { INSTANCE } from "./world.ts"

export interface Campaign {
  readonly workers: number
  readonly firstSeed: number
  readonly seeds: number
  readonly minutes: number | undefined
  /** The single faults, of all scenarios or one, all of them or a share. */
  readonly singles: boolean
  readonly scenario: string | undefined
  readonly pairs: number
  /** Failures after which a search ends: more of them say nothing new. */
  readonly enough: number
  /** Shrinks the first failure and tells its story. */
  readonly tells: boolean
  readonly share: { readonly part: number; readonly parts: number } | undefined
}

export const campaign = async (plan: Campaign): Promise<boolean> => {
  const pool = new Pool(plan.workers)
  let struck = 0
  const failed: Array<Report> = []
  const began = Date.now()
  let runs = 0
  const hear = (report: Report) => {
    runs++
    struck += report.struck.length
    if (report.failure !== undefined) failed.push(report)
    console.log(lineOf(report))
  }
  const isOver = () =>
    failed.length >= plan.enough || (plan.minutes !== undefined && Date.now() - began > plan.minutes * 60_000)

  const list = plan.singles || plan.pairs > 0 ? await enumerate(pool, plan, hear) : []
  const { part, parts } = plan.share ?? { part: 0, parts: 1 }
  const mine = plan.singles ? shareOf(list, part, parts) : []
  const reached: Array<Fault> = []
  // What a seed draws reaches most sites anyway, and says nothing of this list.
  const hearOwn = (report: Report) => {
    reached.push(...report.struck)
    hear(report)
  }
  await pool.run(mine, hearOwn, isOver)
  await pool.run(pairs(list, plan.firstSeed, plan.pairs), hear, isOver)
  await pool.run(seedsOf(plan), hear, isOver)
  pool.close()

  const missed = unreached(reached, sitesOf(mine))
  // A share is of a list that knows every site, though not each of them is in it.
  const unlisted = plan.singles && plan.scenario === undefined ? unreached(faultsOf(list)) : []
  console.log(
    `${runs} runs, ${struck} faults, ${failed.length} failures in ${Math.round((Date.now() - began) / 1000)} s`
  )
  if (plan.share !== undefined) console.log(`this was part ${part % parts} of ${parts} of ${list.length} single faults`)
  if (missed.length > 0) console.log(`no fault reached ${missed.join(", ")}`)
  if (unlisted.length > 0) console.log(`no scenario calls ${unlisted.join(", ")}`)
  const [first] = failed
  if (first !== undefined && plan.tells) await tell(first)
  return failed.length === 0 && missed.length === 0 && unlisted.length === 0
}

const faultsOf = (tasks: ReadonlyArray<Task>) => tasks.flatMap(({ faults = [] }) => faults)
const sitesOf = (tasks: ReadonlyArray<Task>) => faultsOf(tasks).map(({ site }) => site)

/** Runs each scenario without a fault, and lists what can befall its calls. */
const enumerate = async (pool: Pool, { firstSeed, scenario }: Campaign, hear: (report: Report) => void) => {
  const names = SCENARIOS.map(({ name }) => name).filter((name) => scenario === undefined || name === scenario)
  if (names.length === 0) throw new Error(`there is no scenario ${scenario}`)
  const lists = new Map<string, ReadonlyArray<Task>>()
  await pool.run(
    // The list is one and the same, whatever is drawn from it; a scenario by itself has the seed that it is told.
    names.map((name) => ({ scenario: name, seed: scenario === undefined ? 1 : firstSeed, faults: [] })),
    (report) => {
      hear(report)
      lists.set(report.scenario, singles(report))
    }
  )
  return names.flatMap((name) => lists.get(name) ?? [])
}

function* seedsOf({ firstSeed, seeds }: Campaign): Generator<Task> {
  for (let i = 0; i < seeds; i++) yield { scenario: "random", seed: firstSeed + i }
}

const lineOf = ({ duration, failure, hash, replicas, struck, task }: Report): string => {
  const verdict = failure === undefined ? "holds" : `FAILS ${failure.invariant}`
  const what = `${task.scenario} seed ${task.seed}${task.faults === undefined || task.faults.length === 0 ? "" : ` ${task.faults.map(nameOf).join(" ")}`}`
  return `${verdict} · ${what} · ${Math.round(duration / 1000)} s, ${replicas} replicas, ${struck.length} faults · trace ${hash}`
}

const tell = async (report: Report): Promise<void> => {
  if (report.failure?.invariant === THROWN) {
    console.log(`\n${report.failure.message}\n\nnpm run simulate -- --replay '${wordOf(report.task)}'`)
    return
  }
  console.log(`\nshrinking ${wordOf(report.task)} …`)
  const bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
  const task = await shrink(bench, report.task, report)
  console.log(storyOf(task, await perform(bench, task)))
  await bench.session.close()
}
