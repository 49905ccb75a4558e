/**
 * A replica of its own process: runs the probe reconciler on the database at argv[2] as owner argv[3], with argv[4]
 * keys at a time. Each pass writes `begin`, waits until its key is in the table `gate`, and writes `end`; an
 * interrupted pass tries to write `late` all the same. Both are fenced; what became of a write is a line on stdout.
 */
import { Duration, Effect, Layer, Redacted, Schedule } from "effect"
import { NodeRuntime } from "@effect/platform-node"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { layerPostgres } from "../../src/database/postgres.ts"
import { Wakes } from "../../src/database/wake.ts"
import * as work from "../../src/database/work.ts"
import { Metrics } from "../../src/metrics.ts"
import { run } from "../../src/reconcilers/loop.ts"
import { Next, type Pass } from "../../src/reconcilers/pass.ts"

const [url = "", owner = "", concurrency = "1"] = process.argv.slice(2)
// Nothing is left when the tests are killed.
process.stdin
  .on("end", () => process.exit(1))
  .resume()
  .unref()

const say = (...words: ReadonlyArray<string>) => Effect.sync(() => void process.stdout.write(`${words.join(" ")}\n`))

const write = Effect.fnUntraced(function* ({ claim }: Pass, event: string) {
  const { query, transaction } = yield* Database
  yield* transaction(
    `probe.${event}`,
    Effect.gen(function* () {
      yield* query("probe.write", (db) =>
        sql`insert into passes (key, owner, event, takeover) values (${claim.key}, ${claim.owner}, ${event}, ${claim.takeover})`.execute(
          db
        )
      )
      yield* work.fence(claim, event)
    })
  ).pipe(
    Effect.tap(say(event, claim.key)),
    Effect.tapError((error) => say("refused", error._tag, claim.key))
  )
})

const reconcile = (pass: Pass) =>
  Effect.gen(function* () {
    const { query } = yield* Database
    yield* write(pass, "begin")
    yield* query("probe.gate", (db) => sql`select 1 from gate where key = ${pass.claim.key}`.execute(db)).pipe(
      Effect.repeat({ until: ({ rows }) => rows.length > 0, schedule: Schedule.spaced("50 millis") })
    )
    yield* write(pass, "end")
    return Next.Settled({})
  }).pipe(Effect.onInterrupt(() => Effect.ignore(write(pass, "late"))))

const loop = run(
  {
    name: "probe",
    concurrency: Number(concurrency),
    deadline: Duration.minutes(5),
    resync: Duration.hours(1),
    reconcile
  },
  { owner }
).pipe(
  Layer.provide(Layer.merge(Wakes.layer, Metrics.layer)),
  Layer.provide(layerPostgres({ url: Redacted.make(url), poolSize: 6 }))
)

Layer.launch(loop).pipe(NodeRuntime.runMain)
