/** The statements of the ledger, the records at the provider that are ours, and of its tombstones. */
import { sql } from "kysely"
import type { LedgerEntry, Observed, Tombstone } from "./view.ts"

export const enter = (domainId: number, records: ReadonlyArray<Observed>) =>
  sql`insert into dns_ledger (domain_id, provider_record_id, type, name, value)
    select ${domainId}, * from unnest(${records.map((r) => r.id)}::text[], ${records.map((r) => r.type)}::text[],
      ${records.map((r) => r.name)}::text[], ${records.map((r) => r.text)}::text[])
    on conflict (domain_id, provider_record_id) where provider_record_id is not null
    do update set type = excluded.type, name = excluded.name, value = excluded.value`

interface Content {
  readonly type: string
  readonly name: string
  readonly text: string
}

const columns = (records: ReadonlyArray<Content>) =>
  sql`unnest(${records.map(({ type }) => type)}::text[], ${records.map(({ name }) => name)}::text[],
    ${records.map(({ text }) => text)}::text[])`

/** What is about to be created: an entry without an id. */
export const intend = (domainId: number, records: ReadonlyArray<Content>) =>
  sql`insert into dns_ledger (domain_id, type, name, value) select ${domainId}, * from ${columns(records)}`

/** Intents whose outcome is known. */
export const close = (domainId: number, records: ReadonlyArray<Content>) =>
  sql`delete from dns_ledger l using ${columns(records)} as i (type, name, text)
    where l.domain_id = ${domainId} and l.provider_record_id is null
      and l.type = i.type and l.name = i.name and l.value = i.text`

/** Before a patch: the id is ours whichever value it ends up with. */
export const rename = (
  domainId: number,
  patches: ReadonlyArray<{ readonly record: { readonly id: string }; readonly wanted: Content }>
) =>
  sql`update dns_ledger l set value = i.text
    from unnest(${patches.map((p) => p.record.id)}::text[], ${patches.map((p) => p.wanted.text)}::text[]) as i (id, text)
    where l.domain_id = ${domainId} and l.provider_record_id = i.id`

export const forget = (entries: ReadonlyArray<LedgerEntry>) =>
  sql`delete from dns_ledger where id = any(${entries.map(({ id }) => id)}::bigint[])`

export const release = (domainId: number, recordIds: ReadonlyArray<string>) =>
  sql`delete from dns_ledger where domain_id = ${domainId} and provider_record_id = any(${recordIds}::text[])`

/**
 * Ledger entries that a list does not hold become tombstones, of which that list is the first clean one. An intent
 * has one tombstone, however often it was sent in vain.
 */
export const bury = (entries: ReadonlyArray<LedgerEntry>) =>
  sql`with dead as (delete from dns_ledger where id = any(${entries.map(({ id }) => id)}::bigint[]) returning *),
    again as (delete from dns_tombstones t using dead where t.provider_record_id is null and dead.provider_record_id is null
      and (t.domain_id, t.type, t.name, t.value) = (dead.domain_id, dead.type, dead.name, dead.value))
    insert into dns_tombstones (domain_id, provider_record_id, type, name, value, clean_since)
    select domain_id, provider_record_id, type, name, value, driftless_now() from dead`

/** The provider has confirmed their deletion. */
export const buryDeleted = (domainId: number, recordIds: ReadonlyArray<string>) =>
  sql`with dead as (delete from dns_ledger
      where domain_id = ${domainId} and provider_record_id = any(${recordIds}::text[]) returning *),
    again as (delete from dns_tombstones t using dead
      where t.domain_id = dead.domain_id and t.provider_record_id = dead.provider_record_id)
    insert into dns_tombstones (domain_id, provider_record_id, type, name, value)
    select domain_id, provider_record_id, type, name, value from dead`

export const clean = (tombstones: ReadonlyArray<Tombstone>, isClean: boolean) =>
  sql`update dns_tombstones set clean_since = case when ${isClean} then driftless_now() end
    where id = any(${tombstones.map(({ id }) => id)}::bigint[])`

export const drop = (tombstones: ReadonlyArray<Tombstone>) =>
  sql`delete from dns_tombstones where id = any(${tombstones.map(({ id }) => id)}::bigint[])`
