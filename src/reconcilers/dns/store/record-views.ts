/** Records as they are shown. Their status is computed by the view, never stored. */
import { Effect } from "effect"
import { Database } from "../../../database/database.ts"
import { offsetOf, type PageRequest } from "./pages.ts"
import { notFound } from "./refusal.ts"

export interface RecordView {
  readonly id: number
  readonly domainId: number
  readonly type: string
  /** Relative to the zone: `@`, `www`. */
  readonly name: string
  readonly value: string
  /** Seconds; 1 is automatic. */
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  readonly status: "pending" | "running" | "active" | "error"
  readonly desiredState: "present" | "absent"
  readonly providerRecordId: string
  readonly lastError: string
  readonly errorReason: string | null
  readonly retryCount: number
  readonly nextRetryAt: string | null
  readonly retryStopped: boolean
  readonly drifted: boolean
  readonly generation: number
  readonly observedGeneration: number
  readonly ownerType: string
  readonly ownerId: number
  readonly createdAt: string
  readonly updatedAt: string
}

export interface RecordFilter {
  readonly domainId?: number
  readonly status?: RecordView["status"]
  readonly ownerType?: string
  readonly ownerId?: number
}

export const get = Effect.fn("records.get")(function* (id: number) {
  const { query } = yield* Database
  const row = yield* query("records.get", (db) =>
    db.selectFrom("domain_dns_records").selectAll().where("id", "=", id).executeTakeFirst()
  )
  return row === undefined ? yield* notFound(`record ${id}`) : shown(row)
})

/** The newest first. */
export const list = Effect.fn("records.list")(function* (filter: RecordFilter, page: PageRequest) {
  const { query } = yield* Database
  const conditions = Object.entries({
    domain_id: filter.domainId,
    status: filter.status,
    owner_type: filter.ownerType,
    owner_id: filter.ownerId
  }).flatMap(([column, value]) => (value === undefined ? [] : [[column, value] as const]))
  const wanted = Object.fromEntries(conditions)
  const { total } = yield* query("records.count", (db) =>
    db
      .selectFrom("domain_dns_records")
      .select((eb) => eb.fn.countAll<number>().as("total"))
      .where((eb) => eb.and(wanted))
      .executeTakeFirstOrThrow()
  )
  const rows = yield* query("records.list", (db) =>
    db
      .selectFrom("domain_dns_records")
      .selectAll()
      .where((eb) => eb.and(wanted))
      .orderBy("id", "desc")
      .limit(page.pageSize)
      .offset(offsetOf(page))
      .execute()
  )
  return { ...page, total, list: rows.map(shown) }
})

interface Row {
  readonly id: number
  readonly domain_id: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  readonly status: RecordView["status"]
  readonly desired_state: "present" | "absent"
  readonly provider_record_id: string
  readonly last_error: string
  readonly error_reason: string | null
  readonly retry_count: number
  readonly next_retry_at: Date | null
  readonly retry_stopped: boolean
  readonly drifted: boolean
  readonly generation: number
  readonly observed_generation: number
  readonly owner_type: string
  readonly owner_id: number
  readonly created_at: Date
  readonly updated_at: Date
}

const shown = (row: Row): RecordView => ({
  id: row.id,
  domainId: row.domain_id,
  type: row.type,
  name: row.name,
  value: row.value,
  ttl: row.ttl,
  proxied: row.proxied,
  comment: row.comment,
  status: row.status,
  desiredState: row.desired_state,
  providerRecordId: row.provider_record_id,
  lastError: row.last_error,
  errorReason: row.error_reason,
  retryCount: row.retry_count,
  nextRetryAt: row.next_retry_at?.toISOString() ?? null,
  retryStopped: row.retry_stopped,
  drifted: row.drifted,
  generation: row.generation,
  observedGeneration: row.observed_generation,
  ownerType: row.owner_type,
  ownerId: row.owner_id,
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString()
})
