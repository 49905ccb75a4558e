/** Reads what a pass of a zone needs from the database. Everything here only reads. */
import { Effect, Result, Schema } from "effect"
import { sql } from "kysely"
import { Database } from "../../database/database.ts"
import { RecordType } from "../../model/dns/record.ts"
import type { LedgerEntry, Row, Tombstone } from "./view.ts"

/** A domain with its binding, its credential and what is known of its zone. Times are milliseconds. */
export interface Binding {
  readonly domainId: number
  readonly domain: string
  readonly domainStatus: "active" | "inactive"
  readonly adoption: "Matching" | "Never"
  readonly deletionPolicy: "Delete" | "Retain"
  readonly maxDeletions: string | null
  readonly deletionsConfirmedAt: number | null
  /** Null while no provider is bound. */
  readonly bindingId: number | null
  readonly provider: string
  readonly zoneId: string
  readonly bindingStatus: "active" | "inactive"
  readonly batchLimit: number | null
  readonly boundTo: string | null
  readonly boundAccount: string | null
  readonly keyId: number
  readonly keyStatus: "active" | "inactive"
  readonly apiToken: string
  readonly tokenFrom: string | null
  /** Null until the zone was looked up. */
  readonly plan: string | null
  readonly zoneType: string
  readonly tokenHash: string
  readonly listPages: number
  readonly listedAt: number | null
  /** What stands at the provider is not certain: an answer said so, or never came. */
  readonly listWanted: boolean
  readonly writeFailures: number
  readonly writeLimit: number | null
  readonly quotaUntil: number | null
  readonly deletionsHeld: number
  readonly now: number
}

const millis = (column: string) => sql.raw(`(extract(epoch from ${column}) * 1000)::float8`)

/** Null when there is no such domain any more. */
export const bindingOf = Effect.fn("dns.bindingOf")(function* (domainId: number) {
  const { query } = yield* Database
  const { rows } = yield* query("dns.binding", (db) =>
    sql<Binding>`
      select d.id as "domainId", d.domain, d.status as "domainStatus", d.adoption, d.deletion_policy as "deletionPolicy",
        d.max_deletions as "maxDeletions", ${millis("d.deletions_confirmed_at")} as "deletionsConfirmedAt",
        p.id as "bindingId", coalesce(p.provider, '') as provider, coalesce(p.provider_zone_id, '') as "zoneId",
        coalesce(p.status, 'inactive') as "bindingStatus", p.batch_limit as "batchLimit", p.bound_to as "boundTo",
        p.bound_account as "boundAccount", coalesce(k.id, 0) as "keyId", coalesce(k.status, 'inactive') as "keyStatus",
        coalesce(k.api_token, '') as "apiToken", k.token_from as "tokenFrom",
        z.plan, coalesce(z.zone_type, 'full') as "zoneType", coalesce(z.token_hash, '') as "tokenHash",
        coalesce(z.list_pages, 1) as "listPages", ${millis("z.last_list_at")} as "listedAt",
        coalesce(z.list_wanted, true) or w.write_until is not null as "listWanted", coalesce(z.write_failures, 0) as "writeFailures",
        z.write_limit as "writeLimit", ${millis("z.quota_until")} as "quotaUntil", coalesce(z.deletions_held, 0) as "deletionsHeld", ${millis("driftless_now()")} as now
      from domains d
      left join domain_dns_providers p on p.domain_id = d.id
      left join api_keys k on k.id = p.api_key_id
      left join dns_zones z on z.domain_id = d.id
      left join reconcile_work w on w.reconciler = 'dns' and w.key = d.id::text
      where d.id = ${domainId}`.execute(db)
  )
  return rows[0] ?? null
})

interface RowFacts extends Omit<Row, "type" | "rejection"> {
  readonly type: string
  readonly rejectionReason: string | null
  readonly lastError: string
  readonly retryCount: number
  readonly nextRetryAt: number | null
  readonly retryStopped: boolean
}

/** All rows of a zone with the ledger and the tombstones. */
export const rowsOf = Effect.fn("dns.rowsOf")(function* (domainId: number) {
  const { query } = yield* Database
  const records = yield* query("dns.rows", (db) =>
    sql<RowFacts>`
      select id, type, name, value, ttl, proxied, comment, desired_state = 'present' as present, generation,
        observed_generation as "observedGeneration", ${millis("changed_at")} as "changedAt", drifted,
        provider_record_id as "recordId",
        case when rejected_generation = generation then coalesce(error_reason, 'RejectedByProvider') end as "rejectionReason",
        last_error as "lastError", retry_count as "retryCount", ${millis("next_retry_at")} as "nextRetryAt",
        retry_stopped as "retryStopped"
      from dns_records where domain_id = ${domainId} order by id`.execute(db)
  )
  const ledger = yield* query("dns.ledger", (db) =>
    sql<LedgerEntry>`select id, provider_record_id as "recordId", type, name, value as text
      from dns_ledger where domain_id = ${domainId}`.execute(db)
  )
  const tombstones = yield* query("dns.tombstones", (db) =>
    sql<Tombstone>`select id, provider_record_id as "recordId", type, name, value as text,
      ${millis("clean_since")} as "cleanSince" from dns_tombstones where domain_id = ${domainId}`.execute(db)
  )
  return { rows: records.rows.flatMap(rowOf), ledger: ledger.rows, tombstones: tombstones.rows }
})

/** Of these records of a zone those that a person let go of. */
export const abandonedOf = Effect.fn("dns.abandonedOf")(function* (domain: string, recordIds: ReadonlyArray<string>) {
  const { query } = yield* Database
  const { rows } = yield* query("dns.abandoned", (db) =>
    sql<{ id: string }>`select provider_record_id as id from dns_abandoned
      where domain = ${domain} and provider_record_id = any(${[...recordIds]}::text[])`.execute(db)
  )
  return new Set(rows.map(({ id }) => id))
})

const readType = Schema.decodeUnknownResult(RecordType)

const rowOf = (facts: RowFacts): ReadonlyArray<Row> => {
  const { lastError, nextRetryAt, rejectionReason, retryCount, retryStopped, type, ...row } = facts
  const read = readType(type)
  // A type that a newer program allowed: its rows are left to that program.
  if (Result.isFailure(read)) return []
  const rejection =
    rejectionReason === null
      ? null
      : { reason: rejectionReason, message: lastError, count: retryCount, nextRetryAt, stopped: retryStopped }
  return [{ ...row, type: read.success, rejection }]
}

/** Pages that all zones of a token take to list, and the token's rate limit as far as it is known. */
export const listingOf = Effect.fnUntraced(function* (tokenHash: string) {
  const { query } = yield* Database
  const { rows } = yield* query("dns.listing", (db) =>
    sql<{ pages: number; capacity: number; windowSeconds: number }>`
      select coalesce((select sum(list_pages) from dns_zones where token_hash = ${tokenHash}), 1)::int as pages,
        coalesce((select capacity from api_budgets where token_hash = ${tokenHash}), 1200) as capacity,
        coalesce((select window_seconds from api_budgets where token_hash = ${tokenHash}), 300) as "windowSeconds"`.execute(
      db
    )
  )
  return rows[0] ?? { pages: 1, capacity: 1200, windowSeconds: 300 }
})
