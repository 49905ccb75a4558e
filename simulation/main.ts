/** `npm run simulate`: searches for a run in which something does not hold. Exit 0 only when all holds. */
import { execFileSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { argumentsOf, campaignOf, HELP, isWhole, number } from "./arguments.ts"
import { campaign } from "./campaign.ts"
import { runMutants } from "./mutants.ts"
import { taskOf } from "./replay.ts"
import { sharedMetrics } from "./replica.ts"
import { perform } from "./search.ts"
import { storyOf } from "./story.ts"
import { openTables } from "./tables.ts"
import { INSTANCE } from "./world.ts"

const { positionals, values } = argumentsOf(process.argv.slice(2))

const commit = (): string => {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], {
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "ignore"]
    }).toString()
  } catch {
    return "0"
  }
}

const replay = async (word: string): Promise<boolean> => {
  const bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
  const task = taskOf(word)
  const verdict = await perform(bench, task)
  console.log(verdict.failure === undefined ? `holds · trace ${verdict.hash}` : storyOf(task, verdict))
  await bench.session.close()
  return verdict.failure === undefined
}

const main = async (): Promise<boolean> => {
  const workers = number(values.workers) ?? availableParallelism()
  if (values.help === true) {
    console.log(HELP)
    return true
  }
  if (values.replay !== undefined) return replay(values.replay)
  if (values.mutants === true) return runMutants(positionals, workers, number(values.seeds))
  if (values.statements === true) return (await import("./statements/main.ts")).runStatements()
  if (values.proxy === true) return (await import("./proxy/main.ts")).runProxy(number(values.rounds) ?? 200)
  const isGood = await campaign(campaignOf(values, workers, commit))
  if (!isWhole(values) && values.ci !== true) return isGood
  return (await (await import("./statements/main.ts")).runStatements()) && isGood
}

process.exitCode = (await main()) ? 0 : 1
