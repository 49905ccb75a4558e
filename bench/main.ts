/**
 * `npm run bench`: each benchmark once, one after the other, as tables. It fails when something breaks, never because
 * something was slow.
 */
import { Data, Effect } from "effect"
import { writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { runProcess } from "../src/process.ts"
import { claimAndComplete } from "./claim.ts"
import { bulk } from "./dns-bulk.ts"
import { idle } from "./dns-idle.ts"
import { intake } from "./intake.ts"
import { latency } from "./dns-latency.ts"
import { machine, type Report, textOf } from "./report.ts"
import { type Postgres, postgres } from "./server.ts"
import { simulator } from "./simulator.ts"
import { wakeUps } from "./wake.ts"

const HELP = `npm run bench -- [name…] [--quick] [--json]

  dns-bulk      10,000 creates, changes and deletes in one zone: calls and seconds
  dns-latency   from the commit of a change until the provider has accepted it
  dns-idle      a pass of a large zone that has nothing to do
  intake        10,000 objects of a cluster: time to first sync, and memory
  claim         claiming and completing work, beside pgbench
  wake          writes with and without wake-ups

  --quick   fewer and shorter windows: under two minutes instead of six
  --json    writes all figures to a file besides and prints its name

DATABASE_URL names the PostgreSQL server to measure on; without it one is started.
`

const BENCHMARKS = {
  claim: (server: Postgres, quick: boolean) => claimAndComplete(server, quick),
  wake: (server: Postgres, quick: boolean) => wakeUps(server, quick),
  "dns-bulk": (server: Postgres, quick: boolean) =>
    Effect.flatMap(simulator, (cloudflare) => bulk(server, cloudflare, quick)),
  "dns-latency": (server: Postgres, quick: boolean) =>
    Effect.flatMap(simulator, (cloudflare) => latency(server, cloudflare, quick)),
  "dns-idle": (server: Postgres, quick: boolean) =>
    Effect.flatMap(simulator, (cloudflare) => idle(server, cloudflare, quick)),
  intake: (_server: Postgres, quick: boolean) => intake(quick)
}

type Name = keyof typeof BENCHMARKS

class WrongUse extends Data.TaggedError("WrongUse")<{ readonly message: string }> {}

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

const program = Effect.gen(function* () {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean" }, json: { type: "boolean" }, help: { type: "boolean" } }
  })
  if (values.help === true) return yield* say(HELP)
  const names = Object.keys(BENCHMARKS) as ReadonlyArray<Name>
  const unknown = positionals.filter((name) => !names.some((known) => known === name))
  if (unknown.length > 0) return yield* new WrongUse({ message: `no such benchmark: ${unknown.join(", ")}\n\n${HELP}` })
  const server = yield* postgres
  yield* say(machine())
  const reports: Partial<Record<Name, Report>> = {}
  for (const name of names.filter((known) => positionals.length === 0 || positionals.includes(known))) {
    const report = yield* Effect.scoped(BENCHMARKS[name](server, values.quick === true)).pipe(Effect.timeout(PATIENCE))
    reports[name] = report
    yield* say(textOf(report))
  }
  yield* say(machine())
  if (values.json === true) {
    const file = join(tmpdir(), `driftless-bench-${process.pid}.json`)
    writeFileSync(file, JSON.stringify({ machine: machine(), at: new Date().toISOString(), reports }, null, 2))
    yield* say(`all figures are in ${file}`)
  }
})

/** Of one benchmark: beyond that something hangs. */
const PATIENCE = "4 minutes"

runProcess(Effect.scoped(program))
