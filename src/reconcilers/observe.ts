/** The gauges and counters of a loop that are not told by a pass: what runs now, what waits, and zeros to begin with. */
import { Clock, Duration, Effect } from "effect"
import { Database } from "../database/database.ts"
import * as work from "../database/work.ts"
import { Metrics } from "../metrics.ts"
import { monotonicMillisOf } from "../monotonic.ts"
import type { State } from "./leases.ts"

/** Gauges of the process, set at each scrape. */
export const observe = Effect.fnUntraced(function* <E, R>({ held, reconciler }: State<E, R>) {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  const labels = { name: reconciler.name, controller: reconciler.name }
  beginAtZero(metrics, reconciler.name)
  metrics.maxConcurrent.set({ controller: reconciler.name }, reconciler.concurrency)
  const database = yield* Database
  metrics.onScrape(
    work.depth(reconciler.name).pipe(
      Effect.timeout(SCRAPE_PATIENCE),
      Effect.map((depths) => {
        for (const priority of [100, 0, -100]) {
          metrics.queueDepth.set({ ...labels, priority: String(priority) }, depths.get(priority) ?? 0)
        }
      }),
      Effect.catch((error) => Effect.logWarning("the depth of the queue could not be read; it stays as it was", error)),
      Effect.provideService(Database, database)
    )
  )
  metrics.onScrape(
    Effect.sync(() => {
      const now = monotonicMillisOf(clock)
      const ages = [...held.values()].map(({ since }) => (now - since) / 1000)
      metrics.activeWorkers.set({ controller: reconciler.name }, held.size)
      metrics.unfinishedWork.set(
        labels,
        ages.reduce((sum, age) => sum + age, 0)
      )
      metrics.longestRunning.set(labels, Math.max(0, ...ages))
    })
  )
})

/** A series that is born with its first event already in it shows no increase: `rate` would never see that one. */
const beginAtZero = (metrics: Metrics["Service"], name: string) => {
  const controller = { controller: name }
  const queue = { name, controller: name }
  for (const result of ["success", "error", "requeue", "requeue_after"]) {
    metrics.reconcileTotal.inc({ ...controller, result }, 0)
  }
  metrics.reconcileErrors.inc(controller, 0)
  metrics.terminalErrors.inc(controller, 0)
  metrics.reconcilePanics.inc(controller, 0)
  metrics.reconcileTimeouts.inc(controller, 0)
  metrics.leaseExpired.inc({ reconciler: name }, 0)
  metrics.queueAdds.inc(queue, 0)
  metrics.queueRetries.inc(queue, 0)
  metrics.reconcileTime.zero(controller)
  metrics.queueDuration.zero(queue)
  metrics.workDuration.zero(queue)
}

const SCRAPE_PATIENCE = Duration.seconds(2)
