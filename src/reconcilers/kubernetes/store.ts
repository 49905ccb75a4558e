/**
 * What is known of the objects of a cluster: which state of each was looked at, and what it made. Writes are parts of
 * the transaction of a pass, which ends with its fence.
 */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../database/database.ts"
import { type Claim, fence } from "../../database/work.ts"
import type { KindName } from "../../model/kinds/kinds.ts"
import type { Reason } from "../../model/reasons.ts"
import type { KubeObject } from "../../providers/kubernetes.ts"
import { fingerprintOf, type ObjectKey, textOf } from "./objects.ts"

/** Why an object is not done, beside what its rows say. */
export interface Problem {
  readonly reason: Reason
  readonly message: string
  /** Only a person can help. */
  readonly stalled: boolean
}

export interface Known extends ObjectKey {
  readonly uid: string
  /** `metadata.generation` that was looked at last. */
  readonly generation: number
  readonly resourceVersion: string
  readonly fingerprint: string
  readonly manifestId: number | null
  /** The uid of the object that made it: not `uid` while one that was made anew under this name is refused. */
  readonly madeBy: string | null
  readonly problem: Problem | undefined
  /** Milliseconds since it was looked at. */
  readonly age: number
}

interface Row extends Omit<Known, "problem"> {
  readonly reason: Reason | null
  readonly message: string | null
  readonly stalled: boolean
}

const COLUMNS = sql`kind, namespace, name, uid, generation, resource_version as "resourceVersion", fingerprint,
  manifest_id as "manifestId", made_by as "madeBy", (extract(epoch from driftless_now() - updated_at) * 1000)::float8 as age,
  problem as reason, problem_message as message, problem_stalled as stalled`

/** By the text of their keys. */
export const findAll = Effect.fn("kubernetes.find")(function* (keys: ReadonlyArray<ObjectKey>) {
  const { query } = yield* Database
  const { rows } = yield* query("kubernetes.find", (db) =>
    sql<Row>`select ${COLUMNS} from kubernetes_objects where (kind, namespace, name) in (
      select * from unnest(${keys.map(({ kind }) => kind)}::text[], ${keys.map(({ namespace }) => namespace)}::text[],
        ${keys.map(({ name }) => name)}::text[]))`.execute(db)
  )
  return new Map(rows.map((row) => [textOf(row), knownOf(row)]))
})

export const find = (key: ObjectKey) => Effect.map(findAll([key]), (found) => found.get(textOf(key)))

const knownOf = ({ message, reason, stalled, ...row }: Row): Known => ({
  ...row,
  problem: reason === null ? undefined : { reason, message: message ?? "", stalled }
})

/** Writes down which state of the object was looked at, and what came of it; `made` is undefined where that is as it was. */
export const remember = Effect.fnUntraced(function* (
  { kind, name, namespace }: ObjectKey,
  object: KubeObject,
  problem: Problem | undefined,
  made?: number
) {
  const { query } = yield* Database
  const { generation = 0, resourceVersion, uid } = object.metadata
  const { rows } = yield* query("kubernetes.remember", (db) =>
    sql<{ manifestId: number | null }>`
      insert into kubernetes_objects as o (kind, namespace, name, uid, generation, resource_version, fingerprint,
        manifest_id, made_by, problem, problem_message, problem_stalled)
      values (${kind}, ${namespace}, ${name}, ${uid}, ${generation}, ${resourceVersion}, ${fingerprintOf(object)},
        ${made ?? null}, ${made === undefined ? null : uid}, ${problem?.reason ?? null}, ${problem?.message ?? null}, ${problem?.stalled ?? false})
      on conflict (kind, namespace, name) do update set
        uid = excluded.uid, generation = excluded.generation, resource_version = excluded.resource_version,
        fingerprint = excluded.fingerprint, manifest_id = coalesce(excluded.manifest_id, o.manifest_id),
        made_by = coalesce(excluded.made_by, o.made_by), problem = excluded.problem, problem_message = excluded.problem_message, problem_stalled = excluded.problem_stalled,
        updated_at = driftless_now()
      returning manifest_id as "manifestId"`.execute(db)
  )
  return rows[0]?.manifestId ?? null
})

/** Takes a problem down, or away, that has nothing to do with the rows: a Secret that cannot be read. */
export const note = Effect.fnUntraced(function* ({ kind, name, namespace }: ObjectKey, problem: Problem | undefined) {
  const { query } = yield* Database
  const values = sql`(${problem?.reason ?? null}::text, ${problem?.message ?? null}::text, ${problem?.stalled ?? false}::boolean)`
  yield* query("kubernetes.note", (db) =>
    sql`update kubernetes_objects set (problem, problem_message, problem_stalled) = ${values}, updated_at = driftless_now()
      where kind = ${kind} and namespace = ${namespace} and name = ${name}
        and (problem, problem_message, problem_stalled) is distinct from ${values}`.execute(db)
  )
})

/** Waits for transactions that would have told whoever waits for them, had it been written down before. */
export const settled = Effect.fn("kubernetes.settled")(function* () {
  const { query } = yield* Database
  yield* query("kubernetes.settled", (db) =>
    sql`select pg_advisory_xact_lock(hashtext('driftless.kubernetes.awaited'))`.execute(db)
  )
})

export const forget = Effect.fnUntraced(function* ({ kind, name, namespace }: ObjectKey) {
  const { query } = yield* Database
  yield* query("kubernetes.forget", (db) =>
    sql`delete from kubernetes_objects where kind = ${kind} and namespace = ${namespace} and name = ${name}`.execute(db)
  )
})

/** The pass tells the status when it has written: its own rows need not make it due again. */
export const quiet = Effect.fnUntraced(function* (manifestId: number | null | undefined) {
  if (manifestId == null) return
  const { query } = yield* Database
  yield* query("kubernetes.quiet", (db) =>
    sql`select set_config('driftless.object', pg_current_xact_id()::text || ' ' || ${manifestId}::text, true)`.execute(
      db
    )
  )
})

/**
 * One transaction of a pass: all of it, or, when the key has another owner, nothing. The work of zones is made due
 * before the fence, as their passes lock it: zones first, then objects. Else the two could wait for each other.
 */
export const fenced = <A, E, R>(claim: Claim, site: string, body: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Database, ({ query, transaction }) =>
    transaction(
      `kubernetes.${site}`,
      body.pipe(
        Effect.tap(query("kubernetes.due", (db) => sql`set constraints all immediate`.execute(db))),
        Effect.tap(fence(claim, site))
      )
    )
  )

export interface Heard extends ObjectKey {
  /** Undefined where the object is gone. */
  readonly fingerprint: string | undefined
}

/** Makes those due that do not stand as they were looked at last; in this order, where several are, after what waits. */
export const makeDue = Effect.fn("kubernetes.makeDue")(function* (heard: ReadonlyArray<Heard>) {
  const { query } = yield* Database
  yield* query("kubernetes.makeDue", (db) =>
    sql`insert into reconcile_work as w (reconciler, key, priority, due_at)
      select 'kubernetes', i.key, 100, driftless_now() + i.place * interval '1 microsecond'
      from unnest(${heard.map(textOf)}::text[], ${heard.map(({ kind }) => kind)}::text[],
        ${heard.map(({ namespace }) => namespace)}::text[], ${heard.map(({ name }) => name)}::text[],
        ${heard.map(({ fingerprint }) => fingerprint ?? null)}::text[]) with ordinality
        as i (key, kind, namespace, name, fingerprint, place)
      left join kubernetes_objects o on o.kind = i.kind and o.namespace = i.namespace and o.name = i.name
      where o.fingerprint is distinct from i.fingerprint
      order by i.key
      on conflict (reconciler, key) do update set
        generation = w.generation + 1,
        priority = 100,
        due_at = case when w.owner is null then greatest(least(w.due_at, excluded.due_at), w.write_until) else w.due_at end`.execute(
      db
    )
  )
})

/** Another one when the database may have lost its last transactions. */
export const epoch = Effect.fn("kubernetes.epoch")(function* () {
  const { query } = yield* Database
  const { rows } = yield* query("kubernetes.epoch", (db) =>
    sql<{ epoch: string }>`select driftless_epoch() as epoch`.execute(db)
  )
  return rows[0]?.epoch ?? ""
})

/** Of these namespaces, or of all, the objects that were known. */
export const knownKeys = Effect.fn("kubernetes.knownKeys")(function* (
  kind: KindName,
  namespaces: ReadonlyArray<string>
) {
  const { query } = yield* Database
  const { rows } = yield* query("kubernetes.knownKeys", (db) =>
    sql<ObjectKey>`select kind, namespace, name from kubernetes_objects
      where kind = ${kind} and (${namespaces.length === 0} or namespace = any(${[...namespaces]}::text[]))`.execute(db)
  )
  return rows
})

/**
 * Work of objects that are long gone. Fences begin anew with a row: a process that stood still since its claim must not
 * take the first claim of the next object of that name for its own, so a row outlives any such pause.
 */
export const sweep = Effect.fn("kubernetes.sweep")(function* () {
  const { query } = yield* Database
  yield* query("kubernetes.sweep", (db) =>
    sql`delete from reconcile_work w where w.reconciler = 'kubernetes' and w.owner is null and w.observed = w.generation
      and w.due_at > driftless_now() and w.claimed_at < driftless_now() - interval '1 day' and not exists (
        select from kubernetes_objects o where o.kind || '/' || o.namespace || '/' || o.name = w.key)`.execute(db)
  )
})

/** What the zone of a domain waits for, as its last pass said. */
export const zoneCondition = Effect.fnUntraced(function* (domainId: number) {
  const { query } = yield* Database
  const { rows } = yield* query("kubernetes.zone", (db) =>
    sql<{ reason: Reason; message: string }>`select reason, message from reconcile_conditions
      where reconciler = 'dns' and key = ${String(domainId)}`.execute(db)
  )
  return rows[0]
})
