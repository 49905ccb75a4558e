/** What one pass of a zone knows: the rows that ask, what stands at the provider, and what is known to be ours. Pure. */
import { Result } from "effect"
import type { Reason } from "../../model/reasons.ts"
import { readComment } from "../../model/dns/comment.ts"
import { observedHost } from "../../model/dns/names.ts"
import { RecordType } from "../../model/dns/record.ts"
import { canonicalText, parseObserved } from "../../model/dns/value.ts"

/** A row of `dns_records`. Times are milliseconds of the database's clock. */
export interface Row {
  readonly id: number
  readonly type: RecordType
  /** Relative, as the row holds it. */
  readonly name: string
  readonly value: string
  readonly ttl: number
  readonly proxied: boolean
  /** Null leaves the text of the comment at the provider alone. */
  readonly comment: string | null
  readonly present: boolean
  readonly generation: number
  readonly observedGeneration: number
  readonly changedAt: number
  readonly drifted: boolean
  readonly recordId: string
  /** Of this generation; a rejection of an older one is gone with it. */
  readonly rejection: Rejection | null
}

export interface Rejection {
  readonly reason: string
  readonly message: string
  readonly count: number
  readonly nextRetryAt: number | null
  readonly stopped: boolean
}

/** A record at the provider in our terms. */
export interface Observed {
  readonly id: string
  readonly type: string
  readonly name: string
  /** Canonical text; for what cannot be read, the provider's own, which equals nothing that can be asked for. */
  readonly text: string
  readonly ttl: number
  readonly proxied: boolean
  /** Whose mark the comment carries. */
  readonly instance: string | null
  /** The comment without the mark. */
  readonly comment: string
  readonly readOnly: boolean
}

/** A record that is ours by the ledger; without `recordId` an intent whose outcome is not known yet. */
export interface LedgerEntry {
  readonly id: number
  readonly recordId: string | null
  readonly type: string
  readonly name: string
  readonly text: string
}

/** A record that was deleted and must not come back. */
export interface Tombstone extends LedgerEntry {
  readonly cleanSince: number | null
}

export interface ZoneView {
  /** Punycode, without a last dot. */
  readonly zone: string
  readonly now: number
  /** 12 hexadecimal characters: ours is what carries them. */
  readonly instance: string
  readonly rows: ReadonlyArray<Row>
  readonly observed: ReadonlyArray<Observed>
  /** True when `observed` was listed in this pass, and so says what is absent too. */
  readonly fresh: boolean
  readonly ledger: ReadonlyArray<LedgerEntry>
  readonly tombstones: ReadonlyArray<Tombstone>
  readonly settings: ZoneSettings
}

export interface ZoneSettings {
  readonly adoption: "Matching" | "Never"
  readonly retain: boolean
  /** Characters a comment may have; 0 where comments cannot be had. */
  readonly commentLimit: number
  /** Least ttl of the zone's plan, in seconds. */
  readonly leastTtl: number
  readonly maxDeletions: string | null
  readonly deletionsConfirmedAt: number | null
}

/** Two records are the same record when this is equal. */
export const keyOf = (type: string, name: string, text: string): string => `${type} ${name} ${text}`

/** Where a set of records stands; a value may be turned into another there. */
export const placeOf = (type: string, name: string): string => `${type} ${name}`

/** What a provider returned, in our terms; records of other types are seen, and belong to others. */
export const observe = (record: {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly content: string | undefined
  readonly data: unknown
  readonly priority: number | null | undefined
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  readonly readOnly: boolean
}): Observed => {
  const { comment, content, data, id, name, priority, proxied, readOnly, ttl, type } = record
  const raw = content ?? JSON.stringify(data ?? "")
  const value = isRecordType(type)
    ? parseObserved(type, {
        ...(content === undefined ? {} : { content }),
        ...(data === undefined ? {} : { data }),
        ...(priority === undefined ? {} : { priority })
      })
    : undefined
  const marked = readComment(comment)
  return {
    id,
    type,
    name: observedHost(name),
    text: value === undefined || Result.isFailure(value) ? raw : canonicalText(value.success),
    ttl,
    proxied,
    instance: marked.instance,
    comment: marked.text,
    readOnly
  }
}

const TYPES: ReadonlySet<string> = new Set(RecordType.literals)
const isRecordType = (type: string): type is RecordType => TYPES.has(type)

/** Words for what our own plan refuses. Planned anew on each pass, since that costs no call. */
export const PLAN_REASONS = [
  "InvalidRecord",
  "Conflict",
  "HeldBySomeoneElse",
  "ReservedByProvider"
] as const satisfies ReadonlyArray<Reason>
export type PlanReason = (typeof PLAN_REASONS)[number]

/** True while the provider's rejection of this generation says to wait, or to wait for a person. */
export const isHeld = (row: Row, now: number): boolean =>
  row.rejection !== null &&
  !PLAN_REASONS.some((reason) => reason === row.rejection?.reason) &&
  (row.rejection.stopped || (row.rejection.nextRetryAt ?? 0) > now)

/** Rejected ten times, a row waits for a person. */
export const RETRY_LIMIT = 10
