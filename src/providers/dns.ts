/**
 * The port to a DNS provider: find a zone, list its records, change many records in one call.
 *
 * A failure says what the caller may conclude from it. Only `Rejected` says that nothing was changed and that
 * sending the same again is useless; `Unavailable` says that nobody knows.
 */
import { Context, type Duration, type Effect, type Redacted, Schema } from "effect"
import type { ApiValue } from "../model/dns/value.ts"
import type { RecordType } from "../model/dns/record.ts"

/** No call may start before `retryAfter`: the provider said so, or our share of its budget is used up. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  retryAfter: Schema.Duration,
  message: Schema.String
}) {}
/** The token is not good (any more), or may not do this. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { message: Schema.String }) {}
/** The provider read the request and refused it; nothing was changed. `code` is the vendor's. */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", {
  code: Schema.Int,
  message: Schema.String
}) {}
/** No zone with that id. */
export class ZoneMissing extends Schema.TaggedError<ZoneMissing>()("ZoneMissing", { message: Schema.String }) {}
/** An outage, a lost answer, a timeout. A write may have been made, or may still be. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", {
  message: Schema.String,
  /** True when an answer came: then nothing is under way any more. */
  answered: Schema.Boolean
}) {}

export class DnsProviderError extends Schema.TaggedError<DnsProviderError>()("DnsProviderError", {
  reason: Schema.Union([RateLimited, Unauthorized, Rejected, ZoneMissing, Unavailable])
}) {
  override get message() {
    return this.reason.message
  }
}

export interface Account {
  readonly token: Redacted.Redacted<string>
  /** Keyed hash of the token: the budget belongs to the token, not to the row that holds it. */
  readonly tokenHash: string
  /** Of the API; undefined takes the provider's public one. */
  readonly baseUrl: string | undefined
}

export interface Zone {
  readonly id: string
  /** Punycode, lower case, no last dot. */
  readonly name: string
  readonly account: string
  readonly plan: "free" | "pro" | "business" | "enterprise"
  /** `full`, `partial`, `secondary` or `internal`; only the first two have comments. */
  readonly type: string
  readonly nameServers: ReadonlyArray<string>
}

/** A record as the provider writes it. */
export interface ProviderRecord {
  readonly id: string
  readonly type: string
  /** Complete, lower case. */
  readonly name: string
  readonly content: string | undefined
  readonly data: unknown
  readonly priority: number | null | undefined
  /** Seconds; 1 is automatic. */
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  /** Kept by the provider itself: any change would be refused. */
  readonly readOnly: boolean
}

/** A record to be written whole. */
export interface RecordWrite {
  readonly type: RecordType
  /** Complete. */
  readonly name: string
  readonly value: ApiValue
  readonly ttl: number
  /** Undefined for types that cannot be proxied. */
  readonly proxied: boolean | undefined
  /** Undefined leaves the comment alone. */
  readonly comment: string | undefined
}

/** Applied in this order, all or nothing. */
export interface Batch {
  readonly deletes: ReadonlyArray<string>
  /** What a patch leaves out stays as it is. */
  readonly patches: ReadonlyArray<{ readonly id: string; readonly write: Partial<RecordWrite> }>
  readonly posts: ReadonlyArray<RecordWrite>
}

/** Records as they are after the batch, in the order of the request. */
export interface BatchAnswer {
  readonly patches: ReadonlyArray<ProviderRecord>
  readonly posts: ReadonlyArray<ProviderRecord>
}

/** Good for a call that starts within a second of it; a later one takes another. */
export interface Permit {
  /** Of `monotonicMillis`. */
  readonly takenAt: number
}

export class DnsProvider extends Context.Service<
  DnsProvider,
  {
    /** The zone of that name, the one with `preferredId` where there are several; null where this token sees none. */
    findZone(account: Account, name: string, preferredId: string): Effect.Effect<Zone | null, DnsProviderError>
    /** All records, of every type. */
    list(account: Account, zoneId: string): Effect.Effect<ReadonlyArray<ProviderRecord>, DnsProviderError>
    /** Leave to make one call; a batch takes it beforehand, so that nothing is announced that may not be sent. */
    permit(account: Account): Effect.Effect<Permit, DnsProviderError>
    /** Waits no longer than `timeout` for the answer. */
    batch(
      account: Account,
      zoneId: string,
      batch: Batch,
      options: { readonly permit: Permit; readonly timeout: Duration.Duration }
    ): Effect.Effect<BatchAnswer, DnsProviderError>
    /** Records of one page of a list: what `list` costs is the number of pages. */
    readonly pageSize: number
  }
>()("driftless/providers/DnsProvider") {}
