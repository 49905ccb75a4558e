/** The gauges and counters of a loop that are not told by a pass: what runs now, what waits, and zeros to begin with. */
import { Clock, Duration, Effect } from "effect"
import { Database } from "../database/database.ts"
import * as work from "../database/work.ts"
import { Metrics } from "../metrics.ts"
import type { State } from "./leases.ts"

/** Gauges of the process, set at each scrape. */
export const observe = Effect.fnUntraced(function* <E, R>({ held, reconciler }: State<E, R>) {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  const labels = { name: reconciler.name, controller: reconciler.name }
  for (const result of ["success", "error", "requeue", "requeue_after"]) {
    metrics.reconcileTotal.inc({ controller: reconciler.name, result }, 0)
  }
  metrics.maxConcurrent.set({ controller: reconciler.name }, reconciler.concurrency)
  // From zero on, so that the first of each is an increase.
  metrics.reconcilePanics.inc({ controller: reconciler.name }, 0)
  metrics.reconcileTimeouts.inc({ controller: reconciler.name }, 0)
  metrics.leaseExpired.inc({ reconciler: reconciler.name }, 0)
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
      const now = clock.currentTimeMillisUnsafe()
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

const SCRAPE_PATIENCE = Duration.seconds(2)
