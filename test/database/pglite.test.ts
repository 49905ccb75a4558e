/** The embedded database: one process at a time, killed and reopened, taken over, maintained. */
import { assert, it, layer } from "@effect/vitest"
import { Duration, Effect, Queue } from "effect"
import { TestClock } from "effect/testing"
import { sql } from "kysely"
import { mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Database } from "../../src/database/database.ts"
import { takeOver } from "../../src/database/instance.ts"
import { maintain } from "../../src/database/pglite.ts"
import * as work from "../../src/database/work.ts"
import { eventually, layerEmbedded, row, rows } from "../support/database.ts"
import { line, start } from "../support/database-processes.ts"
import { workOf } from "../support/database-rows.ts"
import { due, PROBE } from "../support/database-work.ts"

const aDirectory = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "driftless-pglite-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true }))
)

it.live(
  "an embedded database refuses a second process; killed during writes, it opens at once with every acknowledged row",
  () =>
    Effect.gen(function* () {
      const directory = yield* aDirectory
      const open = start("pglite-process.ts", directory)
      let holder = yield* open
      assert.strictEqual(yield* line(holder, "open"), "open 0 0")
      assert.strictEqual(statSync(directory).mode & 0o077, 0)

      const second = yield* open
      const refusal = yield* line(second, "refused")
      assert.include(refusal, `${directory} is in use by another Driftless process`)
      assert.include(refusal, "DRIFTLESS_DATA_DIR")
      assert.include(refusal, "DATABASE_URL")

      let acknowledged = 0
      for (let round = 1; round <= 4; round++) {
        acknowledged += 40 * round
        yield* line(holder, `ack ${acknowledged}`)
        yield* holder.signal("SIGKILL")
        yield* holder.ended
        const said = (yield* Queue.clear(holder.lines)).at(-1)
        if (said !== undefined) acknowledged = Number(said.slice("ack ".length))

        holder = yield* open
        const [, count, greatest] = (yield* line(holder, "open")).split(" ").map(Number)
        assert.strictEqual(count, greatest)
        assert.isAtLeast(count ?? 0, acknowledged)
        acknowledged = count ?? 0
      }
    }),
  120_000
)

layer(layerEmbedded)("an embedded database", (it) => {
  it.effect(
    "frees the leases of the process before it at once, but not the time in which a write of that may land",
    () =>
      Effect.gen(function* () {
        yield* due(["idle", "writing"])
        const before = yield* work.claim(PROBE, "dead", 2)
        const writing = before.find(({ key }) => key === "writing")!
        yield* work.fence(writing, "test", { write: "opens", within: Duration.minutes(1) })
        yield* takeOver()
        const freed = yield* workOf("idle", PROBE)
        assert.isNull(freed.owner)
        assert.isAtMost(freed.due_in, 0)
        const waits = yield* workOf("writing", PROBE)
        assert.isNull(waits.owner)
        assert.isAbove(waits.due_in, 30)
        assert.strictEqual(waits.due_at.getTime(), waits.write_until?.getTime())
        assert.deepStrictEqual(
          (yield* work.claim(PROBE, "alive", 2)).map(({ key }) => key),
          ["idle"]
        )
        for (const claim of before) assert.instanceOf(yield* Effect.flip(work.fence(claim, "test")), work.FenceLost)
      })
  )

  it.effect("vacuums and checkpoints at its start and then on a timer, since nothing else does", () =>
    Effect.gen(function* () {
      const database = yield* Database
      const checkpoint = row(sql<{ lsn: string }>`select checkpoint_lsn::text as lsn from pg_control_checkpoint()`)
      const size = row(sql<{ bytes: number }>`select pg_relation_size('waste') as bytes`)
      const waste = Effect.andThen(
        rows(sql`insert into waste select generate_series(1, 20000)`),
        rows(sql`delete from waste`)
      )
      const maintained = (since: string) =>
        Effect.gen(function* () {
          yield* eventually(size, ({ bytes }) => bytes === 0)
          return (yield* eventually(checkpoint, ({ lsn }) => lsn !== since)).lsn
        }).pipe(TestClock.withLive)
      yield* rows(sql`create table waste (n int)`)
      yield* waste
      assert.isAbove((yield* size).bytes, 0)
      const before = yield* checkpoint
      yield* Effect.forkScoped(maintain(database))
      const first = yield* maintained(before.lsn)
      yield* waste
      yield* TestClock.adjust("5 minutes")
      yield* maintained(first)
    })
  )
})
