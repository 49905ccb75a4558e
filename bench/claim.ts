/**
 * Claim and complete, 100 keys a statement: the product beside pgbench with the very same statements, the same number
 * of connections, on one table of which every key is always due. Keys are counted by their fences, for both alike.
 */
import { Clock, Duration, Effect, Redacted } from "effect"
import { sql } from "kysely"
import { execFile } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { Database } from "../src/database/database.ts"
import { layerPostgres } from "../src/database/postgres.ts"
import * as work from "../src/database/work.ts"
import { alternate, figuresOf, hundredths, median, ratiosOf, roundsIn, whole, withSpread } from "./measure.ts"
import { atLeast, type Report } from "./report.ts"
import { freshDatabase, pgbench, type Postgres } from "./server.ts"
import { scriptOf, statementsOf } from "./statements.ts"

const RECONCILER = "bench"
const KEYS = 20_000
const BATCH = 100
const CLIENTS = 4
/** Of a window; pgbench takes whole ones. */
const SECONDS = 2

/** What the product speaks: statements without a name, which transaction-mode poolers of any age let through. */
const SAME_PROTOCOL = "pgbench -M extended"

const settled = (claim: work.Claim): work.Completion => ({
  claim,
  settled: true,
  succeeded: true,
  delay: Duration.zero,
  priority: -100,
  condition: null
})

export const claimAndComplete = Effect.fnUntraced(function* (server: Postgres, quick: boolean) {
  const tool = pgbench()
  const url = yield* freshDatabase(server)
  return yield* Effect.gen(function* () {
    yield* fill()
    const arms = [
      { name: "product", window: product(SECONDS) },
      ...(tool === undefined
        ? []
        : (["extended", "prepared"] as const).map((protocol) => ({
            name: `pgbench -M ${protocol}`,
            window: byPgbench(tool, url, protocol, SECONDS)
          })))
    ]
    yield* product(1)
    const rounds = yield* alternate(
      quick ? { rounds: 2, within: Duration.seconds(15) } : { rounds: 12, within: Duration.seconds(75) },
      arms.map((arm) => ({ ...arm, window: Effect.andThen(vacuum(), arm.window) }))
    )
    const ratios = ratiosOf(rounds, "product", SAME_PROTOCOL)
    return {
      title: `Claim and complete, ${BATCH} keys a statement (keys a second)`,
      conditions: [
        server.about,
        "extended is the protocol that the product speaks; prepared spares the server parsing and planning",
        `${whole(KEYS)} keys, all due; ${CLIENTS} connections on each side, one process with one thread on each side`,
        `${roundsIn(rounds)} of windows of ${SECONDS} s in turn, VACUUM before each`,
        ...(tool === undefined ? ["pgbench is not installed, so there is nothing to compare with"] : [])
      ],
      columns: ["", "keys/s", "product / it"],
      rows: arms.map(({ name }) => [
        name,
        withSpread(figuresOf(rounds, name), whole),
        withSpread(ratiosOf(rounds, "product", name), hundredths)
      ]),
      goals: tool === undefined ? [] : [atLeast(`product / ${SAME_PROTOCOL}`, 0.9, median(ratios))],
      figures: Object.fromEntries(rounds)
    } satisfies Report as Report
  }).pipe(Effect.provide(layerPostgres({ url, poolSize: CLIENTS })))
})

const fill = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  yield* query("bench.fill", (db) =>
    sql`insert into reconcile_work (reconciler, key, priority, due_at)
      select ${RECONCILER}, 'key-' || n, -100, driftless_now() from generate_series(1, ${KEYS}::int) n`.execute(db)
  )
})

/** Dead rows of one window must not slow the next one down. */
const vacuum = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  yield* query("bench.vacuum", (db) => sql`vacuum analyze reconcile_work`.execute(db))
})

/** Keys a second of as many workers as there are connections, each claiming and completing in turn. */
const product = Effect.fnUntraced(function* (seconds: number) {
  const before = yield* claimed()
  const began = yield* Clock.currentTimeMillis
  const worker = Effect.fnUntraced(function* (owner: string) {
    while ((yield* Clock.currentTimeMillis) - began < seconds * 1000) {
      const claims = yield* work.claim(RECONCILER, owner, BATCH)
      yield* work.complete(RECONCILER, claims.map(settled))
    }
  })
  yield* Effect.forEach(
    Array.from({ length: CLIENTS }, (_, i) => `worker-${i}`),
    worker,
    { concurrency: CLIENTS }
  )
  const ended = yield* Clock.currentTimeMillis
  return (((yield* claimed()) - before) * 1000) / (ended - began)
})

/** How many claims there ever were: each raises a fence by one. */
const claimed = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  const { rows } = yield* query("bench.claimed", (db) =>
    sql<{
      fences: number
      open: number
    }>`select sum(fence)::bigint as fences, count(owner) as open from reconcile_work`.execute(db)
  )
  if (rows[0]?.open !== 0) return yield* Effect.die(new Error(`${rows[0]?.open} keys were claimed and not completed`))
  return rows[0].fences
})

/** Keys a second of pgbench, without the time it takes to connect. */
const byPgbench = Effect.fnUntraced(function* (
  tool: string,
  url: Redacted.Redacted<string>,
  protocol: string,
  seconds: number
) {
  const { text, variables } = yield* script()
  const before = yield* claimed()
  const output = yield* Effect.acquireUseRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "driftless-bench-"))),
    (folder) =>
      Effect.promise(() => {
        const file = join(folder, "claim-and-complete.sql")
        writeFileSync(file, text)
        const defines = Object.entries(variables).flatMap(([name, value]) => ["--define", `${name}=${value}`])
        const options = [
          "-n",
          "-M",
          protocol,
          "-c",
          String(CLIENTS),
          "-j",
          "1",
          "-T",
          String(seconds),
          "-f",
          file,
          ...defines
        ]
        // By the environment, so that the password is in no command line and no error.
        const { hostname, password, pathname, port, username } = new URL(Redacted.value(url))
        const place = { PGHOST: hostname, PGPORT: port, PGUSER: username, PGPASSWORD: decodeURIComponent(password) }
        return promisify(execFile)(tool, options, { env: { ...process.env, ...place, PGDATABASE: pathname.slice(1) } })
      }),
    (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true }))
  )
  const number = (pattern: RegExp) => Number(pattern.exec(output.stdout)?.[1])
  const transactions = number(/number of transactions actually processed: (\d+)/u)
  const perSecond = number(/tps = ([\d.]+) \(without initial connection time\)/u)
  return (((yield* claimed()) - before) / transactions) * perSecond
})

/** One claim and one completion of what it claimed, as a pgbench script. */
const script = Effect.fnUntraced(function* () {
  const range = Array.from({ length: BATCH }, (_, i) => i)
  const known = {
    keys: range.map((i) => `key ${i}`),
    fences: range.map((i) => 1_000_000 + i),
    epochs: range.map((i) => `epoch ${i}`),
    generations: range.map((i) => 2_000_000 + i)
  }
  const owner = "pgbench"
  const claims = range.map((i): work.Claim => ({
    reconciler: RECONCILER,
    key: known.keys[i] ?? "",
    fence: known.fences[i] ?? 0,
    epoch: known.epochs[i] ?? "",
    generation: known.generations[i] ?? 0,
    owner,
    attempts: 1,
    takeover: false,
    waited: 0
  }))
  const [claim, complete, ...others] = yield* statementsOf(
    Effect.andThen(work.claim(RECONCILER, owner, BATCH), work.complete(RECONCILER, claims.map(settled)))
  )
  if (claim === undefined || complete === undefined || others.length > 0) {
    return yield* Effect.die(new Error("a claim and a completion are no longer one statement each"))
  }
  const first = scriptOf(claim, "claim", {})
  const second = scriptOf(complete, "complete", known)
  return { text: `${first.text} \\gset\n${second.text};\n`, variables: { ...first.variables, ...second.variables } }
})
