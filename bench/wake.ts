/**
 * Writes a second of 32 writers: without wake-ups, with them as the product sends them (after the commit, coalesced),
 * and with NOTIFY inside the transaction, which is what the product avoids.
 */
import { Clock, Duration, Effect, Layer, Queue } from "effect"
import { sql } from "kysely"
import { Database } from "../src/database/database.ts"
import { layerPostgres } from "../src/database/postgres.ts"
import { Wakes } from "../src/database/wake.ts"
import { alternate, figuresOf, median, ratiosOf, roundsIn, thousandths, whole, withSpread } from "./measure.ts"
import { atLeast, type Report } from "./report.ts"
import { freshDatabase, type Postgres } from "./server.ts"

const RECONCILER = "bench"
const WRITERS = 32
const KEYS_OF_A_WRITER = 50
const CHANNEL = "driftless_bench"
/** Of a window. */
const SECONDS = 0.25

export const wakeUps = Effect.fnUntraced(function* (server: Postgres, quick: boolean) {
  const url = yield* freshDatabase(server)
  const { avoided, compared } = yield* Effect.gen(function* () {
    const { query } = yield* Database
    const wakes = yield* Wakes
    // Somebody listens, as a loop does.
    const hints = yield* wakes.hints(RECONCILER)
    yield* Effect.forkScoped(Effect.forever(Queue.take(hints)))
    const notify = query("bench.notify", (db) => sql`select pg_notify(${CHANNEL}, ${RECONCILER})`.execute(db))
    yield* writes(1, Effect.void)
    const without = { name: "without", window: writes(SECONDS, Effect.void) }
    const compared = yield* alternate(
      quick ? { rounds: 10, within: Duration.seconds(12) } : { rounds: 50, within: Duration.seconds(60) },
      [
        without,
        { name: "with", window: writes(SECONDS, wakes.send(RECONCILER)) },
        { ...without, name: "without, once more" }
      ]
    )
    // Apart, so that what it leaves behind slows down neither of the others.
    const avoided = yield* alternate({ rounds: quick ? 5 : 10, within: Duration.seconds(10) }, [
      without,
      { name: "NOTIFY in the transaction", window: writes(SECONDS, Effect.asVoid(notify)) }
    ])
    return { compared, avoided }
  }).pipe(Effect.provide(Layer.provideMerge(Wakes.layer, layerPostgres({ url, poolSize: WRITERS + 1 }))))
  // The windows before and after it, so that a steady drift cancels out.
  const after = figuresOf(compared, "without, once more")
  const around = figuresOf(compared, "without").map((before, round) => (before + (after[round] ?? before)) / 2)
  const ratios = figuresOf(compared, "with").map((figure, round) => figure / (around[round] ?? Number.NaN))
  const notified = "NOTIFY in the transaction"
  return {
    title: `Writes of desired state, ${WRITERS} writers (transactions a second)`,
    conditions: [
      server.about,
      `each transaction makes one key due; every writer has ${KEYS_OF_A_WRITER} keys of its own; one process with a listener`,
      `${roundsIn(compared)} of windows of ${SECONDS} s in turn; "with" is compared with the mean of the windows around it`,
      '"once more" shows what the noise of the machine alone does'
    ],
    columns: ["wake-ups", "writes/s", "/ without"],
    rows: [
      ["without", withSpread(figuresOf(compared, "without"), whole), ""],
      [
        "without, once more",
        withSpread(after, whole),
        withSpread(ratiosOf(compared, "without, once more", "without"), thousandths)
      ],
      ["with", withSpread(figuresOf(compared, "with"), whole), withSpread(ratios, thousandths)],
      [
        notified,
        withSpread(figuresOf(avoided, notified), whole),
        withSpread(ratiosOf(avoided, notified, "without"), thousandths)
      ]
    ],
    goals: [atLeast("with wake-ups / without", 0.98, median(ratios))],
    figures: { ...Object.fromEntries(compared), [notified]: figuresOf(avoided, notified) }
  } satisfies Report as Report
})

/** Transactions a second; `beside` runs inside each. */
const writes = Effect.fnUntraced(function* <E, R>(seconds: number, beside: Effect.Effect<void, E, R>) {
  const { query, transaction } = yield* Database
  const began = yield* Clock.currentTimeMillis
  const writer = Effect.fnUntraced(function* (number: number) {
    let count = 0
    for (; (yield* Clock.currentTimeMillis) - began < seconds * 1000; count++) {
      const key = `${number}-${count % KEYS_OF_A_WRITER}`
      yield* transaction(
        "bench.write",
        Effect.andThen(
          query("bench.due", (db) => sql`select driftless_due(${RECONCILER}, ${key})`.execute(db)),
          beside
        )
      )
    }
    return count
  })
  const counts = yield* Effect.forEach(
    Array.from({ length: WRITERS }, (_, i) => i),
    writer,
    { concurrency: WRITERS }
  )
  const ended = yield* Clock.currentTimeMillis
  return (counts.reduce((sum, count) => sum + count, 0) * 1000) / (ended - began)
})
