/**
 * Forgets which zone a domain was bound to, so that it can move to another provider or account. The ledger of the old
 * zone must never meet the new one: an id in it could be anybody's there.
 */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"

/** Inside the transaction of the change. What the old zone holds stays there, and is nobody's. */
export const forgetZone = Effect.fnUntraced(function* (domainId: number) {
  const { query } = yield* Database
  yield* query("rebind.binding", (db) =>
    db
      .updateTable("domain_dns_providers")
      .set({ provider_zone_id: "", bound_to: null, bound_account: null })
      .where("domain_id", "=", domainId)
      .execute()
  )
  // None of them was confirmed in the new zone, so none may show as active.
  yield* query("rebind.records", (db) =>
    sql`with held as (select id from dns_records where domain_id = ${domainId} order by id for update)
      update dns_records r set provider_record_id = '', drifted = false, generation = r.generation + 1
      from held where r.id = held.id`.execute(db)
  )
  for (const table of ["dns_ledger", "dns_tombstones", "dns_zones"] as const) {
    yield* query("rebind.forget", (db) => db.deleteFrom(table).where("domain_id", "=", domainId).execute())
  }
  // A pass in flight still believes in the old ledger: it loses the zone here. Work rows are locked last.
  yield* query("rebind.fence", (db) =>
    sql`update reconcile_work set
        owner = null, fence = fence + 1, due_at = greatest(driftless_now(), write_until)
      where reconciler = 'dns' and key = ${String(domainId)}`.execute(db)
  )
})
