/**
 * The work table: scheduler, queue and lease of every reconciler, in batched statements.
 *
 * A claim takes a lease and raises the fence. Whatever a worker writes afterwards is one transaction that ends
 * with `fence`: if the key has another owner, fence or epoch by then, all of it rolls back. An expired lease is
 * claimed by the same scan as idle work, so nothing sweeps. Lock order everywhere: wide rows by id, work rows last, by key.
 */
import { Data, Duration, Effect, Random } from "effect"
import { sql } from "kysely"
import { column, numbers, texts } from "./arrays.ts"
import { Database } from "./database.ts"
import { statement } from "./statement.ts"

/** Another replica may take a key over when its owner has been silent for this long. */
export const LEASE = Duration.seconds(15)
export const HEARTBEAT = Duration.seconds(5)
/** Between a write's deadline and the first moment that another replica may act on its key. */
export const WRITE_MARGIN = Duration.seconds(2)

export interface Claim {
  readonly reconciler: string
  readonly key: string
  /** The generation of desired state that this pass will look at, or an older one. */
  readonly generation: number
  readonly owner: string
  readonly fence: number
  readonly epoch: string
  /** Claims since the last success, this one included. */
  readonly attempts: number
  /** Taken from an owner that did not come back. */
  readonly takeover: boolean
  /** Seconds from due to claimed. */
  readonly waited: number
}

/** The key belongs to somebody else by now; nothing was written. */
export class FenceLost extends Data.TaggedError("FenceLost")<{ readonly key: string; readonly site: string }> {}

/** What the loop says of a key when a pass is over. */
export interface Completion {
  readonly claim: Claim
  /** The generation is converged. */
  readonly settled: boolean
  /** Attempts start anew. */
  readonly succeeded: boolean
  /** Until the next pass, unless desired state changes before. */
  readonly delay: Duration.Duration
  readonly priority: -100 | 0
  /** Null takes an older condition away. */
  readonly condition: { readonly stalled: boolean; readonly reason: string; readonly message: string } | null
}

/** The columns of a claim, each as one array: null when nothing was due. */
type Claimed = Readonly<
  Record<"keys" | "generations" | "fences" | "epochs" | "attempts" | "takeovers" | "waited", string | null>
>

/**
 * Leases up to `limit` keys that are due: changes by users first, but a quarter of the claims is for resyncs and a
 * quarter for retries that have waited for a minute, so that a stream of changes cannot starve them.
 */
export const claim = Effect.fnUntraced(function* (reconciler: string, owner: string, limit: number) {
  const { query } = yield* Database
  // A busy process claims one key at a time: rounded up, old resyncs would then always come before changes.
  const share = Math.floor(limit / 4 + (yield* Random.next))
  const { rows } = yield* query(
    "work.claim",
    (db) =>
      statement<Claimed>(db)`
      with old as (
        select w.key, w.owner, w.due_at
        from (values (1, -100), (2, 0)) as band (place, priority)
        cross join lateral (
          select i.key, i.owner, i.due_at from reconcile_work i
          where i.reconciler = ${reconciler} and i.priority = band.priority
            and i.due_at <= driftless_now() - interval '1 minute'
          order by i.due_at limit ${share} for update skip locked
        ) w
        order by band.place limit ${limit}
      ), rest as (
        select w.key, w.owner, w.due_at
        from (values (3, 100), (4, 0), (5, -100)) as band (place, priority)
        cross join lateral (
          select i.key, i.owner, i.due_at from reconcile_work i
          where i.reconciler = ${reconciler} and i.priority = band.priority and i.due_at <= driftless_now()
            and i.key <> all (array(select key from old))
          order by i.due_at limit ${limit} for update skip locked
        ) w
        order by band.place limit ${limit} - (select count(*) from old)
      ), claimed as (
        update reconcile_work w set
          owner = ${owner}, claimed_at = driftless_now(), fence = w.fence + 1, epoch = (select driftless_epoch()),
          attempts = w.attempts + 1, due_at = driftless_now() + make_interval(secs => ${Duration.toSeconds(LEASE)})
        from (select * from old union all select * from rest) due
        where w.reconciler = ${reconciler} and w.key = due.key
        returning w.key, w.generation, w.fence, w.epoch, w.attempts, due.owner is not null as takeover,
          extract(epoch from driftless_now() - due.due_at)::float8 as waited
      )
      select array_agg(key)::text as keys, array_agg(generation)::text as generations,
        array_agg(fence)::text as fences, array_agg(epoch)::text as epochs, array_agg(attempts)::text as attempts,
        array_agg(takeover)::text as takeovers, array_agg(waited)::text as waited
      from claimed`
  )
  return claimsOf(reconciler, owner, rows[0])
})

const claimsOf = (reconciler: string, owner: string, claimed: Claimed | undefined): ReadonlyArray<Claim> => {
  const generations = numbers(claimed?.generations)
  const fences = numbers(claimed?.fences)
  const epochs = texts(claimed?.epochs)
  const attempts = numbers(claimed?.attempts)
  const takeovers = texts(claimed?.takeovers)
  const waited = numbers(claimed?.waited)
  return texts(claimed?.keys).map((key, i) => ({
    reconciler,
    key,
    generation: generations[i] as number,
    owner,
    fence: fences[i] as number,
    epoch: epochs[i] as string,
    attempts: attempts[i] as number,
    takeover: takeovers[i] === "t",
    waited: waited[i] as number
  }))
}

/** Extends the leases that are still held; answers the keys it extended. Rows that are locked are passed over. */
export const heartbeat = Effect.fnUntraced(function* (reconciler: string, claims: ReadonlyArray<Claim>) {
  const { query } = yield* Database
  const { rows } = yield* query("work.heartbeat", (db) =>
    sql<{ key: string }>`
      with held as (
        select w.key from reconcile_work w
        join unnest(${column(claims, (c) => c.key)}::text[], ${column(claims, (c) => c.owner)}::text[],
          ${column(claims, (c) => c.fence)}::bigint[], ${column(claims, (c) => c.epoch)}::text[]) as c (key, owner, fence, epoch)
          on w.key = c.key and w.owner = c.owner and w.fence = c.fence and w.epoch = c.epoch
        where w.reconciler = ${reconciler} and w.epoch = (select driftless_epoch())
        order by w.key for update of w skip locked
      )
      update reconcile_work w set
        due_at = greatest(driftless_now() + make_interval(secs => ${Duration.toSeconds(LEASE)}), w.write_until)
      from held where w.reconciler = ${reconciler} and w.key = held.key
      returning w.key`.execute(db)
  )
  return new Set(rows.map(({ key }) => key))
})

/** The claims among these that are lost for good: another owner, fence or epoch stands in the row, or no row. */
export const lost = Effect.fnUntraced(function* (reconciler: string, claims: ReadonlyArray<Claim>) {
  if (claims.length === 0) return []
  const { query } = yield* Database
  const { rows } = yield* query("work.lost", (db) =>
    sql<{ key: string; owner: string | null; fence: number; current: boolean }>`
      select key, owner, fence, epoch = (select driftless_epoch()) as current from reconcile_work
      where reconciler = ${reconciler} and key = any(${claims.map((c) => c.key)}::text[])`.execute(db)
  )
  const now = new Map(rows.map((row) => [row.key, row]))
  return claims.filter((c) => {
    const row = now.get(c.key)
    return row === undefined || row.owner !== c.owner || row.fence !== c.fence || !row.current
  })
})

/**
 * Ends passes and schedules the next ones; answers the claims whose key it did not end: another owner has it. `held`
 * and `done` carry along what follows needs: the planner takes each for one row, and would join them by nested loops.
 */
export const complete = Effect.fnUntraced(function* (reconciler: string, all: ReadonlyArray<Completion>) {
  const { query } = yield* Database
  const { rows } = yield* query(
    "work.complete",
    (db) =>
      statement<{ readonly keys: string | null }>(db)`
      with held as (
        select i.* from reconcile_work w
        join unnest(
          ${column(all, (c) => c.claim.key)}::text[], ${column(all, (c) => c.claim.owner)}::text[],
          ${column(all, (c) => c.claim.fence)}::bigint[], ${column(all, (c) => c.claim.epoch)}::text[],
          ${column(all, (c) => c.claim.generation)}::bigint[], ${column(all, (c) => c.settled)}::boolean[],
          ${column(all, (c) => c.succeeded)}::boolean[], ${column(all, (c) => Duration.toMillis(c.delay) / 1000)}::float8[],
          ${column(all, (c) => c.priority)}::int[], ${column(all, (c) => c.condition?.stalled ?? null)}::boolean[],
          ${column(all, (c) => c.condition?.reason ?? null)}::text[], ${column(all, (c) => storable(c.condition?.message))}::text[]
        ) as i (key, owner, fence, epoch, generation, settled, succeeded, delay, priority, stalled, reason, message)
          on w.key = i.key and w.owner = i.owner and w.fence = i.fence and w.epoch = i.epoch
        where w.reconciler = ${reconciler} and w.epoch = (select driftless_epoch())
        order by w.key for update of w
      ), done as (
        update reconcile_work w set
          owner = null,
          observed = case when i.settled then greatest(w.observed, i.generation) else w.observed end,
          attempts = case when i.succeeded then 0 else w.attempts end,
          priority = case when w.generation > i.generation then 100 else i.priority end,
          due_at = greatest(w.write_until, driftless_now() + make_interval(
            secs => case when w.generation > i.generation then 0 else i.delay end))
        from held i where w.reconciler = ${reconciler} and w.key = i.key
        returning w.key, i.generation, i.stalled, i.reason, i.message
      ), cleared as (
        delete from reconcile_conditions
        where reconciler = ${reconciler} and key = any(array(select key from done where reason is null))
      ), said as (
        insert into reconcile_conditions as c (reconciler, key, stalled, reason, message, observed_generation, since)
        select ${reconciler}, key, stalled, reason, message, generation, driftless_now()
        from done where reason is not null
        on conflict (reconciler, key) do update set
          stalled = excluded.stalled, reason = excluded.reason, message = excluded.message,
          observed_generation = excluded.observed_generation,
          since = case when c.reason = excluded.reason and c.stalled = excluded.stalled then c.since else excluded.since end
        where (c.stalled, c.reason, c.message, c.observed_generation)
          is distinct from (excluded.stalled, excluded.reason, excluded.message, excluded.observed_generation)
      )
      select array_agg(key)::text as keys from done`
  )
  const ended = texts(rows[0]?.keys)
  // All of them, as a rule: a set would intern each key for nothing.
  if (ended.length === all.length) return []
  const keys = new Set(ended)
  return all.map(({ claim }) => claim).filter(({ key }) => !keys.has(key))
})

/** PostgreSQL refuses NUL in text, and one bad message must not hold up the completions beside it. */
const storable = (message: string | undefined) => message?.replaceAll("\u0000", "").slice(0, 4096) ?? null

/** Gives back what `owner` holds of a reconciler, due again at once or when its last write can no longer land. */
export const release = Effect.fnUntraced(function* (reconciler: string, owner: string) {
  const { query } = yield* Database
  yield* query("work.release", (db) =>
    sql`update reconcile_work set owner = null, due_at = greatest(driftless_now(), write_until)
      where reconciler = ${reconciler} and owner = ${owner}`.execute(db)
  )
})

/** Frees all leases at once: right only for whoever holds the lock of an embedded database. */
export const releaseAll = Effect.fnUntraced(function* () {
  const { query } = yield* Database
  yield* query("work.releaseAll", (db) =>
    sql`update reconcile_work set owner = null, due_at = greatest(driftless_now(), write_until)
      where owner is not null`.execute(db)
  )
})

/** The last statement of each transaction that a worker writes: fails, and so rolls all back, when the key is lost. */
export const fence = Effect.fnUntraced(function* (
  claim: Claim,
  site: string,
  set: WriteWindow = { write: "unchanged" }
) {
  const { query } = yield* Database
  const until =
    set.write === "opens"
      ? sql`driftless_now() + make_interval(secs => ${Duration.toSeconds(set.within)})`
      : set.write === "answered"
        ? sql`null::timestamptz`
        : sql`write_until`
  const { rows } = yield* query("work.fence", (db) =>
    sql<{ key: string }>`update reconcile_work set
        write_until = ${until},
        due_at = greatest(driftless_now() + make_interval(secs => ${Duration.toSeconds(LEASE)}), ${until})
      where reconciler = ${claim.reconciler} and key = ${claim.key} and owner = ${claim.owner}
        and fence = ${claim.fence} and epoch = ${claim.epoch} and epoch = (select driftless_epoch())
      returning key`.execute(db)
  )
  if (rows.length === 0) return yield* new FenceLost({ key: claim.key, site })
})

/** `opens`: a provider write may land until then. `answered`: its answer came, nothing is open any more. */
export type WriteWindow =
  | { readonly write: "unchanged" }
  | { readonly write: "opens"; readonly within: Duration.Duration }
  | { readonly write: "answered" }

/** Milliseconds until the next key of a reconciler is due; null when there is none. */
export const nextDue = Effect.fnUntraced(function* (reconciler: string) {
  const { query } = yield* Database
  const { rows } = yield* query("work.nextDue", (db) =>
    sql<{ millis: number | null }>`
      select (extract(epoch from min(w.due_at) - driftless_now()) * 1000)::float8 as millis
      from (values (100), (0), (-100)) as band (priority)
      cross join lateral (
        select due_at from reconcile_work i where i.reconciler = ${reconciler} and i.priority = band.priority
        order by i.due_at limit 1
      ) w`.execute(db)
  )
  return rows[0]?.millis ?? null
})

/** Keys that are due and wait for a worker, by priority. */
export const depth = Effect.fnUntraced(function* (reconciler: string) {
  const { query } = yield* Database
  const { rows } = yield* query("work.depth", (db) =>
    sql<{ priority: number; keys: number }>`
      select priority, count(*) as keys from reconcile_work
      where reconciler = ${reconciler} and due_at <= driftless_now() group by priority`.execute(db)
  )
  return new Map(rows.map(({ keys, priority }) => [priority, keys]))
})
