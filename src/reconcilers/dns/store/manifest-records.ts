/**
 * The records of DnsRecord documents, brought to what their specs say: three statements for all documents of a request,
 * and none touches a row that is right already.
 */
import { Effect, Result } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { normaliseName } from "../../../model/dns/names.ts"
import type { DnsRecordSpec } from "../../../model/kinds/dns-record.ts"
import type { DomainLink } from "./manifest-rows.ts"
import { planRows, type Row } from "./record-set.ts"
import { storedValue } from "./records.ts"

export interface RecordRow extends Row {
  readonly manifestId: number
}

/** All records at once and in order of id, as the reconciler locks them: else the two could wait for each other. */
export const lockRecords = Effect.fnUntraced(function* (manifestIds: ReadonlyArray<number>) {
  const { query } = yield* Database
  const { rows } = yield* query("manifests.lockRecords", (db) =>
    sql<RecordRow>`
      select id, manifest_id as "manifestId", domain_id as "domainId", type, name, value, desired_state = 'present' as present
      from dns_records where manifest_id = any(${[...manifestIds]}::bigint[]) order by id for update`.execute(db)
  )
  return rows
})

export interface Wanted {
  readonly manifestId: number
  readonly spec: DnsRecordSpec
  readonly domain: DomainLink
}

/** `rows` are those of all the documents, locked. */
export const writeRecords = Effect.fnUntraced(function* (
  groups: ReadonlyArray<ReadonlyArray<Wanted>>,
  rows: ReadonlyArray<RecordRow>
) {
  const byManifest = Map.groupBy(rows, ({ manifestId }) => manifestId)
  const plans = groups.flat().map((wanted) => planOf(wanted, byManifest.get(wanted.manifestId) ?? []))
  yield* keep(plans.flatMap((plan) => plan.keep.map((kept) => ({ ...plan.settings, ...kept }))))
  yield* remove(plans.flatMap((plan) => plan.remove))
  yield* insert(plans.flatMap((plan) => plan.insert.map((value) => ({ ...plan.settings, ...plan.identity, value }))))
})

function planOf({ domain, manifestId, spec }: Wanted, rows: ReadonlyArray<Row>) {
  const name = Result.getOrElse(normaliseName(spec.name, domain.domain), () => spec.name)
  const values = spec.state === "absent" ? [] : spec.values.map((value) => storedValue(spec.type, value))
  const identity = { manifestId, domainId: domain.id, type: spec.type, name }
  const comment = spec.comment === undefined || spec.comment.trim() === "" ? null : spec.comment.trim()
  const settings = { ttl: spec.ttl, proxied: spec.proxied, comment }
  return { ...planRows(rows, { ...identity, values }), identity, settings }
}

interface Settings {
  readonly value: string
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
}

const settingsOf = (rows: ReadonlyArray<Settings>) => sql`${rows.map(({ value }) => value)}::text[],
  ${rows.map(({ ttl }) => ttl)}::int[], ${rows.map(({ proxied }) => proxied)}::boolean[],
  ${rows.map(({ comment }) => comment)}::text[]`

const keep = Effect.fnUntraced(function* (rows: ReadonlyArray<Settings & { readonly id: number }>) {
  if (rows.length === 0) return
  const { query } = yield* Database
  yield* query("manifests.records.keep", (db) =>
    sql`update dns_records r
      set value = k.value, ttl = k.ttl, proxied = k.proxied, comment = k.comment, desired_state = 'present'
      from unnest(${rows.map(({ id }) => id)}::bigint[], ${settingsOf(rows)}) as k (id, value, ttl, proxied, comment)
      where r.id = k.id and (r.value, r.ttl, r.proxied, r.comment, r.desired_state)
        is distinct from (k.value, k.ttl, k.proxied, k.comment, 'present')`.execute(db)
  )
})

const remove = Effect.fnUntraced(function* (ids: ReadonlyArray<number>) {
  if (ids.length === 0) return
  const { query } = yield* Database
  yield* query("manifests.records.remove", (db) =>
    sql`update dns_records set desired_state = 'absent' where id = any(${[...ids]}::bigint[])`.execute(db)
  )
})

type NewRow = Settings & {
  readonly manifestId: number
  readonly domainId: number
  readonly type: string
  readonly name: string
}

const insert = Effect.fnUntraced(function* (rows: ReadonlyArray<NewRow>) {
  if (rows.length === 0) return
  const { query } = yield* Database
  yield* query("manifests.records.insert", (db) =>
    sql`insert into dns_records (manifest_id, domain_id, type, name, value, ttl, proxied, comment)
      select * from unnest(${rows.map(({ manifestId }) => manifestId)}::bigint[],
        ${rows.map(({ domainId }) => domainId)}::bigint[], ${rows.map(({ type }) => type)}::text[],
        ${rows.map(({ name }) => name)}::text[], ${settingsOf(rows)})`.execute(db)
  )
})
