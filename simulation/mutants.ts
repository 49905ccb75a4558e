/**
 * Does the simulation see? Plants one bug at a time, each a small patch on a copy of the tree, and searches there until
 * something does not hold. Says by which invariant and after how many runs; a bug that stays hidden is a failure. A
 * find counts only when the same seed holds without the bug.
 */
import { execFileSync, spawn } from "node:child_process"
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const ROOT = join(import.meta.dirname, "..")
const FOLDER = join(import.meta.dirname, "mutants")
/** A bug has to be found within so many seeds. */
export const MOST_SEEDS = 500

interface Mutant {
  readonly name: string
  readonly about: string
  readonly tier: string
}

const mutants = (names: ReadonlyArray<string>): ReadonlyArray<Mutant> =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith(".patch"))
    .map((file) => file.slice(0, -".patch".length))
    .filter((name) => names.length === 0 || names.includes(name))
    .map((name) => {
      const [about = "", tier = ""] = readFileSync(join(FOLDER, `${name}.patch`), "utf8").split("\n")
      return { name, about, tier: tier.replace("Found by: ", "") }
    })

export const runMutants = async (
  names: ReadonlyArray<string>,
  workers: number,
  seeds = MOST_SEEDS
): Promise<boolean> => {
  let hidden = 0
  console.log("| planted bug | what it does | tier | found by | after |\n|---|---|---|---|---|")
  for (const mutant of mutants(names)) {
    const found = await inCopy(mutant.name, (root) => hunt(root, mutant.tier, workers, seeds))
    if (found === undefined) hidden++
    const { after = "", invariant = "NOTHING" } = found ?? {}
    console.log(`| \`${mutant.name}\` | ${mutant.about} | ${mutant.tier} | ${invariant} | ${after} |`)
  }
  console.log(hidden === 0 ? "every planted bug was found" : `${hidden} planted bugs stayed hidden`)
  return hidden === 0
}

const inCopy = async <A>(name: string, work: (root: string) => Promise<A>): Promise<A> => {
  const root = mkdtempSync(join(tmpdir(), "driftless-mutant-"))
  try {
    for (const part of ["src", "migrations", "simulation", "test/support", "package.json"]) {
      cpSync(join(ROOT, part), join(root, part), { recursive: true })
    }
    symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"))
    execFileSync(
      "patch",
      ["--strip=1", "--no-backup-if-mismatch", "--quiet", `--input=${join(FOLDER, `${name}.patch`)}`],
      { cwd: root }
    )
    return await work(root)
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

interface Found {
  readonly invariant: string
  readonly after: string
}

const mainIn = (root: string, args: ReadonlyArray<string>) =>
  spawn(process.execPath, ["--disable-warning=ExperimentalWarning", join(root, "simulation", "main.ts"), ...args], {
    stdio: ["ignore", "pipe", "pipe"]
  })

/** Whether a run holds on the tree as it is. */
const holds = (word: string): Promise<boolean> =>
  new Promise((resolve) => {
    const child = mainIn(ROOT, ["--replay", word])
    child.stdout.resume()
    child.on("close", (code) => resolve(code === 0))
  })

/** What fails on the tree as it is says nothing of the bug, and the search goes on behind it. */
const hunt = async (root: string, tier: string, workers: number, seeds: number): Promise<Found | undefined> => {
  const [kind, scenario] = tier.split(" ")
  const rest = ["--workers", String(workers), "--first"]
  if (kind === "statements") return found(await search(root, ["--statements"]), "pairs", 0)
  if (kind === "scenario") {
    const failure = await search(root, ["--scenario", String(scenario), ...rest])
    return failure?.word !== undefined && (await holds(failure.word)) ? found(failure, "runs", 0) : undefined
  }
  for (let first = 1; first <= seeds;) {
    const failure = await search(root, ["--seed", String(first), "--seeds", String(seeds - first + 1), ...rest])
    if (failure?.word === undefined || (await holds(failure.word))) return found(failure, "seeds", first - 1)
    first = Number(failure.word.split(":")[1]) + 1
  }
  return undefined
}

const found = (failure: Failed | undefined, unit: string, before: number): Found | undefined =>
  failure && {
    invariant: failure.invariant,
    after: `${before + failure.runs} ${before + failure.runs === 1 ? unit.slice(0, -1) : unit}`
  }

interface Failed {
  readonly invariant: string
  readonly runs: number
  /** Replays it; undefined of a pair of statements. */
  readonly word: string | undefined
}

/** The first failure. Searches in another process, since the bug is in the code that it loads. */
const search = (root: string, args: ReadonlyArray<string>): Promise<Failed | undefined> =>
  new Promise((resolve) => {
    const child = mainIn(root, args)
    let runs = 0
    let failed: Failed | undefined
    let rest = ""
    child.stdout.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n")
      rest = lines.pop() ?? ""
      for (const line of lines) {
        if (!/^(?:holds|FAILS) /u.test(line)) continue
        runs++
        const invariant = /^FAILS (\w+)/u.exec(line)?.[1]
        if (invariant === undefined || failed !== undefined) continue
        failed = { invariant, runs, word: wordIn(line) }
        child.kill()
      }
    })
    child.on("close", () => resolve(failed))
  })

/** The run that a line of a search is about. */
const wordIn = (line: string): string | undefined => {
  const [, scenario, seed, faults = ""] = / · (\S+) seed (\d+)((?: \S+#\d+=\S+)*) · /u.exec(line) ?? []
  if (scenario === undefined) return undefined
  const plan = scenario === "random" ? "" : `:faults=${faults.trim().replaceAll(" ", ",")}`
  return `${scenario}:${seed}${plan}`
}
