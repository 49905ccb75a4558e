/**
 * Keeps each zone at the provider equal to its rows.
 *
 * The key is the domain's id, so one zone is never changed from two sides. A pass reads the rows and what stands at
 * the provider (a list, or the last one with the answers since), plans, writes down what the plan says, and sends
 * what must change. A pass that dies half way is finished by the next one.
 */
import { Duration, Effect } from "effect"
import { sql } from "kysely"
import { Metrics } from "../../metrics.ts"
import { DnsProvider, type DnsProviderError } from "../../providers/dns.ts"
import { Blocked, type Condition, Next, NotYet, type Pass, type Reconciler } from "../pass.ts"
import { type Applied, apply, type Target } from "./apply.ts"
import { ZoneCache } from "./cache.ts"
import { abandonedOf, type Binding, bindingOf, listingOf, rowsOf } from "./facts.ts"
import { driftInterval, untilNextLook } from "./interval.ts"
import type { Plan } from "./operation.ts"
import { atomsOf, grows } from "./pack.ts"
import { planZone } from "./plan.ts"
import * as report from "./report.ts"
import { finishDeletions } from "./store/manifest-deletions.ts"
import { isHeld, observe, type Observed, type ZoneView } from "./view.ts"
import { type Located, locate } from "./zone.ts"

export interface DnsOptions {
  /** 12 hexadecimal characters: marks what is ours. */
  readonly instance: string
  /** How often a zone is listed to find drift. */
  readonly interval: Duration.Duration
  readonly concurrency: number
}

export const dnsReconciler = (options: DnsOptions) =>
  ({
    name: "dns",
    concurrency: options.concurrency,
    deadline: Duration.minutes(10),
    resync: Duration.minutes(5),
    reconcile: (pass: Pass) => reconcileZone(options, pass)
  }) satisfies Reconciler<unknown, unknown>

export const reconcileZone = (options: DnsOptions, pass: Pass) =>
  onePass(options, pass).pipe(Effect.catchTag("DnsProviderError", (error) => waits(error, pass.claim)))

const onePass = Effect.fn("dns.reconcileZone")(function* (options: DnsOptions, { claim, stopping }: Pass) {
  // The pass before may have died between the end of its rows and that of the documents that asked for them.
  if (claim.attempts > 1) yield* finishDeletions()
  const binding = yield* bindingOf(Number(claim.key))
  if (binding === null) return Next.Settled({})
  const located = yield* locate(binding, claim).pipe(
    Effect.tapError((error) => (wasNeverFound(binding) && !passes(error) ? endUnsent(binding, claim) : Effect.void))
  )
  const interval = yield* intervalOf(options, located)
  const seen = yield* look(binding, located, claim, interval)
  const view = yield* gather(options, binding, located, seen)
  const { held, plan } = withQuota(planZone(view), binding)
  const facts = seen.fresh ? listed(binding, seen, plan) : heldNews(binding, plan)
  yield* report.note(claim, binding.domainId, plan, view.now, facts)
  yield* publish(binding, plan, seen)

  const applied = yield* apply(targetOf(binding, located, claim, stopping, seen), plan.operations)
  // With each list also for what somebody did by SQL.
  if (seen.fresh || plan.gone.length + plan.operations.length > 0) yield* finishDeletions()
  if (applied.end !== "done") return Next.Recheck({ delay: Duration.zero })
  const wait = untilNextLook(view.now, seen.listedAt, interval, view.rows)
  return conclude(binding, view, plan, { ...applied, quotaExceeded: applied.quotaExceeded || held > 0 }, wait)
})

/** Before the first call about records the zone is written down: until then nothing of it is at any provider. */
const wasNeverFound = ({ boundTo, plan }: Binding) => boundTo === null && plan === null

/** Waiting is enough to find the zone; for all else a person has to do something, or never does. */
const passes = (error: Effect.Error<ReturnType<typeof locate>>) =>
  error._tag === "DnsProviderError" && error.reason._tag !== "Unauthorized"

/** No token and no zone are needed to know that what was never sent is not there: its deletion is over. */
const endUnsent = Effect.fn("dns.endUnsent")(function* ({ domainId }: Binding, claim: Pass["claim"]) {
  const { rows } = yield* rowsOf(domainId)
  const unsent = rows.filter(({ present, recordId }) => !present && recordId === "")
  if (unsent.length === 0) return
  yield* report.removed(claim, unsent)
  yield* finishDeletions()
})

/** Outages, rate limits and tokens delay the zone; no row is charged. */
const waits = Effect.fnUntraced(function* ({ message, reason }: DnsProviderError, claim: Pass["claim"]) {
  switch (reason._tag) {
    case "RateLimited":
      return yield* new NotYet({ reason: "RateLimited", message, after: reason.retryAfter })
    case "Unauthorized":
      return yield* new Blocked({ reason: "CredentialRejected", message, recheck: CREDENTIAL_RECHECK })
    case "ZoneMissing":
      // Without the hash of its token the zone is looked up by name again.
      yield* report.zoneFacts(
        claim,
        "zoneMissing",
        sql`update dns_zones set token_hash = '', list_wanted = true where domain_id = ${Number(claim.key)}`
      )
      return yield* new NotYet({ reason: "ZoneNotFound", message })
    case "Rejected":
    case "Unavailable":
      return yield* new NotYet({ reason: "ProviderUnavailable", message })
  }
})

const CREDENTIAL_RECHECK = Duration.minutes(1)

const intervalOf = Effect.fnUntraced(function* ({ interval }: DnsOptions, { account }: Located) {
  const { pages, ...quota } = yield* listingOf(account.tokenHash)
  return driftInterval(Duration.toMillis(interval), pages, quota)
})

interface Seen {
  readonly records: Map<string, Observed>
  readonly fresh: boolean
  readonly listedAt: number
  /** Strangers' records that the list before did not hold. */
  readonly added: number
  readonly pages: number
}

/** The records of the zone: the last list with the answers since, or a new one where that cannot be relied on. */
const look = Effect.fn("dns.look")(function* (
  binding: Binding,
  { account, zoneId }: Located,
  claim: Pass["claim"],
  interval: number
) {
  const cache = yield* ZoneCache
  const cached = cache.read(claim, zoneId)
  const { listedAt, listPages, listWanted, now } = binding
  if (cached !== undefined && !listWanted && listedAt !== null && now - listedAt < interval) {
    cache.write(claim, cached)
    return { records: cached.records, fresh: false, listedAt, added: 0, pages: listPages } satisfies Seen as Seen
  }
  const provider = yield* DnsProvider
  const list = (yield* provider.list(account, zoneId)).map(observe)
  const records = new Map(list.map((record) => [record.id, record]))
  cache.write(claim, { zoneId, records })
  const added =
    cached === undefined ? 0 : list.filter(({ id, instance }) => instance === null && !cached.records.has(id)).length
  const pages = Math.max(1, Math.ceil(list.length / provider.pageSize))
  return { records, fresh: true, listedAt: now, added, pages } satisfies Seen as Seen
})

const gather = Effect.fn("dns.gather")(function* (
  options: DnsOptions,
  binding: Binding,
  { plan, zoneType }: Located,
  seen: Seen
) {
  const known = yield* rowsOf(binding.domainId)
  return {
    zone: binding.domain,
    now: binding.now,
    instance: options.instance,
    ...known,
    observed: yield* withoutVoidMarks(options, binding, known, seen),
    fresh: seen.fresh,
    settings: {
      adoption: binding.adoption,
      retain: binding.deletionPolicy === "Retain",
      commentLimit: ["full", "partial"].includes(zoneType) ? (plan === "free" ? 100 : 500) : 0,
      leastTtl: plan === "enterprise" ? 30 : 60,
      maxDeletions: binding.maxDeletions,
      deletionsConfirmedAt: binding.deletionsConfirmedAt
    }
  } satisfies ZoneView as ZoneView
})

/** A mark that nothing else bears out may be of a record that a person let go of: it is a stranger's then. */
const withoutVoidMarks = Effect.fnUntraced(function* (
  { instance }: DnsOptions,
  { domain }: Binding,
  { ledger, tombstones }: Effect.Success<ReturnType<typeof rowsOf>>,
  { records }: Seen
) {
  const observed = [...records.values()]
  const known = new Set([...ledger, ...tombstones].map(({ recordId }) => recordId))
  const markedOnly = observed.filter((record) => record.instance === instance && !known.has(record.id))
  if (markedOnly.length === 0) return observed
  const abandoned = yield* abandonedOf(
    domain,
    markedOnly.map(({ id }) => id)
  )
  return observed.map((record) => (abandoned.has(record.id) ? { ...record, instance: null } : record))
})

/** While the zone's quota is used up, what needs room waits; all else goes on. */
const withQuota = (plan: Plan, { now, quotaUntil }: Binding) => {
  if (quotaUntil === null || quotaUntil <= now) return { plan, held: 0 }
  const operations = atomsOf(plan.operations)
    .filter((atom) => !grows(atom))
    .flat()
  return { plan: { ...plan, operations }, held: plan.operations.length - operations.length }
}

const listed = ({ domainId, now }: Binding, { pages, records }: Seen, plan: Plan) =>
  sql`with meta as (
      update domain_dns_zone_meta set last_sync_at = to_timestamp(${now}::float8 / 1000), last_error = ''
      where domain_id = ${domainId}
    )
    update dns_zones set list_pages = ${pages}, observed_records = ${records.size}, foreign_records = ${plan.foreign},
      last_list_at = to_timestamp(${now}::float8 / 1000), list_wanted = false, deletions_held = ${plan.deletionsHeld}
    where domain_id = ${domainId}`

/** Undefined while it is as it was. */
const heldNews = ({ deletionsHeld, domainId }: Binding, plan: Plan) =>
  deletionsHeld === plan.deletionsHeld
    ? undefined
    : sql`update dns_zones set deletions_held = ${plan.deletionsHeld} where domain_id = ${domainId}`

const publish = Effect.fnUntraced(function* ({ domain }: Binding, plan: Plan, { added }: Seen) {
  const metrics = yield* Metrics
  for (const kind of ["edited", "deleted", "added"]) metrics.dnsDrift.inc({ zone: domain, kind }, 0)
  for (const { kind, rows } of plan.drift) metrics.dnsDrift.inc({ zone: domain, kind }, Math.max(1, rows.length))
  if (added > 0) metrics.dnsDrift.inc({ zone: domain, kind: "added" }, added)
})

const targetOf = (
  binding: Binding,
  located: Located,
  claim: Pass["claim"],
  stopping: Pass["stopping"],
  seen: Seen
): Target => {
  const planLimit = binding.batchLimit ?? (located.plan === "free" ? 200 : 3500)
  return {
    claim,
    domainId: binding.domainId,
    zone: binding.domain,
    zoneId: located.zoneId,
    account: located.account,
    adoption: binding.adoption,
    planLimit,
    limit: Math.min(planLimit, binding.writeLimit ?? planLimit),
    failures: binding.writeFailures,
    fresh: seen.fresh,
    records: seen.records,
    stopping
  }
}

/** Converged when no row waits for anything; else the condition says for what. */
const conclude = (binding: Binding, view: ZoneView, plan: Plan, applied: Applied, wait: number): Next => {
  const delay = Duration.millis(applied.rejected ? Math.min(wait, FIRST_RETRY) : wait)
  const condition = conditionOf(binding, view, plan, applied)
  return condition === undefined ? Next.Settled({ again: delay }) : Next.Recheck({ delay, condition })
}

const conditionOf = ({ domainId }: Binding, view: ZoneView, plan: Plan, applied: Applied): Condition | undefined => {
  if (plan.deletionsHeld > 0) {
    const message =
      `${plan.deletionsHeld} deletions are more than maxDeletions (${view.settings.maxDeletions}) and wait: confirm them ` +
      `with POST /api/v1/domains/update {"id": ${domainId}, "confirmDeletions": true}, or ask for the records again`
    return { stalled: true, reason: "DeletionsHeld", message }
  }
  if (applied.quotaExceeded) {
    return { stalled: false, reason: "QuotaExceeded", message: "the zone's record quota is used up: creates wait" }
  }
  const waiting = [...plan.refusals.map(({ row }) => row), ...view.rows.filter((row) => isHeld(row, view.now))]
  if (waiting.length === 0 && !applied.rejected) return undefined
  const message = `${waiting.length === 0 ? "some" : waiting.length} records are rejected; each says why`
  return {
    stalled: waiting.length > 0 && waiting.every(({ rejection }) => rejection?.stopped === true),
    reason: "RecordsRejected",
    message
  }
}

/** Milliseconds: what was rejected just now is tried again then. */
const FIRST_RETRY = 60_000
