/** How the records of a domain, or of a document, are doing: counted by what is shown of them, with a few problems. */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import type { Counts, ZoneCondition } from "../../../model/conditions.ts"

export interface Problem {
  readonly id: number
  readonly type: string
  readonly name: string
  readonly value: string
  /** CamelCase and stable. */
  readonly reason: string
  readonly message: string
  /** Automatic retry has stopped: a person must help. */
  readonly retryStopped: boolean
}

export interface Tally {
  readonly counts: Counts
  /** Ten at most; those that are not retried any more come first. */
  readonly problems: ReadonlyArray<Problem>
}

export const NO_RECORDS: Tally = {
  counts: { total: 0, active: 0, pending: 0, running: 0, error: 0, stopped: 0 },
  problems: []
}

export const byDomain = (ids: ReadonlyArray<number>) => tallies("domain_id", ids)
export const byManifest = (ids: ReadonlyArray<number>) => tallies("manifest_id", ids)

const tallies = Effect.fnUntraced(function* (column: "domain_id" | "manifest_id", ids: ReadonlyArray<number>) {
  if (ids.length === 0) return new Map<number, Tally>()
  const { query } = yield* Database
  const key = sql.ref(column)
  const counted = yield* query("tallies.count", (db) =>
    sql<Counts & { key: number }>`
      select ${key} as key, count(*) as total,
        count(*) filter (where status = 'active') as active, count(*) filter (where status = 'pending') as pending,
        count(*) filter (where status = 'running') as running, count(*) filter (where status = 'error') as error,
        count(*) filter (where status = 'error' and retry_stopped) as stopped
      from domain_dns_records where ${key} = any(${[...ids]}::bigint[]) group by ${key}`.execute(db)
  )
  const failing = counted.rows.flatMap((row) => (row.error > 0 ? row.key : []))
  const problems = failing.length === 0 ? new Map<number, ReadonlyArray<Problem>>() : yield* problemsOf(column, failing)
  return new Map<number, Tally>(
    counted.rows.map(({ key: id, ...counts }) => [id, { counts, problems: problems.get(id) ?? [] }])
  )
})

const problemsOf = Effect.fnUntraced(function* (column: "domain_id" | "manifest_id", ids: ReadonlyArray<number>) {
  const { query } = yield* Database
  const key = sql.ref(column)
  const { rows } = yield* query("tallies.problems", (db) =>
    sql<Problem & { key: number }>`
      select key, id, type, name, value, reason, message, "retryStopped" from (
        select ${key} as key, id, type, name, value, coalesce(error_reason, 'RejectedByProvider') as reason,
          last_error as message, retry_stopped as "retryStopped",
          row_number() over (partition by ${key} order by retry_stopped desc, id) as place
        from domain_dns_records where ${key} = any(${[...ids]}::bigint[]) and status = 'error'
      ) p where place <= ${MOST_PROBLEMS} order by key, place`.execute(db)
  )
  return new Map(
    [...Map.groupBy(rows, (row) => row.key)].map(([id, own]) => [id, own.map(({ key: _key, ...problem }) => problem)])
  )
})

export interface ZoneState {
  readonly condition: ZoneCondition | undefined
  /** Raised by every change of what is asked for in the zone. */
  readonly generation: number
  /** No pass has looked at its last change. */
  readonly behind: boolean
}

/** What the reconciler last said of these domains; one that it has no work for is left out. */
export const zoneStates = Effect.fnUntraced(function* (ids: ReadonlyArray<number>) {
  const { query } = yield* Database
  const { rows } = yield* query("tallies.zones", (db) =>
    sql<{
      id: number
      generation: number
      behind: boolean
      stalled: boolean | null
      reason: string
      message: string
      since: Date
    }>`
      select w.key::bigint as id, w.generation, greatest(w.observed, c.observed_generation) < w.generation as behind, c.stalled, c.reason, c.message, c.since
      from reconcile_work w
      left join reconcile_conditions c on c.reconciler = w.reconciler and c.key = w.key
      where w.reconciler = 'dns' and w.key = any(${ids.map(String)}::text[])`.execute(db)
  )
  return new Map<number, ZoneState>(
    rows.map(({ behind, generation, id, message, reason, since, stalled }) => [
      id,
      {
        generation,
        behind,
        condition: stalled === null ? undefined : { stalled, reason, message, since: since.toISOString() }
      }
    ])
  )
})

const MOST_PROBLEMS = 10
