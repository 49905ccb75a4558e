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
    sql`delete from dns_records r using domains d
      where d.manifest_id = ${id} and r.domain_id = d.id and r.desired_state = 'absent'`,
  DnsRecord: (id) => sql`delete from dns_records where manifest_id = ${id}`
}

/** Part of the transaction of a pass. */
export const abandon = Effect.fn("manifests.abandon")(function* (kind: KindName, id: number) {
  const { query } = yield* Database
  yield* query("manifests.abandon", (db) => STATEMENTS[kind](id).execute(db))
  yield* finishDeletions()
})
