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
import { Metrics } from "../../metrics.ts"
import { retryDelay } from "./interval.ts"
import { type Operation, type Plan, rowsOf } from "./operation.ts"
import { type Observed, RETRY_LIMIT, type Row } from "./view.ts"

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
  const drifted = plan.drift.flatMap(({ rows }) => rows)
  const refusals = plan.refusals.filter(({ message, reason, row }) => isNews(row, reason, message, now))
  const steps: Array<Effect.Effect<void, DatabaseError, Database | Metrics>> = []
  if (drifted.length > 0) steps.push(run("dns.drifted", markDrifted(drifted)))
  if (plan.settled.length > 0) steps.push(settle(plan.settled))
  if (refusals.length > 0) {
    steps.push(reject(refusals.map(({ message, reason, row }) => ({ row, reason, message, counts: isDue(row, now) }))))
  }
  if (plan.gone.length > 0) steps.push(remove(plan.gone))
  if (plan.adopted.length > 0) {
    const answered = plan.adopted.flatMap(({ entry }) => entry?.id ?? [])
    if (answered.length > 0) steps.push(run("dns.ledger.answered", forget(answered)))
    steps.push(run("dns.ledger.adopted", enter(domainId, plan.adopted.map(({ record }) => record))))
  }
  if (plan.released.length > 0) steps.push(run("dns.ledger.released", forgetRecords(domainId, plan.released)))
  if (plan.vanished.length > 0) steps.push(run("dns.bury", bury(plan.vanished.map(({ id }) => id), true)))
  if (plan.clean.length > 0) steps.push(run("dns.tombstones.clean", clean(plan.clean.map(({ id }) => id), true)))
  const back = plan.reappeared.filter(({ cleanSince }) => cleanSince !== null)
  if (back.length > 0) steps.push(run("dns.tombstones.back", clean(back.map(({ id }) => id), false)))
  if (plan.over.length > 0) steps.push(run("dns.tombstones.over", drop(plan.over.map(({ id }) => id))))
  if (facts !== undefined) steps.push(run("dns.zone", facts))
  return steps.length === 0
    ? Effect.void
    : inOne(claim, "note", Effect.forEach(steps, (step) => step, { discard: true }))
}

/** A refusal is written once, and again when its next count is due or its words changed. */
const isNews = (row: Row, reason: string, message: string, now: number) =>
  row.rejection === null || row.rejection.reason !== reason || row.rejection.message !== shorten(message) || isDue(row, now)

const isDue = ({ rejection }: Row, now: number) =>
  rejection === null || (!rejection.stopped && (rejection.nextRetryAt ?? 0) <= now)

/** Before the call: what is about to be created stands in the ledger, and the work row says until when it may land. */
export const intend = (claim: Claim, domainId: number, operations: ReadonlyArray<Operation>, within: Duration.Duration): Report => {
  const posts = operations.flatMap((o) => (o._tag === "Post" ? [o.wanted] : []))
  const patched = operations.flatMap((o) => (o._tag === "Patch" ? [{ id: o.record.id, text: o.wanted.text }] : []))
  return inOne(
    claim,
    "intend",
    Effect.gen(function* () {
      if (posts.length > 0) {
        yield* run(
          "dns.ledger.intend",
          sql`insert into dns_ledger (domain_id, type, name, value)
            select ${domainId}, * from unnest(${posts.map((w) => w.type)}::text[], ${posts.map((w) => w.name)}::text[],
              ${posts.map((w) => w.text)}::text[])`
        )
      }
      if (patched.length > 0) {
        // The id is ours whichever value it ends up with.
        yield* run(
          "dns.ledger.patch",
          sql`update dns_ledger l set value = i.text
            from unnest(${patched.map((p) => p.id)}::text[], ${patched.map((p) => p.text)}::text[]) as i (id, text)
            where l.domain_id = ${domainId} and l.provider_record_id = i.id`
        )
      }
    }),
    { write: "opens", within }
  )
}

/** After the answer: what was asked for is so. */
export const accepted = (claim: Claim, domainId: number, operations: ReadonlyArray<Operation>, answer: BatchAnswer, observed: ReadonlyArray<Observed>, facts: ZoneFacts): Report => {
  const patches = operations.flatMap((o) => (o._tag === "Patch" ? o.wanted.rows.map((row) => ({ row, recordId: o.record.id })) : []))
  const created = operations.flatMap((o) => (o._tag === "Post" ? [o] : []))
  const posts = created.flatMap(({ wanted }, i) => wanted.rows.map((row) => ({ row, recordId: answer.posts[i]?.id ?? "" })))
  const leaving = operations.flatMap((o) => (o._tag === "Post" ? [] : o.leaving))
  const deleted = operations.flatMap((o) => (o._tag === "Delete" ? [o.record.id] : []))
  const released = operations.flatMap((o) => (o._tag === "Unmark" ? [o.record.id] : []))
  return inOne(
    claim,
    "accepted",
    Effect.gen(function* () {
      if (patches.length + posts.length > 0) yield* settle([...patches, ...posts])
      if (leaving.length > 0) yield* remove(leaving)
      if (created.length > 0) yield* run("dns.ledger.close", closeIntents(domainId, created.map(({ wanted }) => wanted)))
      if (observed.length > 0) yield* run("dns.ledger.enter", enter(domainId, observed))
      if (deleted.length > 0) yield* run("dns.bury", buryRecords(domainId, deleted))
      if (released.length > 0) yield* run("dns.ledger.released", forgetRecords(domainId, released))
      yield* run("dns.zone", facts)
    }),
    { write: "answered" }
  )
}

/** The provider refused: nothing was changed. The rows of `operations` are charged with it; none where it is not theirs. */
export const refused = (claim: Claim, domainId: number, operations: ReadonlyArray<Operation>, charge: { readonly reason: string; readonly message: string } | undefined, attempted: ReadonlyArray<Operation>, facts: ZoneFacts | undefined): Report =>
  inOne(
    claim,
    "refused",
    Effect.gen(function* () {
      const rows = [...new Set(operations.flatMap(rowsOf))]
      if (charge !== undefined && rows.length > 0) yield* reject(rows.map((row) => ({ row, ...charge, counts: true })))
      const posts = attempted.flatMap((o) => (o._tag === "Post" ? [o.wanted] : []))
      if (posts.length > 0) yield* run("dns.ledger.close", closeIntents(domainId, posts))
      if (facts !== undefined) yield* run("dns.zone", facts)
    }),
    { write: "answered" }
  )

/** Nobody knows what became of the write: intents stay open, and so does the window unless an answer came. */
export const unknown = (claim: Claim, operations: ReadonlyArray<Operation>, charge: { readonly reason: string; readonly message: string } | undefined, answered: boolean, facts: ZoneFacts | undefined): Report =>
  inOne(
    claim,
    "unknown",
    Effect.gen(function* () {
      const rows = [...new Set(operations.flatMap(rowsOf))]
      if (charge !== undefined && rows.length > 0) yield* reject(rows.map((row) => ({ row, ...charge, counts: true })))
      if (facts !== undefined) yield* run("dns.zone", facts)
    }),
    answered ? { write: "answered" } : { write: "unchanged" }
  )

/** Facts of the zone alone. */
export const zoneFacts = (claim: Claim, site: string, facts: ZoneFacts): Report => inOne(claim, site, run("dns.zone", facts))

const settle = Effect.fnUntraced(function* (settled: ReadonlyArray<{ readonly row: Row; readonly recordId: string }>) {
  const { query } = yield* Database
  const metrics = yield* Metrics
  const { rows } = yield* query("dns.settle", (db) =>
    sql<{ seconds: number | null }>`
      with input as (
        select * from unnest(${settled.map((s) => s.row.id)}::bigint[], ${settled.map((s) => s.row.generation)}::bigint[],
          ${settled.map((s) => s.recordId)}::text[]) as i (id, generation, record_id)
      ), held as (
        select r.id, r.observed_generation < i.generation and r.generation = i.generation as news
        from dns_records r join input i using (id) order by r.id for update of r
      )
      update dns_records r set
        observed_generation = greatest(r.observed_generation, i.generation), provider_record_id = i.record_id, drifted = false,
        rejected_generation = null, retry_count = 0, next_retry_at = null, retry_stopped = false, last_error = '', error_reason = null
      from input i join held using (id) where r.id = i.id and r.generation >= i.generation
      returning case when held.news then extract(epoch from driftless_now() - r.changed_at)::float8 end as seconds`.execute(db)
  )
  for (const { seconds } of rows) if (seconds !== null) metrics.convergence.observe({ kind: "DnsRecord" }, Math.max(0, seconds))
})

interface Charge {
  readonly row: Row
  readonly reason: string
  readonly message: string
  /** False renews the words without counting a retry. */
  readonly counts: boolean
}

const reject = Effect.fnUntraced(function* (charges: ReadonlyArray<Charge>) {
  const metrics = yield* Metrics
  const after = charges.map(({ counts, row }) => (row.rejection?.count ?? 0) + (counts ? 1 : 0))
  const delays = after.map(retryDelay)
  yield* run(
    "dns.reject",
    sql`with input as (
        select * from unnest(${charges.map((c) => c.row.id)}::bigint[], ${charges.map((c) => c.row.generation)}::bigint[],
          ${charges.map((c) => c.reason)}::text[], ${charges.map((c) => shorten(c.message))}::text[],
          ${charges.map((c) => c.counts)}::boolean[], ${after}::int[], ${delays.map((d) => (d === null ? null : d / 1000))}::float8[]
        ) as i (id, generation, reason, message, counts, count, delay)
      ), held as (select r.id from dns_records r join input i using (id) order by r.id for update of r)
      update dns_records r set
        rejected_generation = r.generation, error_reason = i.reason, last_error = i.message, retry_count = i.count,
        retry_stopped = i.count >= ${RETRY_LIMIT},
        next_retry_at = case when not i.counts then r.next_retry_at else driftless_now() + make_interval(secs => i.delay) end
      from input i join held using (id) where r.id = i.id and r.generation = i.generation`
  )
  for (const { counts, reason } of charges) if (counts) metrics.retries.inc({ reconciler: "dns", reason })
})

/** A row that was revived meanwhile stays, without the record that it had. */
const remove = Effect.fnUntraced(function* (gone: ReadonlyArray<Row>) {
  const metrics = yield* Metrics
  const { query } = yield* Database
  const ids = gone.map((row) => row.id)
  const generations = gone.map((row) => row.generation)
  const { rows } = yield* query("dns.remove", (db) =>
    sql<{ seconds: number }>`
      with input as (select * from unnest(${ids}::bigint[], ${generations}::bigint[]) as i (id, generation)),
      held as (select r.id, r.generation = i.generation and r.desired_state = 'absent' as same
        from dns_records r join input i using (id) order by r.id for update of r),
      revived as (update dns_records r set provider_record_id = '' from held where r.id = held.id and not held.same)
      delete from dns_records r using held where r.id = held.id and held.same
      returning extract(epoch from driftless_now() - r.changed_at)::float8 as seconds`.execute(db)
  )
  for (const { seconds } of rows) metrics.convergence.observe({ kind: "DnsRecord" }, Math.max(0, seconds))
})

const markDrifted = (rows: ReadonlyArray<Row>) =>
  sql`with held as (select id from dns_records where id = any(${rows.map(({ id }) => id)}::bigint[]) order by id for update)
    update dns_records r set drifted = true from held
    where r.id = held.id and not r.drifted and r.observed_generation = r.generation`

const enter = (domainId: number, records: ReadonlyArray<Observed>) =>
  sql`insert into dns_ledger (domain_id, provider_record_id, type, name, value)
    select ${domainId}, * from unnest(${records.map((r) => r.id)}::text[], ${records.map((r) => r.type)}::text[],
      ${records.map((r) => r.name)}::text[], ${records.map((r) => r.text)}::text[])
    on conflict (domain_id, provider_record_id) where provider_record_id is not null
    do update set type = excluded.type, name = excluded.name, value = excluded.value`

const closeIntents = (domainId: number, wanted: ReadonlyArray<{ readonly type: string; readonly name: string; readonly text: string }>) =>
  sql`delete from dns_ledger l using unnest(${wanted.map((w) => w.type)}::text[], ${wanted.map((w) => w.name)}::text[],
      ${wanted.map((w) => w.text)}::text[]) as i (type, name, text)
    where l.domain_id = ${domainId} and l.provider_record_id is null and l.type = i.type and l.name = i.name and l.value = i.text`

const forget = (ids: ReadonlyArray<number>) => sql`delete from dns_ledger where id = any(${ids}::bigint[])`

const forgetRecords = (domainId: number, recordIds: ReadonlyArray<string>) =>
  sql`delete from dns_ledger where domain_id = ${domainId} and provider_record_id = any(${recordIds}::text[])`

/** Ledger entries become tombstones. */
const bury = (ids: ReadonlyArray<number>, isClean: boolean) =>
  sql`with dead as (delete from dns_ledger where id = any(${ids}::bigint[]) returning *)
    insert into dns_tombstones (domain_id, provider_record_id, type, name, value, clean_since)
    select domain_id, provider_record_id, type, name, value, case when ${isClean} then driftless_now() end from dead`

const buryRecords = (domainId: number, recordIds: ReadonlyArray<string>) =>
  sql`with dead as (delete from dns_ledger
      where domain_id = ${domainId} and provider_record_id = any(${recordIds}::text[]) returning *),
    again as (delete from dns_tombstones t using dead
      where t.domain_id = dead.domain_id and t.provider_record_id = dead.provider_record_id)
    insert into dns_tombstones (domain_id, provider_record_id, type, name, value)
    select domain_id, provider_record_id, type, name, value from dead`

const clean = (ids: ReadonlyArray<number>, isClean: boolean) =>
  sql`update dns_tombstones set clean_since = case when ${isClean} then driftless_now() end where id = any(${ids}::bigint[])`

const drop = (ids: ReadonlyArray<number>) => sql`delete from dns_tombstones where id = any(${ids}::bigint[])`

/** What the column holds. */
const shorten = (message: string) => (message.length <= 255 ? message : `${message.slice(0, 254)}…`)
