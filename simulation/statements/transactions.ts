/** The store transactions that meet in a database, each as it is called by those who need it. */
import { Duration, Effect, Layer } from "effect"
import { sql } from "kysely"
import { layerBudget } from "../../src/database/budget.ts"
import { Database } from "../../src/database/database.ts"
import { Wakes } from "../../src/database/wake.ts"
import * as work from "../../src/database/work.ts"
import { Metrics } from "../../src/metrics.ts"
import { CallBudget } from "../../src/providers/budget.ts"
import { Kubernetes } from "../../src/providers/kubernetes.ts"
import * as report from "../../src/reconcilers/dns/report.ts"
import { finishDeletions } from "../../src/reconcilers/dns/store/manifest-deletions.ts"
import * as records from "../../src/reconcilers/dns/store/records.ts"
import { leave } from "../../src/reconcilers/kubernetes/cleanup.ts"
import { take } from "../../src/reconcilers/kubernetes/intake.ts"
import { Lookups } from "../../src/reconcilers/kubernetes/lookups.ts"
import { Notices } from "../../src/reconcilers/kubernetes/events.ts"
import { textOf } from "../../src/reconcilers/kubernetes/objects.ts"
import type { Objects } from "../../src/reconcilers/kubernetes/reflectors.ts"
import { claimOf, EDITED, LEAVING, MADE, NEW, OPERATIONS, PLAN, type Seen } from "./fixture.ts"

export const TRANSACTIONS = [
  "limiter",
  "claim",
  "heartbeat",
  "complete",
  "report",
  "accepted",
  "edit",
  "delete",
  "create",
  "retry",
  "finishDeletions",
  "claimObjects",
  "take",
  "takeNew",
  "leave"
] as const
export type Transaction = (typeof TRANSACTIONS)[number]

/** Of these each order with each other is tried. */
const CORE: ReadonlySet<Transaction> = new Set([
  "claim",
  "heartbeat",
  "complete",
  "report",
  "edit",
  "delete",
  "retry",
  "limiter"
])

/**
 * How often a side that could go on may be passed over. Of the others the orders are too many. Twice is enough for one to
 * lock, the other to lock, and each to want what the other has; and for one to look, the other to write and commit, and
 * the first to act on what it saw.
 */
export const turnsOf = (first: Transaction, second: Transaction): number =>
  CORE.has(first) && CORE.has(second) ? Number.POSITIVE_INFINITY : 2

export type Needs = Database | Wakes | Metrics | CallBudget | Kubernetes | Lookups | Notices

export const effectOf = (
  transaction: Transaction,
  me: string,
  epoch: string
): Effect.Effect<unknown, unknown, Needs> => {
  const claim = claimOf(epoch, "dns", "1")
  switch (transaction) {
    case "claim":
      return work.claim("dns", me, 4)
    case "heartbeat":
      return work.heartbeat("dns", [claim])
    case "complete":
      return work.complete("dns", [
        { claim, settled: true, succeeded: true, delay: Duration.minutes(5), priority: -100, condition: null }
      ])
    case "report":
      return report.note(claim, 1, PLAN, 0, sql`update dns_zones set list_wanted = false where domain_id = 1`)
    case "accepted":
      return report.accepted(
        claim,
        1,
        OPERATIONS,
        { patches: [], posts: [{ ...MADE, content: MADE.text, data: undefined, priority: undefined }] },
        [MADE],
        sql`update dns_zones set write_failures = 0 where domain_id = 1`
      )
    case "edit":
      return records.update({ id: 2, value: "192.0.2.22" })
    case "delete":
      return records.remove([1, 2, 3, 4])
    case "create":
      return records.create({ domainId: 1, type: "A", name: "d", value: "192.0.2.4" })
    case "retry":
      return records.retry(1)
    case "limiter":
      return Effect.flatMap(CallBudget, (budget) => budget.take("t"))
    case "finishDeletions":
      return finishDeletions()
    case "claimObjects":
      return work.claim("kubernetes", me, 8)
    case "take":
      return taken(EDITED, epoch)
    case "takeNew":
      return taken(NEW, epoch)
    case "leave":
      return leave(claimOf(epoch, "kubernetes", textOf(LEAVING.key)), OBJECTS, LEAVING.key, LEAVING.before, null)
  }
}

const taken = ({ before, key, object }: Seen, epoch: string) =>
  take({ credentialSources: [] }, claimOf(epoch, "kubernetes", textOf(key)), key, object, before)

const OBJECTS: Objects = {
  get: () => undefined,
  observe: () => Effect.void,
  refresh: () => Effect.void,
  covers: () => true,
  isKnown: () => true
}

export const servicesOf = (database: Database["Service"], metrics: Metrics["Service"]) =>
  layerBudget.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Layer.succeed(Database, database),
        Layer.succeed(Metrics, metrics),
        // Of an object that is gone nothing is asked or told.
        Layer.mock(Kubernetes)({}),
        Layer.mock(Lookups)({}),
        Layer.mock(Notices)({}),
        // Hints go out after the commit, on a connection that is not looked at here.
        Layer.succeed(Wakes, { send: () => Effect.void, hints: () => Effect.never, healthy: Effect.succeed(true) })
      )
    )
  )
