/**
 * The end of a deletion: an object whose deletion was asked for goes when nothing of it is left. Called in the
 * transaction of whatever lets go of something, and after each pass of a zone that listed it or changed it.
 */
import { Effect } from "effect"
import { type RawBuilder, sql } from "kysely"
import { Database } from "../../../database/database.ts"
import type { KindName } from "../../../model/kinds/kinds.ts"
import { exists } from "./manifest-table.ts"

/** Also one that asks for absence alone, and so has no rows left, refers to its domain: it may ask for more again. */
const isReferredTo = sql`exists (select from manifests r where r.kind = 'DnsRecord' and r.namespace = m.namespace
  and r.spec->'domainRef'->>'name' = m.name)`

/** Locked in the order of their ids: many passes see the same end at once, and each would take all of them. */
const ended = (kind: KindName, isOver: RawBuilder<unknown>) => sql`
  with ended as (
    select m.id from manifests m where m.kind = ${kind} and m.deleted_at is not null and ${isOver}
    order by m.id for update
  )
  delete from manifests m using ended where m.id = ended.id`

/** In the order in which they wait for each other: records, their domains, the credentials of those. */
const STATEMENTS = [
  ended("DnsRecord", sql`not exists (select from dns_records r where r.manifest_id = m.id)`),
  sql`delete from domains d using manifests m where m.id = d.manifest_id and m.kind = 'Domain'
    and m.deleted_at is not null and not ${isReferredTo}
    and not exists (select from dns_records r where r.domain_id = d.id)`,
  ended("Domain", sql`not ${isReferredTo} and not exists (select from domains d where d.manifest_id = m.id)`),
  sql`delete from api_keys k using manifests m where m.id = k.manifest_id and m.kind = 'Credential'
    and m.deleted_at is not null and not exists (select from domain_dns_providers p where p.api_key_id = k.id)`,
  ended("Credential", sql`not exists (select from api_keys k where k.manifest_id = m.id)`)
]

export const finishDeletions = Effect.fn("manifests.finishDeletions")(function* () {
  const { query, transaction } = yield* Database
  yield* transaction(
    "manifests.finishDeletions",
    Effect.gen(function* () {
      const { rows } = yield* query("manifests.deleted", (db) =>
        sql`select from manifests where deleted_at is not null limit 1`.execute(db)
      )
      if (rows.length === 0) return
      for (const statement of STATEMENTS) yield* query("manifests.finish", (db) => statement.execute(db))
    })
  )
})

/**
 * The same after the deletion of one object was asked for; answers whether it is gone. While something of it is left,
 * nothing has come to its end by it, and of many that are deleted together each would look at all of them. With nothing
 * left it may still be kept, by what refers to it.
 */
export const finishDeletion = Effect.fn("manifests.finishDeletion")(function* (id: number) {
  const { query } = yield* Database
  const { rows } = yield* query("manifests.left", (db) =>
    sql<{ isLeft: boolean }>`select exists (select from dns_records where manifest_id = ${id})
      or exists (select from domains d join dns_records r on r.domain_id = d.id where d.manifest_id = ${id})
      or exists (select from api_keys k join domain_dns_providers p on p.api_key_id = k.id where k.manifest_id = ${id})
      as "isLeft"`.execute(db)
  )
  if (rows[0]?.isLeft === true) return false
  yield* finishDeletions()
  return !(yield* exists(id))
})
