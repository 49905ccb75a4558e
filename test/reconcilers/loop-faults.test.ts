/** What the loop survives: defects in its own rounds, and passes that do not hear that they are over. */
import { assert, layer } from "@effect/vitest"
import { Deferred, Effect, Queue } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { Next } from "../../src/reconcilers/pass.ts"
import { eventually, layerEmbedded, rows } from "../support/database.ts"
import { replica } from "../support/database-loops.ts"
import { workOf } from "../support/database-rows.ts"
import { due, emptyWork, PROBE } from "../support/database-work.ts"

const BUSY = `controller_runtime_active_workers{controller="${PROBE}"}`

/** A database in which the first statement of that name is a defect; `died` is done by then. */
const dying = Effect.fnUntraced(function* (statement: string) {
  const database = yield* Database
  const died = yield* Deferred.make<void>()
  const query: Database["Service"]["query"] = (operation, run) =>
    operation === statement
      ? Effect.flatMap(Deferred.succeed(died, undefined), (first) =>
          first ? Effect.die(new Error("bug")) : database.query(operation, run)
        )
      : database.query(operation, run)
  return { died: Deferred.await(died), database: { ...database, query } }
})

/** The lease of that claim is over; none where the key was claimed anew. */
const leaseOver = (key: string, fence: number) =>
  rows(sql`update reconcile_work set due_at = driftless_now() - interval '1 second'
    where reconciler = ${PROBE} and key = ${key} and fence = ${fence}`)

layer(layerEmbedded, { excludeTestServices: true })("the loop", (it) => {
  it.effect("claims on after a claim that died of a defect", () =>
    Effect.gen(function* () {
      yield* emptyWork
      const { database, died } = yield* dying("work.claim")
      const settles = replica({ reconcile: () => Effect.succeed(Next.Settled({})) })
      yield* Effect.provideService(settles, Database, database)
      yield* died
      yield* due(["a"])
      yield* eventually(workOf("a", PROBE), ({ observed, owner }) => observed === 1 && owner === null)
    })
  )

  it.effect("lets a key go whose completion died of a defect, and completes the next ones", () =>
    Effect.gen(function* () {
      yield* emptyWork
      yield* due(["a"])
      const { database, died } = yield* dying("work.complete")
      const settles = replica({ reconcile: () => Effect.succeed(Next.Settled({})) })
      const { metric, ring } = yield* Effect.provideService(settles, Database, database)
      yield* died
      // Held any longer, its lease would be extended for ever.
      yield* eventually(metric(BUSY), (busy) => busy === 0)
      assert.deepInclude(yield* workOf("a", PROBE), { fence: 1, observed: 0 })
      yield* leaseOver("a", 1)
      yield* ring
      yield* eventually(workOf("a", PROBE), ({ observed, owner }) => observed === 1 && owner === null)
    })
  )

  it.effect("lets a key go whose pass ended in a way that cannot be told", () =>
    Effect.gen(function* () {
      yield* emptyWork
      yield* due(["a"])
      const unspeakable = Object.defineProperty(new Error(), "message", {
        get: () => {
          throw new Error("bug")
        }
      })
      const { metric } = yield* replica({ reconcile: () => Effect.fail(unspeakable) })
      yield* eventually(workOf("a", PROBE), ({ fence }) => fence === 1)
      yield* eventually(metric(BUSY), (busy) => busy === 0)
    })
  )

  it.effect("is not held up by a deaf pass of a key that it claims again", () =>
    Effect.gen(function* () {
      yield* emptyWork
      yield* due(["a"])
      const hears = yield* Deferred.make<void>()
      const started = yield* Queue.unbounded<string>()
      const { metric, ring } = yield* replica({
        reconcile: ({ claim: { fence, key } }) =>
          Effect.gen(function* () {
            yield* Queue.offer(started, `${key}${fence}`)
            if (key === "a" && fence === 1) yield* Effect.uninterruptible(Deferred.await(hears))
            return Next.Settled({})
          })
      })
      assert.strictEqual(yield* Queue.take(started), "a1")
      // A heartbeat may come in between.
      const claimedAgain = Effect.andThen(Effect.andThen(leaseOver("a", 1), ring), workOf("a", PROBE))
      yield* eventually(claimedAgain, ({ fence }) => fence > 1)
      yield* due(["b"])
      yield* ring
      for (const key of ["a", "b"]) {
        yield* eventually(workOf(key, PROBE), ({ observed, owner }) => observed === 1 && owner === null)
      }
      yield* Deferred.succeed(hears, undefined)
      yield* eventually(metric(BUSY), (busy) => busy === 0)
      assert.deepInclude(yield* workOf("a", PROBE), { fence: 2, owner: null })
    })
  )
})
