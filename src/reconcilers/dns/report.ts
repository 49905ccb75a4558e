/**
 * Writes what a pass found out. Each function is one transaction that ends with the fence: a replica that lost the
 * zone writes nothing. Rows are written for the generation that was looked at, so that an edit made meanwhile is
 * never shown as done, and its error never charged to it. Wide rows first, in id order; the work row last.
 */
import { type Duration, Effect } from "effect"
import { type RawBuilder, sql } from "kysely"
import { Database, type DatabaseError } from "../../database/database.ts"
import { type Claim, fence, type FenceLost, type WriteWindow } from "../../database/work.ts"
import type { BatchAnswer } from "../../providers/dns.ts"
import type { Metrics } from "../../metrics.ts"
import type { Reason } from "../../model/reasons.ts"
import * as ledger from "./ledger.ts"
import { type Operation, type Plan, rowsOf } from "./operation.ts"
import * as rows from "./row-facts.ts"
import type { Observed, Row } from "./view.ts"

/** Bookkeeping of the zone that goes along with a report. */
export type ZoneFacts = RawBuilder<unknown>

type Report = Effect.Effect<void, DatabaseError | FenceLost, Database | Metrics>

const inOne = <E, R>(claim: Claim, site: string, body: Effect.Effect<void, E, R>, write?: WriteWindow) =>
  Effect.flatMap(Database, ({ transaction }) =>
    transaction(`dns.${site}`, Effect.andThen(body, fence(claim, site, write)))
  )

const run = (operation: string, statement: RawBuilder<unknown>) =>
  Effect.flatMap(Database, ({ query }) => Effect.asVoid(query(operation, (db) => statement.execute(db))))

/** What the plan decided without any call: settled, refused and gone rows, the ledger and its tombstones. */
export const note = (claim: Claim, domainId: number, plan: Plan, now: number, facts: ZoneFacts | undefined): Report => {
  const refusals = plan.refusals.filter(({ message, reason, row }) => isNews(row, reason, message, now))
  const back = plan.reappeared.filter(({ cleanSince }) => cleanSince !== null)
  const adopted = plan.adopted.map(({ record }) => record)
  const steps: ReadonlyArray<readonly [due: number, step: Step]> = [
    [plan.drift.length, rows.markDrifted(plan.drift.flatMap((drift) => drift.rows))],
    [plan.settled.length, rows.settle(plan.settled)],
    [refusals.length, rows.reject(refusals.map((refusal) => ({ ...refusal, counts: isDue(refusal.row, now) })))],
    [plan.gone.length, rows.remove(plan.gone)],
    [plan.adopted.length, run("dns.ledger.answered", ledger.forget(plan.adopted.flatMap(({ entry }) => entry ?? [])))],
    [plan.adopted.length, run("dns.ledger.adopted", ledger.enter(domainId, adopted))],
    [plan.released.length, run("dns.ledger.released", ledger.release(domainId, plan.released))],
    [plan.vanished.length, run("dns.ledger.vanished", ledger.bury(plan.vanished))],
    [plan.clean.length, run("dns.tombstones.clean", ledger.clean(plan.clean, true))],
    [back.length, run("dns.tombstones.back", ledger.clean(back, false))],
    [plan.over.length, run("dns.tombstones.over", ledger.drop(plan.over))],
    [facts === undefined ? 0 : 1, run("dns.zone", facts ?? sql``)]
  ]
  const due = steps.filter(([count]) => count > 0)
  const written = [
    plan.drift.flatMap((drift) => drift.rows),
    plan.settled.map(({ row }) => row),
    refusals.map(({ row }) => row),
    plan.gone
  ]
  return due.length === 0
    ? Effect.void
    : inOne(
        claim,
        "note",
        Effect.andThen(
          lockAll(written),
          Effect.forEach(due, ([, step]) => step, { discard: true })
        )
      )
}

/** Rows that went without any call. */
export const removed = (claim: Claim, gone: ReadonlyArray<Row>): Report => inOne(claim, "removed", rows.remove(gone))

/** One statement locks its rows in order by itself; several need all of theirs before the first. */
const lockAll = (written: ReadonlyArray<ReadonlyArray<Row>>): Step =>
  written.filter(({ length }) => length > 0).length < 2 ? Effect.void : rows.lock(written.flat())

type Step = Effect.Effect<void, DatabaseError, Database | Metrics>

/** A refusal is written once, and again when its next count is due or its words changed. */
const isNews = (row: Row, reason: string, message: string, now: number) =>
  row.rejection === null ||
  row.rejection.reason !== reason ||
  row.rejection.message !== rows.shorten(message) ||
  isDue(row, now)

const isDue = ({ rejection }: Row, now: number) =>
  rejection === null || (!rejection.stopped && (rejection.nextRetryAt ?? 0) <= now)

/** Before the call: what is about to be created stands in the ledger, and the work row says until when it may land. */
export const intend = (
  claim: Claim,
  domainId: number,
  operations: ReadonlyArray<Operation>,
  within: Duration.Duration
): Report => {
  const posts = wantedOf(operations)
  const patches = operations.flatMap((o) => (o._tag === "Patch" ? [o] : []))
  return inOne(
    claim,
    "intend",
    Effect.gen(function* () {
      if (posts.length > 0) yield* run("dns.ledger.intend", ledger.intend(domainId, posts))
      if (patches.length > 0) yield* run("dns.ledger.rename", ledger.rename(domainId, patches))
    }),
    { write: "opens", within }
  )
}

/** After the answer: what was asked for is so. `observed` are the records of ours that it holds. */
export const accepted = (
  claim: Claim,
  domainId: number,
  operations: ReadonlyArray<Operation>,
  answer: BatchAnswer,
  observed: ReadonlyArray<Observed>,
  facts: ZoneFacts
): Report => {
  const created = wantedOf(operations)
  const settled = [
    ...operations.flatMap((o) =>
      o._tag === "Patch" ? o.wanted.rows.map((row) => ({ row, recordId: o.record.id })) : []
    ),
    ...created.flatMap(({ rows: made }, i) => made.map((row) => ({ row, recordId: answer.posts[i]?.id ?? "" })))
  ]
  const leaving = operations.flatMap((o) => (o._tag === "Post" ? [] : o.leaving))
  const deleted = operations.flatMap((o) => (o._tag === "Delete" ? [o.record.id] : []))
  const released = operations.flatMap((o) => (o._tag === "Unmark" ? [o.record.id] : []))
  return inOne(
    claim,
    "accepted",
    Effect.gen(function* () {
      yield* lockAll([settled.map(({ row }) => row), leaving])
      if (settled.length > 0) yield* rows.settle(settled)
      if (leaving.length > 0) yield* rows.remove(leaving)
      if (created.length > 0) yield* run("dns.ledger.close", ledger.close(domainId, created))
      if (observed.length > 0) yield* run("dns.ledger.enter", ledger.enter(domainId, observed))
      if (deleted.length > 0) yield* run("dns.ledger.bury", ledger.buryDeleted(domainId, deleted))
      if (released.length > 0) yield* run("dns.ledger.release", ledger.release(domainId, released))
      yield* run("dns.zone", facts)
    }),
    { write: "answered" }
  )
}

const wantedOf = (operations: ReadonlyArray<Operation>) =>
  operations.flatMap((operation) => (operation._tag === "Post" ? [operation.wanted] : []))

export interface Verdict {
  /** Undefined where it is no row's fault. */
  readonly charge: { readonly reason: Reason; readonly message: string } | undefined
  readonly facts: ZoneFacts | undefined
}

/** The provider refused: nothing was changed, so intents are closed. */
export const refused = (
  claim: Claim,
  domainId: number,
  operations: ReadonlyArray<Operation>,
  verdict: Verdict
): Report => {
  const posts = wantedOf(operations)
  const closed = posts.length === 0 ? Effect.void : run("dns.ledger.close", ledger.close(domainId, posts))
  return inOne(claim, "refused", Effect.andThen(pronounce(operations, verdict), closed), { write: "answered" })
}

/** Nobody knows what stands there of the write: intents stay open, and so does the window unless an answer came. */
export const unknown = (
  claim: Claim,
  operations: ReadonlyArray<Operation>,
  verdict: Verdict,
  answered: boolean
): Report =>
  inOne(claim, "unknown", pronounce(operations, verdict), answered ? { write: "answered" } : { write: "unchanged" })

const pronounce = Effect.fnUntraced(function* (operations: ReadonlyArray<Operation>, { charge, facts }: Verdict) {
  const charged = charge === undefined ? [] : [...new Set(operations.flatMap(rowsOf))]
  if (charge !== undefined && charged.length > 0) {
    yield* rows.reject(charged.map((row) => ({ row, ...charge, counts: true })))
  }
  if (facts !== undefined) yield* run("dns.zone", facts)
})

/** Facts of the zone alone. */
export const zoneFacts = (claim: Claim, site: string, facts: ZoneFacts): Report =>
  inOne(claim, site, run("dns.zone", facts))
