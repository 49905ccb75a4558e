/** Makes a failing run small: leaves out faults and steps, in halves and then one by one, as long as it fails in the same way. */
import type { Task } from "./replay.ts"
import { perform, scenarioFor } from "./search.ts"
import type { Verdict } from "./run.ts"
import type { Bench } from "./world.ts"

/** Runs that are tried at most. */
const MOST = 150

export const shrink = async (
  bench: Bench,
  task: Task,
  { failure, struck }: Pick<Verdict, "failure" | "struck">
): Promise<Task> => {
  let left = MOST
  const fails = async (smaller: Task): Promise<boolean> => {
    if (left-- <= 0) return false
    return (await perform(bench, smaller)).failure?.invariant === failure?.invariant
  }
  const steps = scenarioFor({ scenario: task.scenario, seed: task.seed }).steps.map((_, index) => index)
  const told: Task = { ...task, faults: struck }
  // A run whose faults were drawn is the same when they are told; else it is left as it is.
  if (!(await fails(told))) return task
  const faults = await least(struck, (some) => fails({ ...told, faults: some }))
  const kept = await least(
    steps.filter((index) => !(task.drop ?? []).includes(index)),
    (some) => fails({ ...told, faults, drop: steps.filter((index) => !some.includes(index)) })
  )
  return { ...told, faults, drop: steps.filter((index) => !kept.includes(index)) }
}

const least = async <A>(
  all: ReadonlyArray<A>,
  isEnough: (some: ReadonlyArray<A>) => Promise<boolean>
): Promise<ReadonlyArray<A>> => {
  let kept = all
  for (
    let size = Math.ceil(kept.length / 2);
    size >= 1 && kept.length > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < kept.length;) {
      const without = kept.filter((_, index) => index < at || index >= at + size)
      if (await isEnough(without)) kept = without
      else at += size
    }
  }
  return kept
}
