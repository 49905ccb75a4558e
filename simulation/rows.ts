/** Rows of the tables that are watched, as the audit triggers tell them. */
import type { Row } from "./store.ts"

export interface WorkRow {
  readonly key: string
  readonly generation: number
  readonly observed: number
  readonly priority: number
  readonly owner: string | null
  readonly fence: number
  readonly epoch: string
  readonly due: number
  readonly writeUntil: number
  /** Claims since the last success. */
  readonly attempts: number
}

export interface RecordRow {
  readonly id: number
  readonly domainId: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  readonly present: boolean
  readonly generation: number
  readonly observed: number
  readonly drifted: boolean
  readonly changedAt: number
  readonly rejected: boolean
  readonly stopped: boolean
  readonly retryCount: number
  readonly nextRetryAt: number
  readonly reason: string
  /** At the provider; empty until it is known. */
  readonly recordId: string
  /** Of the object that asks for it. */
  readonly manifestId: number | undefined
  readonly ownerId: number
}

export interface LedgerRow {
  readonly id: number
  readonly domainId: number
  readonly recordId: string | null
  readonly type: string
  readonly name: string
  readonly value: string
}

const time = (value: unknown) => (typeof value === "string" ? Date.parse(value) : 0)
export const text = (value: unknown) => (typeof value === "string" ? value : "")

export const workOf = (row: Row): WorkRow => ({
  key: text(row["key"]),
  generation: Number(row["generation"]),
  observed: Number(row["observed"]),
  priority: Number(row["priority"]),
  owner: typeof row["owner"] === "string" ? row["owner"] : null,
  fence: Number(row["fence"]),
  epoch: text(row["epoch"]),
  due: time(row["due_at"]),
  writeUntil: time(row["write_until"]),
  attempts: Number(row["attempts"])
})

export const recordOf = (row: Row): RecordRow => ({
  id: Number(row["id"]),
  domainId: Number(row["domain_id"]),
  type: text(row["type"]),
  name: text(row["name"]),
  value: text(row["value"]),
  ttl: Number(row["ttl"]),
  proxied: row["proxied"] === true,
  comment: typeof row["comment"] === "string" ? row["comment"] : null,
  present: row["desired_state"] === "present",
  generation: Number(row["generation"]),
  observed: Number(row["observed_generation"]),
  drifted: row["drifted"] === true,
  changedAt: time(row["changed_at"]),
  rejected: row["rejected_generation"] !== null && row["rejected_generation"] === row["generation"],
  stopped: row["retry_stopped"] === true,
  retryCount: Number(row["retry_count"]),
  nextRetryAt: time(row["next_retry_at"]),
  reason: text(row["error_reason"]),
  recordId: text(row["provider_record_id"]),
  manifestId: typeof row["manifest_id"] === "number" ? row["manifest_id"] : undefined,
  ownerId: Number(row["owner_id"])
})

export const ledgerOf = (row: Row): LedgerRow => ({
  id: Number(row["id"]),
  domainId: Number(row["domain_id"]),
  recordId: typeof row["provider_record_id"] === "string" ? row["provider_record_id"] : null,
  type: text(row["type"]),
  name: text(row["name"]),
  value: text(row["value"])
})

/** Because a stranger or an older row has it, which is as it should be. */
export const isRefused = (row: RecordRow) => row.rejected && ["HeldBySomeoneElse", "Conflict"].includes(row.reason)
