/** The tables as Kysely sees them. `migrations/` is the source; the two change in the same commit. */
import type { ColumnType, Generated } from "kysely"

/** Read as a `Date`; written as a `Date` or left to its default. */
type Time = ColumnType<Date, Date | undefined, Date>
type NullableTime = ColumnType<Date | null, Date | null | undefined, Date | null>

export interface InstanceTable {
  readonly singleton: Generated<boolean>
  readonly instance_id: string | null
  readonly key_fingerprint: string | null
  readonly oldest_program: Generated<string>
  readonly boot: Generated<number>
  readonly quickstart: Generated<boolean>
}

export interface WorkTable {
  readonly reconciler: string
  readonly key: string
  readonly generation: Generated<number>
  readonly observed: Generated<number>
  readonly priority: Generated<number>
  readonly due_at: Time
  readonly owner: string | null
  readonly claimed_at: NullableTime
  readonly fence: Generated<number>
  readonly epoch: Generated<string>
  readonly attempts: Generated<number>
  readonly write_until: NullableTime
}

export interface ConditionsTable {
  readonly reconciler: string
  readonly key: string
  readonly stalled: boolean
  readonly reason: string
  readonly message: string
  readonly observed_generation: number
  readonly since: Time
}

export interface TokensTable {
  readonly id: Generated<number>
  readonly name: string
  readonly role: "admin" | "operator" | "viewer"
  readonly token_hash: string
  readonly created_at: Time
}

export interface ManifestsTable {
  readonly id: Generated<number>
  readonly kind: string
  readonly namespace: Generated<string>
  readonly name: string
  /** JSON text on the way in, parsed on the way out. */
  readonly spec: ColumnType<Readonly<Record<string, unknown>>, string, string>
  /** Labels and annotations; JSON text on the way in. */
  readonly metadata: ColumnType<Readonly<Record<string, unknown>>, string | undefined, string>
  readonly generation: Generated<number>
  readonly deleted_at: NullableTime
  readonly created_at: Time
  readonly updated_at: Time
}

export interface ApiKeysTable {
  readonly id: Generated<number>
  readonly name: string
  readonly provider: Generated<string>
  readonly account: Generated<string>
  readonly api_token: Generated<string>
  readonly token_from: string | null
  readonly status: Generated<"active" | "inactive">
  readonly manifest_id: number | null
  readonly created_at: Time
  readonly updated_at: Time
}

export interface DomainsTable {
  readonly id: Generated<number>
  readonly domain: string
  readonly purpose: Generated<"unset" | "cdn" | "general">
  readonly status: Generated<"active" | "inactive">
  readonly adoption: Generated<"Matching" | "Never">
  readonly deletion_policy: Generated<"Delete" | "Retain">
  readonly max_deletions: string | null
  readonly deletions_confirmed_at: NullableTime
  readonly manifest_id: number | null
  readonly created_at: Time
  readonly updated_at: Time
}

export interface DomainDnsProvidersTable {
  readonly id: Generated<number>
  readonly domain_id: number
  readonly provider: Generated<string>
  readonly provider_zone_id: Generated<string>
  readonly api_key_id: number
  readonly status: Generated<"active" | "inactive">
  readonly batch_limit: number | null
  readonly bound_to: string | null
  readonly bound_account: string | null
  readonly created_at: Time
  readonly updated_at: Time
}

export interface ZoneMetaTable {
  readonly domain_id: number
  readonly name_servers_json: ColumnType<ReadonlyArray<string>, string, string>
  readonly last_sync_at: NullableTime
  readonly last_error: Generated<string>
}

export interface ZonesTable {
  readonly domain_id: number
  readonly plan: Generated<string>
  readonly zone_type: Generated<string>
  readonly token_hash: Generated<string>
  readonly list_pages: Generated<number>
  readonly observed_records: Generated<number>
  readonly foreign_records: Generated<number>
  readonly last_list_at: NullableTime
  readonly list_wanted: Generated<boolean>
  readonly write_failures: Generated<number>
  readonly write_limit: number | null
  readonly quota_until: NullableTime
  readonly deletions_held: Generated<number>
}

interface RecordFacts {
  readonly id: Generated<number>
  readonly domain_id: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly ttl: Generated<number>
  readonly proxied: Generated<boolean>
  readonly comment: string | null
  readonly desired_state: Generated<"present" | "absent">
  readonly provider_record_id: Generated<string>
  readonly generation: Generated<number>
  readonly observed_generation: Generated<number>
  readonly drifted: Generated<boolean>
  readonly retry_count: Generated<number>
  readonly next_retry_at: NullableTime
  readonly retry_stopped: Generated<boolean>
  readonly last_error: Generated<string>
  readonly error_reason: string | null
  readonly owner_type: Generated<string>
  readonly owner_id: Generated<number>
  readonly manifest_id: number | null
  readonly created_at: Time
  readonly updated_at: Time
}

export interface RecordsTable extends RecordFacts {
  readonly value_hash: Generated<Uint8Array>
  readonly changed_at: Time
  readonly rejected_generation: number | null
  readonly derived: Generated<boolean>
}

/** The view under the seed's name: the same facts with the status computed. */
export interface RecordsView extends RecordFacts {
  readonly status: "pending" | "running" | "active" | "error"
}

export interface LedgerTable {
  readonly id: Generated<number>
  readonly domain_id: number
  readonly provider_record_id: string | null
  readonly type: string
  readonly name: string
  readonly value: string
  readonly intended_at: Time
}

export interface TombstonesTable {
  readonly id: Generated<number>
  readonly domain_id: number
  readonly provider_record_id: string | null
  readonly type: string
  readonly name: string
  readonly value: string
  readonly buried_at: Time
  readonly clean_since: NullableTime
}

export interface BudgetsTable {
  readonly token_hash: string
  readonly capacity: Generated<number>
  readonly window_seconds: Generated<number>
  readonly used: Generated<number>
  readonly window_ends_at: Time
  readonly blocked_until: NullableTime
  readonly next_at: NullableTime
}

export interface Tables {
  readonly driftless_instance: InstanceTable
  readonly reconcile_work: WorkTable
  readonly reconcile_conditions: ConditionsTable
  readonly api_tokens: TokensTable
  readonly manifests: ManifestsTable
  readonly api_keys: ApiKeysTable
  readonly domains: DomainsTable
  readonly domain_dns_providers: DomainDnsProvidersTable
  readonly domain_dns_zone_meta: ZoneMetaTable
  readonly dns_zones: ZonesTable
  readonly dns_records: RecordsTable
  readonly domain_dns_records: RecordsView
  readonly dns_ledger: LedgerTable
  readonly dns_tombstones: TombstonesTable
  readonly api_budgets: BudgetsTable
}
