/**
 * Letting an object go although the provider has not confirmed that what it made is gone: its rows are dropped and the
 * provider is left as it is. For a token that was revoked, or a zone that is gone for good.
 */
import { Effect } from "effect"
import { type RawBuilder, sql } from "kysely"
import { Database } from "../../../database/database.ts"
import type { KindName } from "../../../model/kinds/kinds.ts"
import { finishDeletions } from "./manifest-deletions.ts"

/**
 * Of a Domain also the records that are on their way out; those that are still asked for keep it. A Credential leaves
 * its domains without a provider.
 */
const STATEMENTS: { readonly [Kind in KindName]: (id: number) => RawBuilder<unknown> } = {
  Credential: (id) =>
    sql`delete from domain_dns_providers p using api_keys k where k.manifest_id = ${id} and p.api_key_id = k.id`,
  Domain: (id) =>
    dropped(sql`r.domain_id in (select id from domains where manifest_id = ${id}) and r.desired_state = 'absent'`),
  DnsRecord: (id) => dropped(sql`r.manifest_id = ${id}`)
}

/**
 * Their records are nobody's of ours any more: no ledger has them, and our mark, which nobody can take off now, is
 * void. Else they would be deleted as soon as the provider can be reached again.
 */
const dropped = (rows: RawBuilder<unknown>) => sql`
  with gone as (
    delete from dns_records r where ${rows} returning r.id, r.domain_id, r.provider_record_id
  ), released as (
    delete from dns_ledger l using gone g
    where l.domain_id = g.domain_id and l.provider_record_id = g.provider_record_id
      and not exists (select from dns_records r where r.domain_id = l.domain_id
        and r.provider_record_id = l.provider_record_id and r.id not in (select id from gone))
    returning l.domain_id, l.provider_record_id
  )
  insert into dns_abandoned (domain, provider_record_id)
  select d.domain, l.provider_record_id from released l join domains d on d.id = l.domain_id
  on conflict do nothing`

/** Part of the transaction of a pass. */
export const abandon = Effect.fn("manifests.abandon")(function* (kind: KindName, id: number) {
  const { query } = yield* Database
  yield* query("manifests.abandon", (db) => STATEMENTS[kind](id).execute(db))
  yield* finishDeletions()
})
