/** `npm run simulate`: searches for a run in which something does not hold. Exit 0 only when all holds. */
import { execFileSync } from "node:child_process"
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { campaign } from "./campaign.ts"
import { runMutants } from "./mutants.ts"
import { taskOf } from "./replay.ts"
import { sharedMetrics } from "./replica.ts"
import { SCENARIOS } from "./scenarios.ts"
import { perform } from "./search.ts"
import { storyOf } from "./story.ts"
import { openTables } from "./tables.ts"
import { INSTANCE } from "./world.ts"

const HELP = `Runs the controller in several replicas on virtual time, breaks every outside call, and checks what must hold.

  npm run simulate                        all single faults of all scenarios, 2,000 seeds, 500 pairs, statements
  npm run simulate -- --ci                the share of this commit, 300 seeds, and statements
  npm run simulate -- --seed N --seeds K  the random seeds N … N+K-1
  npm run simulate -- --scenario X        all single faults of one scenario (${SCENARIOS.map(({ name }) => name).join(", ")})
  npm run simulate -- --minutes M         random seeds for so long
  npm run simulate -- --pairs K           K pairs of faults, drawn with --seed
  npm run simulate -- --share 3/40        the third of forty parts of the list of single faults
  npm run simulate -- --replay WORD       one run, told in words
  npm run simulate -- --statements        every order of statements of two transactions on a real PostgreSQL
  npm run simulate -- --proxy [--rounds K]  two processes behind a proxy that cuts, with SIGKILL
  npm run simulate -- --mutants [NAME …]  plants bugs, and says what finds them
  --first                                 ends with the first failure, without its story
  --workers W                             processes at a time (the number of cores)
`

const { positionals, values } = parseArgs({
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

const number = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  if (!/^\d+(?:\.\d+)?$/u.test(text)) throw new Error(`${text} is no number`)
  return Number(text)
}

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
  const { minutes, pairs, scenario, seed, seeds, share } = values
  const isRandom =
    seeds !== undefined ||
    minutes !== undefined ||
    (seed !== undefined && pairs === undefined && scenario === undefined)
  const isWhole =
    !isRandom && pairs === undefined && scenario === undefined && share === undefined && values.ci !== true
  const [part, parts] = values.ci === true ? [undefined, CI_PARTS] : (share ?? "").split("/").map(Number)
  const isGood = await campaign({
    workers,
    firstSeed: number(seed) ?? 1,
    seeds:
      number(seeds) ??
      (values.ci === true ? 300 : isWhole ? 2000 : minutes !== undefined ? Number.MAX_SAFE_INTEGER : isRandom ? 1 : 0),
    minutes: number(minutes),
    singles: isWhole || values.ci === true || scenario !== undefined || share !== undefined,
    scenario,
    enough: values.first === true ? 1 : 5,
    tells: values.first !== true,
    pairs: number(pairs) ?? (isWhole ? 500 : 0),
    share:
      parts === undefined || parts === 0 || Number.isNaN(parts)
        ? undefined
        : { part: part ?? Number.parseInt(commit().slice(0, 8), 16) % parts, parts }
  })
  if (!isWhole && values.ci !== true) return isGood
  return (await (await import("./statements/main.ts")).runStatements()) && isGood
}

/** So that a share and 300 seeds end within five minutes on two cores. */
const CI_PARTS = 200

process.exitCode = (await main()) ? 0 : 1
