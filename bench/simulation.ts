/** How much of a controller's life the simulation goes through in an hour of one processor, and how many faults in a second. */
import { sharedMetrics } from "../simulation/replica.ts"
import { perform } from "../simulation/search.ts"
import { openTables } from "../simulation/tables.ts"
import { INSTANCE } from "../simulation/world.ts"
import { machine, type Report, textOf } from "./report.ts"

const WINDOWS = 5
const SECONDS_OF_YEAR = 365 * 24 * 3600

/** `seeds` random worlds in each of five windows, in this process; processor time, since others may share the machine. */
export const simulated = async (seeds: number): Promise<Report> => {
  const bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
  const figures = {
    years: [] as Array<number>,
    faults: [] as Array<number>,
    statements: [] as Array<number>,
    seconds: [] as Array<number>
  }
  // The first runs pay for compiling.
  for (let seed = 1; seed <= 5; seed++) await perform(bench, { scenario: "random", seed })
  for (let window = 0; window < WINDOWS; window++) {
    const began = process.cpuUsage()
    let [virtual, faults, statements] = [0, 0, 0]
    for (let i = 0; i < seeds; i++) {
      const verdict = await perform(bench, { scenario: "random", seed: 1 + window * seeds + i })
      virtual += (verdict.duration / 1000) * verdict.replicas
      faults += verdict.struck.length
      statements += verdict.statements
    }
    const { system, user } = process.cpuUsage(began)
    const cpu = (system + user) / 1e6
    figures.years.push(virtual / SECONDS_OF_YEAR / (cpu / 3600))
    figures.faults.push(faults / cpu)
    figures.statements.push(statements / cpu)
    figures.seconds.push(cpu / seeds)
  }
  await bench.session.close()
  const row = (name: string, values: ReadonlyArray<number>) => {
    const sorted = values.toSorted((a, b) => a - b)
    const show = (value: number | undefined) => (value ?? 0).toPrecision(3)
    return [name, show(sorted[Math.floor(sorted.length / 2)]), show(sorted[0]), show(sorted.at(-1))]
  }
  return {
    title: "Simulation: the whole system on virtual time",
    conditions: [
      `${WINDOWS} windows of ${seeds} random seeds, one process; a quarter of the worlds have a cluster`,
      "a prototype without SQL reached 25 controller-years an hour"
    ],
    columns: ["per hour or second of processor time", "median", "least", "most"],
    rows: [
      row("controller-years an hour", figures.years),
      row("faults a second", figures.faults),
      row("SQL statements a second", figures.statements),
      row("seconds a seed", figures.seconds)
    ],
    goals: [],
    figures
  }
}

if (import.meta.main) {
  console.log(machine())
  console.log(textOf(await simulated(process.argv.includes("--quick") ? 5 : 20)))
}
