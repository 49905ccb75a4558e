/**
 * Carries out a plan in as few batch calls as the limit allows. Each batch is announced in the database before it is
 * sent and reported after its answer, so that a crash at any line leaves nothing that the next pass cannot tell.
 * What follows from a refusal or a lost answer is decided in `outcome.ts`.
 */
import { Duration, Effect } from "effect"
import { sql } from "kysely"
import { type Claim, WRITE_MARGIN } from "../../database/work.ts"
import { toApi } from "../../model/dns/value.ts"
import { PROXIABLE } from "../../model/dns/record.ts"
import { Metrics } from "../../metrics.ts"
import {
  type Account,
  type Batch,
  type BatchAnswer,
  DnsProvider,
  type DnsProviderError,
  type RecordWrite
} from "../../providers/dns.ts"
import { NotYet, type Pass } from "../pass.ts"
import type { Operation } from "./operation.ts"
import { type Charge, type Failure, mayStand, outcomeOf } from "./outcome.ts"
import { type Atom, atomsOf, grows, halve, pack } from "./pack.ts"
import * as report from "./report.ts"
import { observe, type Observed, type ZoneSettings } from "./view.ts"
import { monotonicMillis } from "../../monotonic.ts"

export interface Target {
  readonly claim: Claim
  readonly domainId: number
  readonly zone: string
  readonly zoneId: string
  readonly account: Account
  readonly adoption: ZoneSettings["adoption"]
  /** Operations that one batch may hold on the zone's plan. */
  readonly planLimit: number
  /** Less than that while writes fail. */
  readonly limit: number
  readonly failures: number
  readonly fresh: boolean
  /** The records as the provider has them; kept up to date here. */
  readonly records: Map<string, Observed>
  readonly stopping: Pass["stopping"]
}

export interface Applied {
  /** `relist`: the zone has to be listed before anything more is planned. */
  readonly end: "done" | "stopped" | "relist"
  /** Rows were rejected by the provider. */
  readonly rejected: boolean
  readonly quotaExceeded: boolean
}

export const apply = Effect.fn("dns.apply")(function* (target: Target, operations: ReadonlyArray<Operation>) {
  let waiting = pack(atomsOf(operations), target.limit, target.planLimit)
  let rejected = false
  let quotaExceeded = false
  let { failures } = target
  while (true) {
    const [batch, ...rest] = waiting
    if (batch === undefined) return { end: "done", rejected, quotaExceeded } satisfies Applied as Applied
    if (yield* target.stopping) return { end: "stopped", rejected, quotaExceeded } satisfies Applied as Applied
    const result = yield* send(target, batch, failures)
    // A verdict came, whichever: those that did not are no longer in a row.
    failures = 0
    switch (result) {
      case "accepted":
        waiting = rest
        break
      case "charged":
        rejected = true
        waiting = rest
        break
      case "bisect":
        waiting = [...halve(batch), ...rest]
        break
      case "quota":
        quotaExceeded = true
        waiting = pack(
          [batch, ...rest].flat().filter((atom) => !grows(atom)),
          target.limit,
          target.planLimit
        )
        break
      case "relist":
        return { end: "relist", rejected, quotaExceeded } satisfies Applied as Applied
    }
  }
})

type Sent = "accepted" | "charged" | "bisect" | "quota" | "relist"

const send = Effect.fn("dns.send")(function* (target: Target, atoms: ReadonlyArray<Atom>, failures: number) {
  const provider = yield* DnsProvider
  const metrics = yield* Metrics
  const operations = atoms.flat()
  const timeout = operations.length > LARGE_BATCH ? LONGEST_WRITE : TIMEOUT
  const permit = yield* provider.permit(target.account)
  const began = yield* monotonicMillis
  yield* report.intend(target.claim, target.domainId, operations, Duration.sum(timeout, WRITE_MARGIN))
  // The window in the database began no earlier than this, so an answer that is late for us is late for everyone.
  const left = began + Duration.toMillis(timeout) - (yield* monotonicMillis)
  if (left <= 0) {
    yield* report.refused(target.claim, target.domainId, operations, { charge: undefined, facts: undefined })
    return yield* new NotYet({
      reason: "Paused",
      message: "the process stood still before a change was sent",
      after: Duration.zero
    })
  }
  metrics.dnsBatchSize.observe(operations.length)
  const timeLeft = Duration.millis(left)
  return yield* provider.batch(target.account, target.zoneId, batchOf(operations), { permit, timeout: timeLeft }).pipe(
    Effect.flatMap((answer) => accept(target, operations, answer)),
    Effect.catchTag("DnsProviderError", (error) => refuse(target, atoms, failures, error))
  )
})

const accept = Effect.fnUntraced(function* (target: Target, operations: ReadonlyArray<Operation>, answer: BatchAnswer) {
  const written = [...answer.patches, ...answer.posts].map(observe)
  const unmarked = new Set(operations.flatMap((o) => (o._tag === "Unmark" ? [o.record.id] : [])))
  const ours = written.filter(({ id }) => !unmarked.has(id))
  yield* report.accepted(target.claim, target.domainId, operations, answer, ours, recovered(target))
  for (const operation of operations) if (operation._tag === "Delete") target.records.delete(operation.record.id)
  for (const record of written) target.records.set(record.id, record)
  yield* count(target, operations, "success")
  return "accepted" as Sent
})

const refuse = Effect.fnUntraced(function* (
  target: Target,
  atoms: ReadonlyArray<Atom>,
  failures: number,
  error: DnsProviderError
) {
  const { claim, domainId, fresh } = target
  const operations = atoms.flat()
  const failure: Failure = error.reason
  const outcome = outcomeOf(failure, { atoms, fresh, failures })
  const isMarked = operations.some((o) => o._tag === "Post" && o.comment !== undefined)
  const isAnswered = error.reason._tag !== "Unavailable" || error.reason.answered
  const noted = (charge: Charge | undefined, facts?: report.ZoneFacts) =>
    mayStand(failure, { adoption: target.adoption, isMarked })
      ? report.unknown(claim, operations, { charge, facts }, isAnswered)
      : report.refused(claim, domainId, operations, { charge, facts })
  yield* count(
    target,
    operations,
    outcome._tag === "Done" ? "success" : error.reason._tag === "Unavailable" ? "unknown" : "rejected"
  )
  switch (outcome._tag) {
    case "Done":
      return yield* accept(target, operations, { patches: [], posts: [] })
    case "Bisect":
      yield* noted(undefined, uncertain(target))
      return "bisect" as Sent
    case "Relist":
      yield* noted(undefined, uncertain(target))
      return "relist" as Sent
    case "Quota":
      yield* noted(undefined, quotaUsedUp(target))
      return "quota" as Sent
    case "Charge":
      yield* noted(outcome.charge, recovered(target, true))
      if (outcome.charge.reason === "RejectedByProvider") return "charged" as Sent
      return yield* waiting(error)
    case "Halve":
      yield* noted(undefined, failed(target, 0, outcome.limit))
      return yield* waiting(error)
    case "Wait":
      yield* noted(undefined, failed(target, failures + 1))
      return yield* waiting(error)
    case "Stop":
      yield* noted(undefined)
      return yield* error
  }
})

const waiting = ({ message }: DnsProviderError) =>
  new NotYet({ reason: "ProviderUnavailable", message, after: WRITE_RETRY })

const count = Effect.fnUntraced(function* (
  { zone }: Target,
  operations: ReadonlyArray<Operation>,
  result: "success" | "rejected" | "unknown"
) {
  const metrics = yield* Metrics
  for (const [op, some] of Map.groupBy(operations, ({ _tag }) => OPS[_tag])) {
    metrics.dnsChanges.inc({ zone, op, result }, some.length)
  }
})

const OPS = { Delete: "delete", Patch: "update", Unmark: "update", Post: "create" } as const

const batchOf = (operations: ReadonlyArray<Operation>): Batch => ({
  deletes: operations.flatMap((o) => (o._tag === "Delete" ? [o.record.id] : [])),
  patches: operations.flatMap((o): Batch["patches"] =>
    o._tag === "Patch"
      ? [{ id: o.record.id, write: writeOf(o) }]
      : o._tag === "Unmark"
        ? [{ id: o.record.id, write: { comment: o.record.comment } }]
        : []
  ),
  posts: operations.flatMap((o) => (o._tag === "Post" ? [writeOf(o)] : []))
})

const writeOf = ({ comment, wanted }: Extract<Operation, { readonly wanted: unknown }>): RecordWrite => ({
  type: wanted.type,
  name: wanted.name,
  value: toApi(wanted.value),
  ttl: wanted.ttl,
  proxied: PROXIABLE.some((type) => type === wanted.type) ? wanted.proxied : undefined,
  comment
})

/** Writes succeed again: a reduced limit grows back. `list`: what was rejected may mean that the list was stale. */
const recovered = ({ domainId, planLimit }: Target, list = false): report.ZoneFacts =>
  sql`update dns_zones set write_failures = 0, list_wanted = list_wanted or ${list},
      write_limit = case when write_limit * 2 >= ${planLimit} then null else write_limit * 2 end
    where domain_id = ${domainId} and (write_failures <> 0 or write_limit is not null or (${list} and not list_wanted))`

const uncertain = ({ domainId }: Target): report.ZoneFacts =>
  sql`update dns_zones set list_wanted = true where domain_id = ${domainId} and not list_wanted`

const failed = ({ domainId }: Target, failures: number, limit?: number): report.ZoneFacts =>
  sql`update dns_zones set list_wanted = true, write_failures = ${failures}, write_limit = coalesce(${limit ?? null}::int, write_limit)
    where domain_id = ${domainId}`

const quotaUsedUp = ({ domainId }: Target): report.ZoneFacts =>
  sql`update dns_zones set quota_until = driftless_now() + interval '5 minutes' where domain_id = ${domainId}`

const TIMEOUT = Duration.seconds(10)
/** Of any batch. */
export const LONGEST_WRITE = Duration.seconds(30)
/** More operations than that may take the provider longer than ten seconds. */
const LARGE_BATCH = 200
/** Lists succeed meanwhile, so the provider is there; a poisonous record must be found within minutes. */
const WRITE_RETRY = Duration.seconds(3)
