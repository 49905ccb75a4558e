/** The objects that were applied, as rows, and which rows each of them made. */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import type { KindName } from "../../../model/kinds/kinds.ts"
import { type Key, keyText, type Put, type Stored } from "./manifest-entries.ts"

/** By `keyText` of the object: the id of its api_keys or domains row; `domain` is empty for a Credential. */
export type Links = Map<string, { readonly id: number; readonly domain: string }>

/** Those of the keys that exist, locked until the transaction ends. */
export const lock = Effect.fnUntraced(function* (keys: ReadonlyArray<Key>) {
  const { query } = yield* Database
  const { rows } = yield* query("manifests.lock", (db) =>
    sql<Stored>`
      select id, kind, namespace, name, spec, metadata, generation, deleted_at is not null as deleting,
        exists (select from kubernetes_objects o where o.manifest_id = manifests.id) as "inCluster"
      from manifests where (kind, namespace, name) in (
        select * from unnest(${keys.map(({ kind }) => kind)}::text[], ${keys.map(({ namespace }) => namespace)}::text[],
          ${keys.map(({ name }) => name)}::text[]))
      order by id for update`.execute(db)
  )
  return new Map(rows.map((row) => [keyText(row), row]))
})

export const rowsOf = Effect.fnUntraced(function* (ids: ReadonlyArray<number>) {
  const { query } = yield* Database
  const { rows } = yield* query("manifests.rows", (db) =>
    sql<{ kind: KindName; namespace: string; name: string; id: number; domain: string }>`
      select m.kind, m.namespace, m.name, k.id, '' as domain from manifests m join api_keys k on k.manifest_id = m.id
      where m.id = any(${[...ids]}::bigint[])
      union all
      select m.kind, m.namespace, m.name, d.id, d.domain from manifests m join domains d on d.manifest_id = m.id
      where m.id = any(${[...ids]}::bigint[])`.execute(db)
  )
  const links: Links = new Map(rows.map((row) => [keyText(row), { id: row.id, domain: row.domain }]))
  return links
})

/** Writes what is not unchanged, and answers the ids of all. Takes deletions back that are not done yet. */
export const write = Effect.fnUntraced(function* (puts: ReadonlyArray<Put>) {
  const known = puts.flatMap(({ id, key }) => (id === undefined ? [] : [[keyText(key), id] as const]))
  const configured = puts.filter(({ action }) => action === "configured")
  if (configured.length > 0) yield* update(configured)
  const created = puts.filter(({ action }) => action === "created")
  const added = created.length === 0 ? [] : yield* insert(created)
  return new Map([...known, ...added.map((row) => [keyText(row), row.id] as const)])
})

const update = Effect.fnUntraced(function* (puts: ReadonlyArray<Put>) {
  const { query } = yield* Database
  const changed = columns(puts)
  yield* query("manifests.update", (db) =>
    sql`update manifests m set spec = i.spec::jsonb, metadata = i.metadata::jsonb, generation = i.generation,
        deleted_at = null, updated_at = driftless_now()
      from unnest(${changed.ids}::bigint[], ${changed.specs}::text[], ${changed.metadata}::text[], ${changed.generations}::bigint[])
        as i (id, spec, metadata, generation)
      where m.id = i.id`.execute(db)
  )
})

const insert = Effect.fnUntraced(function* (puts: ReadonlyArray<Put>) {
  const { query } = yield* Database
  const added = columns(puts)
  const { rows } = yield* query("manifests.insert", (db) =>
    sql<Key & { id: number }>`insert into manifests (kind, namespace, name, spec, metadata, generation)
      select kind, namespace, name, spec::jsonb, metadata::jsonb, generation
      from unnest(${added.kinds}::text[], ${added.namespaces}::text[], ${added.names}::text[], ${added.specs}::text[],
        ${added.metadata}::text[], ${added.generations}::bigint[]) as i (kind, namespace, name, spec, metadata, generation)
      order by kind, namespace, name
      returning id, kind, namespace, name`.execute(db)
  )
  return rows
})

const columns = (puts: ReadonlyArray<Put>) => ({
  ids: puts.map(({ id }) => id ?? 0),
  kinds: puts.map(({ key }) => key.kind),
  namespaces: puts.map(({ key }) => key.namespace),
  names: puts.map(({ key }) => key.name),
  specs: puts.map(({ document }) => JSON.stringify(document.spec)),
  metadata: puts.map(({ metadata }) => JSON.stringify(metadata)),
  generations: puts.map(({ generation }) => generation)
})

/** One that is marked already is not locked again: who waits for its end would meet all others who do. */
export const markDeleted = Effect.fnUntraced(function* (id: number) {
  const { query } = yield* Database
  yield* query("manifests.markDeleted", (db) =>
    sql`update manifests set deleted_at = driftless_now() where id = ${id} and deleted_at is null`.execute(db)
  )
})

export const markRowsAbsent = Effect.fnUntraced(function* (id: number) {
  const { query } = yield* Database
  yield* query("manifests.markRowsAbsent", (db) =>
    sql`with held as (
        select id from dns_records where manifest_id = ${id} and desired_state = 'present' order by id for update
      ) update dns_records r set desired_state = 'absent' from held where r.id = held.id`.execute(db)
  )
})

export const exists = Effect.fnUntraced(function* (id: number) {
  const { query } = yield* Database
  const row = yield* query("manifests.exists", (db) =>
    db.selectFrom("manifests").select("id").where("id", "=", id).executeTakeFirst()
  )
  return row !== undefined
})
