/**
 * Handing rows over to an object on purpose: a domain, or the records of a name and type, that were made over HTTP, by
 * SQL or by a document outside of the cluster. What another object of a cluster keeps is never taken. Of several rows
 * with one value one is taken, and the others are absent from then on: nobody beside the object keeps the record.
 */
import { Effect, Result } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { normaliseDomain, normaliseName } from "../../../model/dns/names.ts"
import { keyText, type Put } from "./manifest-entries.ts"
import type { Links } from "./manifest-table.ts"
import { linkOf } from "./references.ts"

/** `links` learns of a domain that was taken. Answers whether anything may have been. */
export const takeOver = Effect.fnUntraced(function* (
  puts: ReadonlyArray<Put>,
  ids: ReadonlyMap<string, number>,
  links: Links
) {
  for (const put of puts) {
    const id = ids.get(keyText(put.key)) ?? 0
    if (put.document.kind === "Domain" && !links.has(keyText(put.key))) yield* takeDomain(put, id, links)
    if (put.document.kind === "DnsRecord") yield* takeRecords(put, id, links)
  }
  return puts.length > 0
})

/** True of a row that no object of a cluster keeps. */
const FREE = sql`not exists (select from kubernetes_objects o where o.manifest_id = t.manifest_id)`

const takeDomain = Effect.fnUntraced(function* ({ document, key }: Put, id: number, links: Links) {
  if (document.kind !== "Domain") return
  const { query } = yield* Database
  const zone = Result.getOrElse(normaliseDomain(document.spec.domain), () => document.spec.domain)
  const { rows } = yield* query("takeOver.domain", (db) =>
    sql<{ id: number; domain: string; former: number | null }>`
      with free as (select t.id, t.manifest_id from domains t where t.domain = ${zone} and ${FREE} for update)
      update domains d set manifest_id = ${id} from free where d.id = free.id
      returning d.id, d.domain, free.manifest_id as former`.execute(db)
  )
  const [taken] = rows
  if (taken === undefined) return
  links.set(keyText(key), { id: taken.id, domain: taken.domain })
  yield* dismiss([taken.former])
})

const takeRecords = Effect.fnUntraced(function* (put: Put, id: number, links: Links) {
  const link = linkOf(put.document)
  const domain = link === undefined ? undefined : links.get(keyText(link))
  if (put.document.kind !== "DnsRecord" || domain === undefined) return
  const { query } = yield* Database
  const { name: written, type } = put.document.spec
  const name = Result.getOrElse(normaliseName(written, domain.domain), () => written)
  const { rows } = yield* query("takeOver.records", (db) =>
    sql<{ former: number | null }>`
      with free as (
        select t.id, t.manifest_id, t.value, t.desired_state = 'absent' as absent,
          exists (select from dns_records own where own.manifest_id = ${id} and own.domain_id = t.domain_id
            and own.type = t.type and own.name = t.name and own.value = t.value) as kept
        from dns_records t
        where t.domain_id = ${domain.id} and t.type = ${type} and t.name = ${name} and not t.derived
          and t.owner_type = 'user' and t.owner_id = 0 and t.manifest_id is distinct from ${id} and ${FREE}
        order by t.id for update
      ), ranked as (
        select id, manifest_id, kept or row_number() over (partition by value order by absent, id) > 1 as spare from free
      )
      update dns_records r set
        manifest_id = case when ranked.spare then r.manifest_id else ${id}::bigint end,
        desired_state = case when ranked.spare then 'absent' else r.desired_state end
      from ranked where r.id = ranked.id
      returning ranked.manifest_id as former`.execute(db)
  )
  yield* dismiss(rows.map(({ former }) => former))
})

/** Documents outside of the cluster that ask for nothing any more; those that have rows yet go with the last of them. */
const dismiss = Effect.fnUntraced(function* (former: ReadonlyArray<number | null>) {
  const { query } = yield* Database
  const ids = [...new Set(former.filter((id) => id !== null))]
  if (ids.length === 0) return
  yield* query("takeOver.dismiss", (db) =>
    sql`delete from manifests m where m.id = any(${ids}::bigint[])
      and not exists (select from dns_records r where r.manifest_id = m.id)
      and not exists (select from domains d where d.manifest_id = m.id)`.execute(db)
  )
  yield* query("takeOver.end", (db) =>
    sql`update manifests m set deleted_at = driftless_now() where m.id = any(${ids}::bigint[]) and m.deleted_at is null
      and m.kind = 'DnsRecord'
      and not exists (select from dns_records r where r.manifest_id = m.id and r.desired_state = 'present')`.execute(db)
  )
})
