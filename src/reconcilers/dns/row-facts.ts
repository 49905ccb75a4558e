/** What becomes of rows: settled, rejected, drifted or gone, each only for the generation that was looked at. */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../database/database.ts"
import { Metrics } from "../../metrics.ts"
import type { Reason } from "../../model/reasons.ts"
import { retryDelay } from "./interval.ts"
import { RETRY_LIMIT, type Row } from "./view.ts"

/**
 * Locks all rows that a transaction is about to write, in id order. Where several statements write some each, two that
 * meet would else hold what the other waits for.
 */
export const lock = Effect.fnUntraced(function* (written: ReadonlyArray<Row>) {
  const { query } = yield* Database
  yield* query("dns.lock", (db) =>
    sql`select from dns_records where id = any(${written.map(({ id }) => id)}::bigint[]) order by id for update`.execute(
      db
    )
  )
})

export const settle = Effect.fnUntraced(function* (
  settled: ReadonlyArray<{ readonly row: Row; readonly recordId: string }>
) {
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
      returning case when held.news then extract(epoch from driftless_now() - r.changed_at)::float8 end as seconds`.execute(
      db
    )
  )
  for (const { seconds } of rows)
    if (seconds !== null) metrics.convergence.observe({ kind: "DnsRecord" }, Math.max(0, seconds))
})

interface Charge {
  readonly row: Row
  readonly reason: Reason
  readonly message: string
  /** False renews the words without counting a retry. */
  readonly counts: boolean
}

export const reject = Effect.fnUntraced(function* (charges: ReadonlyArray<Charge>) {
  const metrics = yield* Metrics
  const after = charges.map(({ counts, row }) => (row.rejection?.count ?? 0) + (counts ? 1 : 0))
  const delays = after.map(retryDelay)
  const { query } = yield* Database
  yield* query("dns.reject", (db) =>
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
      from input i join held using (id) where r.id = i.id and r.generation = i.generation`.execute(db)
  )
  for (const { counts, reason } of charges) if (counts) metrics.retries.inc({ reconciler: "dns", reason })
})

/** A row that was revived meanwhile stays, without the record that it had. */
export const remove = Effect.fnUntraced(function* (gone: ReadonlyArray<Row>) {
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

export const markDrifted = Effect.fnUntraced(function* (drifted: ReadonlyArray<Row>) {
  const { query } = yield* Database
  yield* query("dns.drifted", (db) =>
    sql`with held as (
        select id from dns_records where id = any(${drifted.map(({ id }) => id)}::bigint[]) order by id for update)
      update dns_records r set drifted = true from held
      where r.id = held.id and not r.drifted and r.observed_generation = r.generation`.execute(db)
  )
})

/** What the column holds. */
export const shorten = (message: string) => (message.length <= 255 ? message : `${message.slice(0, 254)}…`)
