/**
 * Hints that a reconciler has work. The row is the truth: a hint that is lost is found by polling.
 *
 * A hint is sent after the commit, one notice for all that a process has to say in 10 ms. A NOTIFY inside the
 * write's own transaction would serialize all commits of the database (measured: a third of the throughput).
 */
import { Context, Duration, Effect, Layer, Queue, Ref, Schedule, Stream } from "effect"
import { sql } from "kysely"
import { Database } from "./database.ts"

const CHANNEL = "driftless_wake"
const COALESCE = Duration.millis(10)
/** Where a notice takes long, notices wait longer: they may take a twentieth of the time, but hints stay hints. */
const MOST_COALESCE = Duration.millis(250)
const SHARE_OF_TIME = 20
const RECONNECT = Schedule.min([Schedule.exponential("100 millis"), Schedule.spaced("5 seconds")])

export class Wakes extends Context.Service<
  Wakes,
  {
    /** Says that `reconciler` has work, once what we are in has committed. */
    send(reconciler: string): Effect.Effect<void>
    /** Takes one hint at a time for `reconciler`; hints in between fold into one. */
    hints(reconciler: string): Effect.Effect<Queue.Queue<void>>
    /** Whether hints of other processes come through; without them one has to poll more often. */
    readonly healthy: Effect.Effect<boolean>
  }
>()("driftless/database/Wakes") {
  static readonly layer = Layer.effect(
    Wakes,
    Effect.gen(function* () {
      const database = yield* Database
      const queues = new Map<string, Array<Queue.Queue<void>>>()
      const healthy = yield* Ref.make(true)
      const pending = yield* Queue.sliding<void>(1)
      const names = new Set<string>()
      /** Made once each: every change of desired state sends one. */
      const sends = new Map<string, Effect.Effect<void>>()

      const ring = (reconciler: string) => {
        for (const queue of queues.get(reconciler) ?? []) Queue.offerUnsafe(queue, undefined)
      }

      // An embedded database has one process: its own loops hear it through `ring`.
      if (database.backend === "postgres") {
        yield* Ref.set(healthy, false)
        yield* database.listen(CHANNEL).pipe(
          Stream.runForEach((payload) =>
            Effect.gen(function* () {
              yield* Ref.set(healthy, true)
              // Empty after a (re)connect: what was said meanwhile is unknown, so everyone looks.
              if (payload === "") for (const name of queues.keys()) ring(name)
              else for (const name of payload.split(",")) ring(name)
            })
          ),
          Effect.tapCause(() => Ref.set(healthy, false)),
          Effect.tapError((error) => Effect.logWarning("stopped listening for wake-ups; polling instead", error)),
          Effect.retry(RECONNECT),
          Effect.orDie,
          Effect.forkScoped
        )
        let pause = COALESCE
        yield* Effect.gen(function* () {
          yield* Queue.take(pending)
          yield* Effect.sleep(pause)
          const payload = [...names].join(",")
          names.clear()
          const [took] = yield* database
            .query("wake.notify", (db) => sql`select pg_notify(${CHANNEL}, ${payload})`.execute(db))
            .pipe(
              Effect.catch((error) => Effect.logWarning("a wake-up was not sent; polling finds the work", error)),
              Effect.timed
            )
          pause = Duration.min(Duration.max(COALESCE, Duration.times(took, SHARE_OF_TIME)), MOST_COALESCE)
        }).pipe(Effect.forever, Effect.forkScoped)
      }

      return Wakes.of({
        healthy: Ref.get(healthy),
        send: (reconciler) => {
          const known = sends.get(reconciler)
          if (known !== undefined) return known
          const send = database.afterCommit(
            Effect.sync(() => {
              ring(reconciler)
              // One notice is on its way already, and will say so.
              if (names.has(reconciler)) return
              names.add(reconciler)
              Queue.offerUnsafe(pending, undefined)
            })
          )
          sends.set(reconciler, send)
          return send
        },
        hints: (reconciler) =>
          Queue.sliding<void>(1).pipe(
            Effect.tap((queue) => Effect.sync(() => queues.set(reconciler, [...(queues.get(reconciler) ?? []), queue])))
          )
      })
    })
  )
}
