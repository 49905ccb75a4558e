/** A pass of a large zone that finds nothing to do, on the last list and with a list of its own; and what memory it takes. */
import { Duration, Effect, Layer } from "effect"
import { sql } from "kysely"
import { Database } from "../src/database/database.ts"
import { rowsOf } from "../src/reconcilers/dns/facts.ts"
import { alternate, figuresOf, hundredths, ratiosOf, roundsIn, withSpread } from "./measure.ts"
import { change, converged, createZone, layerPlane, spent } from "./plane.ts"
import type { Report } from "./report.ts"
import type { Postgres } from "./server.ts"
import type { Simulator } from "./simulator.ts"

const RECORDS = 10_000
const PASSES = 5

export const idle = Effect.fnUntraced(function* (server: Postgres, simulator: Simulator, quick: boolean) {
  yield* simulator.reset
  const measured = Effect.gen(function* () {
    yield* createZone(RECORDS)
    yield* converged()
    yield* quiet()
    const writes = (yield* simulator.calls).writes
    const rounds = yield* alternate({ rounds: quick ? 2 : 8, within: Duration.seconds(quick ? 10 : 40) }, [
      { name: "rows alone", window: perPass(rowsAlone) },
      { name: "pass on the last list", window: perPass(again(false)) },
      { name: "pass with a list (2 calls)", window: perPass(again(true)) }
    ])
    const wrote = (yield* simulator.calls).writes - writes
    if (wrote > 0) return yield* Effect.die(new Error(`passes that had nothing to do wrote ${wrote} times`))
    return { rounds, memory: process.memoryUsage().rss / 2 ** 20 }
  }).pipe(Effect.provide(Layer.fresh(layerPlane("PostgreSQL", server, simulator))))
  const { memory, rounds } = yield* measured
  const names = [...rounds.keys()]
  return {
    title: `A pass without changes, zone of ${RECORDS.toLocaleString("en-US")} records (ms of CPU)`,
    conditions: [
      server.about,
      `CPU of the control plane's process; ${roundsIn(rounds)} of ${PASSES} passes each in turn`,
      "rows alone: reading the zone's rows and ledger from the database, which every pass does",
      `memory of the process after it: ${memory.toFixed(0)} MB, with all that other benchmarks of this run left in it`
    ],
    columns: ["", "CPU ms", "/ rows alone"],
    rows: names.map((name) => [
      name,
      withSpread(figuresOf(rounds, name), (figure) => figure.toFixed(0)),
      withSpread(ratiosOf(rounds, name, "rows alone"), hundredths)
    ]),
    goals: [],
    figures: { ...Object.fromEntries(rounds), "memory MB": [memory] }
  } satisfies Report as Report
})

const perPass = Effect.fnUntraced(function* <A, E, R>(pass: Effect.Effect<A, E, R>) {
  const { cpuSeconds } = yield* spent(Effect.repeat(pass, { times: PASSES - 1 }))
  return (cpuSeconds * 1000) / PASSES
})

/** What the pass itself reads. */
const rowsAlone = Effect.gen(function* () {
  const { query } = yield* Database
  const { rows } = yield* query("bench.domain", (db) => sql<{ id: number }>`select id from domains`.execute(db))
  yield* rowsOf(rows[0]?.id ?? 0)
})

/** Makes the zone due and waits until its pass is over. */
const again = (list: boolean) =>
  Effect.andThen(
    change(sql`update dns_zones set list_wanted = ${list}`, sql`select driftless_due('dns', id::text) from domains`),
    quiet()
  )

/** Until nobody works on the zone and nothing is due. */
const quiet = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  yield* query("bench.quiet", (db) =>
    sql<{
      quiet: boolean
    }>`select owner is null and observed = generation as quiet from reconcile_work where reconciler = 'dns'`.execute(db)
  ).pipe(
    Effect.tap(({ rows }) => (rows[0]?.quiet === true ? Effect.void : Effect.sleep("5 millis"))),
    Effect.repeat({ until: ({ rows }) => rows[0]?.quiet === true }),
    Effect.timeout("1 minute")
  )
})
