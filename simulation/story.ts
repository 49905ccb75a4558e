/** A failed run in words: what was asked for, what struck, and what happened until the invariant broke. */
import { nameOf } from "./faults.ts"
import { wordOf, type Task } from "./replay.ts"
import type { Verdict } from "./run.ts"
import { scenarioFor } from "./search.ts"
import { wordsOf } from "./steps.ts"

/** Lines of the trace before the end. */
const TOLD = 60

export const storyOf = (task: Task, { failure, hash, struck, trace }: Verdict): string => {
  const { about, pageSize, replicas, steps, zones } = scenarioFor(task)
  const isPoll = (line: string) => /calls (?:work\.claim|work\.nextDue|wake\.notify)#\d+$/u.test(line)
  const told = trace.filter((line) => !isPoll(line))
  return [
    `${failure?.invariant ?? "nothing"} does not hold: ${failure?.message ?? ""}`,
    "",
    `${about}; ${replicas} replicas, ${zones} zones${pageSize === undefined ? "" : `, lists in pages of ${pageSize}`}. The steps:`,
    ...steps.map((step) => `  ${step.at} s: ${wordsOf(step)}`),
    struck.length === 0 ? "No fault struck." : `The faults: ${struck.map(nameOf).join(", ")}`,
    `The end of the trace, without polls (${trace.length} lines in all):`,
    ...told.slice(-TOLD).map((line) => `  ${line}`),
    "",
    `npm run simulate -- --replay '${wordOf(task)}'`,
    `trace ${hash}`
  ].join("\n")
}
