/**
 * From the commit of a change to the moment that its row is settled because the provider has accepted it, while
 * changes come at a steady rate. Both ends are times of the database, so no clock is compared with another.
 */
import { Clock, Duration, Effect, Layer } from "effect"
import { sql } from "kysely"
import { Database } from "../src/database/database.ts"
import * as records from "../src/reconcilers/dns/store/records.ts"
import { alternate, figuresOf, hundredths, median, quantile, roundsIn } from "./measure.ts"
import { converged, createZone, layerPlane } from "./plane.ts"
import type { Report } from "./report.ts"
import type { Postgres } from "./server.ts"
import type { Simulator } from "./simulator.ts"

const RECORDS = 2000
/** Changes a second. */
const RATE = 50

interface Situation {
  readonly name: string
  /** Milliseconds by which the provider answers late. */
  readonly latency: number
  /** Calls of the token's five minutes that are gone already. */
  readonly used: number
}

const SITUATIONS: ReadonlyArray<Situation> = [
  { name: "zone latency 0", latency: 0, used: 0 },
  { name: "zone latency 1 s", latency: 1000, used: 0 },
  { name: "0, half of the token's calls are used", latency: 0, used: 480 }
]

export const latency = Effect.fnUntraced(function* (server: Postgres, simulator: Simulator, quick: boolean) {
  const seconds = quick ? 4 : 10
  const taken = new Map<string, Array<number>>()
  const note = (name: string, figures: ReadonlyArray<number>) =>
    void taken.set(name, [...(taken.get(name) ?? []), ...figures])
  const rounds = yield* alternate(
    { rounds: quick ? 1 : 2, within: Duration.seconds(40) },
    SITUATIONS.map((situation) => ({
      name: situation.name,
      window: Effect.gen(function* () {
        const { calls, settled } = yield* window(server, simulator, situation, seconds)
        note(situation.name, settled)
        note(`${situation.name}, calls a second`, [calls / seconds])
        note(`${situation.name}, bare`, yield* bareCalls(simulator, situation))
        return median(settled)
      })
    }))
  )
  return {
    title: `Commit to accepted, ${RATE} changes a second (seconds)`,
    conditions: [
      server.about,
      `one zone of ${RECORDS} records, each changed at most once a window, one transaction a change as the API makes it`,
      `${roundsIn(rounds)} of windows of ${seconds} s; the token has Cloudflare's 1,200 calls in 5 minutes, of which 80 % are ours`,
      "the bare call is one batch of one change without any database; with a call in flight at each moment, a change",
      "waits for half a call and then for its own, so that 1.5 and 2 bare calls are the least for p50 and p99"
    ],
    columns: ["", "changes", "p50", "p99", "bare call", "p50 / (1.5 × bare)", "p99 / (2 × bare)", "calls/s"],
    rows: SITUATIONS.map(({ name }) => {
      const settled = figuresOf(taken, name)
      const bare = median(figuresOf(taken, `${name}, bare`))
      return [
        name,
        String(settled.length),
        quantile(settled, 0.5).toFixed(3),
        quantile(settled, 0.99).toFixed(3),
        bare.toFixed(3),
        hundredths(quantile(settled, 0.5) / (1.5 * bare)),
        hundredths(quantile(settled, 0.99) / (2 * bare)),
        median(figuresOf(taken, `${name}, calls a second`)).toFixed(1)
      ]
    }),
    goals: [],
    figures: Object.fromEntries(taken)
  } satisfies Report as Report
})

/** Changes that many seconds long; answers how long each waited, and the calls that all of it took. */
const window = (server: Postgres, simulator: Simulator, { latency: slow, used }: Situation, seconds: number) =>
  Effect.gen(function* () {
    const { query } = yield* Database
    yield* simulator.reset
    yield* createZone(RECORDS)
    yield* converged()
    if (slow > 0) yield* simulator.slow(slow)
    if (used > 0) yield* simulator.useUp(used)
    yield* simulator.forgetCalls
    const { rows } = yield* query("bench.ids", (db) =>
      sql<{ id: number }>`select id from dns_records order by id limit ${seconds * RATE}::int`.execute(db)
    )
    const ids = rows.map(({ id }) => id)
    yield* atSteadyRate(ids, (id) => records.update({ id, value: `198.51.100.${id % 250}` }))
    yield* converged()
    const { total } = yield* simulator.calls
    const settled = yield* query("bench.waited", (db) =>
      sql<{ seconds: number }>`select extract(epoch from updated_at - changed_at)::float8 as seconds
        from dns_records where id = any(${ids}::bigint[])`.execute(db)
    )
    return { calls: total, settled: settled.rows.map((row) => row.seconds) }
  }).pipe(Effect.provide(Layer.fresh(layerPlane("PostgreSQL", server, simulator))))

/** Starts one at each tick, however long the ones before it take: a slow system does not lower its own load. */
const atSteadyRate = Effect.fnUntraced(function* <A, E, R>(
  ids: ReadonlyArray<number>,
  one: (id: number) => Effect.Effect<A, E, R>
) {
  const began = yield* Clock.currentTimeMillis
  yield* Effect.forEach(
    ids,
    (id, i) =>
      Effect.gen(function* () {
        const early = began + (i * 1000) / RATE - (yield* Clock.currentTimeMillis)
        if (early > 0) yield* Effect.sleep(early)
        yield* one(id)
      }),
    { concurrency: "unbounded", discard: true }
  )
})

/** Seconds of a batch of one change, several times. */
const bareCalls = Effect.fnUntraced(function* (simulator: Simulator, { latency: slow }: Situation) {
  const seconds: Array<number> = []
  const times = slow > 0 ? 3 : 20
  for (let i = 0; i < times; i++) {
    const began = yield* Clock.currentTimeNanos
    yield* simulator.batch({ posts: [{ type: "A", name: `late-${i}`, content: "192.0.2.1", ttl: 120 }] })
    seconds.push(Number((yield* Clock.currentTimeNanos) - began) / 1e9)
  }
  return seconds
})
