/**
 * The store transactions that meet in a database, and what must hold of any two in whatever order:
 *
 *   S1 a fence of a key has one owner            S6 nothing is shown as done that was not looked at
 *   S2 the fence rises with each claim           L3 an edit leaves its key due, or with an owner
 *   S3 a report after a take-over writes nothing S9 the last permit is given once
 *   NoWait claims and heartbeats wait for nobody LockOrder no order ends in a deadlock
 */
import { Duration, Effect, type Exit, Layer } from "effect"
import { layerBudget } from "../../src/database/budget.ts"
import { Database } from "../../src/database/database.ts"
import { Wakes } from "../../src/database/wake.ts"
import * as work from "../../src/database/work.ts"
import { Metrics } from "../../src/metrics.ts"
import { CallBudget } from "../../src/providers/budget.ts"
import * as records from "../../src/reconcilers/dns/store/records.ts"
import * as report from "../../src/reconcilers/dns/report.ts"
import type { Plan } from "../../src/reconcilers/dns/operation.ts"
import type { Row } from "../../src/reconcilers/dns/view.ts"

export const TRANSACTIONS = ["claim", "heartbeat", "complete", "report", "edit", "delete", "retry", "limiter"] as const
export type Transaction = (typeof TRANSACTIONS)[number]

/**
 * The work row comes with the deferred triggers, which are let go first. The lease on key 1 is A's and has run out;
 * nobody has taken it over yet. Row 1 was rejected. One permit is left.
 */
export const FIXTURE = `
  truncate reconcile_work, reconcile_conditions, dns_records, dns_ledger, dns_tombstones, dns_zones, api_budgets, domain_dns_providers, domains, api_keys restart identity cascade;
  insert into api_keys (name) values ('k');
  insert into domains (domain) values ('zone0.test');
  insert into domain_dns_providers (domain_id, api_key_id) values (1, 1);
  insert into dns_zones (domain_id, plan) values (1, 'enterprise');
  insert into dns_records (domain_id, type, name, value) values (1, 'A', 'a', '192.0.2.1'), (1, 'A', 'b', '192.0.2.2'), (1, 'A', 'c', '192.0.2.3');
  set constraints all immediate;
  update dns_records set rejected_generation = 1, retry_count = 1, next_retry_at = now() + interval '1 hour' where id = 1;
  update reconcile_work set owner = 'A', fence = 5, epoch = driftless_epoch(), generation = 1, priority = 0, due_at = now() - interval '1 second';
  insert into api_budgets (token_hash, capacity, used, window_ends_at) values ('t', 10, 7, now() + interval '1 hour')`

export const claimOf = (epoch: string): work.Claim => ({
  reconciler: "dns",
  key: "1",
  generation: 1,
  owner: "A",
  fence: 5,
  epoch,
  attempts: 1,
  takeover: false,
  waited: 0
})

const row = (id: number, name: string, value: string): Row => ({
  id,
  type: "A",
  name,
  value,
  ttl: 120,
  proxied: false,
  comment: null,
  present: true,
  generation: 1,
  observedGeneration: 0,
  changedAt: 0,
  drifted: false,
  recordId: "",
  rejection: null
})

/** What a pass has found out: rows 2 and 3 stand, row 1 is refused. */
const PLAN: Plan = {
  operations: [],
  settled: [
    { row: row(3, "c", "192.0.2.3"), recordId: "r3" },
    { row: row(2, "b", "192.0.2.2"), recordId: "r2" }
  ],
  refusals: [{ row: row(1, "a", "192.0.2.1"), reason: "HeldBySomeoneElse", message: "somebody else keeps it" }],
  gone: [],
  adopted: [],
  released: [],
  drift: [],
  deletionsHeld: 0,
  foreign: 0,
  vanished: [],
  clean: [],
  reappeared: [],
  over: []
}

export type Needs = Database | Wakes | Metrics | CallBudget

export const effectOf = (
  transaction: Transaction,
  me: string,
  epoch: string
): Effect.Effect<unknown, unknown, Needs> => {
  const claim = claimOf(epoch)
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
      return report.note(claim, 1, PLAN, 0, undefined)
    case "edit":
      return records.update({ id: 2, value: "192.0.2.22" })
    case "delete":
      return records.remove([1, 2, 3])
    case "retry":
      return records.retry(1)
    case "limiter":
      return Effect.flatMap(CallBudget, (budget) => budget.take("t"))
  }
}

export const servicesOf = (database: Database["Service"], metrics: Metrics["Service"]) =>
  layerBudget.pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        Layer.succeed(Database, database),
        Layer.succeed(Metrics, metrics),
        // Hints go out after the commit, on a connection that is not looked at here.
        Layer.succeed(Wakes, { send: () => Effect.void, hints: () => Effect.never, healthy: Effect.succeed(true) })
      )
    )
  )

export interface Ended {
  readonly transaction: Transaction
  readonly me: string
  readonly exit: Exit.Exit<unknown, unknown>
  /** Position in the order at which it ended. */
  readonly at: number
  readonly hasWaited: boolean
}

/** The rows as they are when both are over. */
export interface After {
  readonly work: {
    readonly owner: string | null
    readonly fence: number
    readonly generation: number
    readonly observed: number
    readonly isDue: boolean
  }
  readonly records: ReadonlyArray<{ readonly id: number; readonly generation: number; readonly observed: number }>
  readonly used: number
}

/** What does not hold, or undefined. */
export const broken = ([one, two]: readonly [Ended, Ended], after: After): string | undefined => {
  const both = [one, two]
  const of = (transaction: Transaction) => both.filter((ended) => ended.transaction === transaction)
  for (const { hasWaited, transaction } of both) {
    if (hasWaited && (transaction === "claim" || transaction === "heartbeat"))
      return `NoWait the ${transaction} waited for a lock`
  }
  const claims = of("claim").filter(
    ({ exit }) => exit._tag === "Success" && Array.isArray(exit.value) && exit.value.length > 0
  )
  if (claims.length > 1) return "S1 both claimed the key"
  if (claims.length === 1 && after.work.fence !== 6)
    return `S2 after one claim the fence is ${after.work.fence}, it was 5`
  if (claims.length === 1 && after.work.owner !== claims[0]?.me)
    return `S3 the key is ${after.work.owner ?? "nobody"}'s although ${claims[0]?.me} claimed it`
  for (const told of of("report")) {
    const isWritten = told.exit._tag === "Success"
    if (isWritten && claims.some(({ at }) => at < told.at))
      return "S3 a report was written although the key had been claimed"
    if (!isWritten && claims.length === 0 && of("complete").length === 0)
      return `S3 the report of the owner was refused: ${JSON.stringify(told.exit)}`
  }
  if (after.records.some(({ generation, observed }) => observed > 1 || observed > generation))
    return "S6 an edit shows as done"
  if (after.work.observed > 1) return "S6 a generation shows as observed that nobody looked at"
  if (after.work.generation > 1 && after.work.owner === null && !after.work.isDue)
    return "L3 an edit waits although its key is idle"
  if (after.used > 8) return `S9 ${after.used} permits were given, 8 are ours`
  const permits = of("limiter").filter(({ exit }) => exit._tag === "Success").length
  if (of("limiter").length > 0 && permits !== 1) return `S9 one permit was left and ${permits} were given`
  for (const { exit, transaction } of both) {
    if (
      ["edit", "delete", "retry"].includes(transaction) &&
      exit._tag === "Failure" &&
      !JSON.stringify(exit).includes("Refused")
    ) {
      return `Retried the ${transaction} failed: ${JSON.stringify(exit)}`
    }
  }
  return undefined
}
