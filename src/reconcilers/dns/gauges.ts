/** Gauges of DNS, read from the database at each scrape. Every replica shows the same, so panels take max, never sum. */
import { Effect, Layer } from "effect"
import { sql } from "kysely"
import { Database } from "../../database/database.ts"
import { Metrics } from "../../metrics.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const database = yield* Database
    const metrics = yield* Metrics
    // Born with its first changes already in it, it would show no increase, and `rate` would never see those.
    metrics.convergence.zero({ kind: "DnsRecord" })
    metrics.onScrape(
      Effect.all([zones, records, budgets], { discard: true }).pipe(
        Effect.timeout("5 seconds"),
        Effect.map(() => metrics.databaseUp.set(1)),
        Effect.catch((error) =>
          Effect.andThen(
            Effect.sync(() => metrics.databaseUp.set(0)),
            Effect.logWarning("gauges could not be read; they stay as they were", error)
          )
        ),
        Effect.provideService(Database, database),
        Effect.provideService(Metrics, metrics)
      )
    )
  })
)

const zones = Effect.gen(function* () {
  const { query } = yield* Database
  const metrics = yield* Metrics
  const { rows } = yield* query("gauges.zones", (db) =>
    sql<{
      zone: string
      desired: number
      ours: number
      foreign: number
      stalled: boolean
      waits: boolean
      held: number
      drifted: number
      since: number
    }>`
      select d.domain as zone, (select count(*) from dns_records r where r.domain_id = d.id and r.desired_state = 'present') as desired,
        coalesce(z.observed_records - z.foreign_records, 0) as ours, coalesce(z.foreign_records, 0) as foreign,
        coalesce(z.deletions_held, 0) as held,
        (select count(*) from dns_records r where r.domain_id = d.id and r.drifted) as drifted,
        coalesce(c.stalled, false) as stalled, (c.key is not null or coalesce(w.observed < w.generation, true)) as waits,
        coalesce(extract(epoch from driftless_now() - c.since), 0)::float8 as since
      from domains d
      left join dns_zones z on z.domain_id = d.id
      left join reconcile_work w on w.reconciler = 'dns' and w.key = d.id::text
      left join reconcile_conditions c on c.reconciler = 'dns' and c.key = d.id::text`.execute(db)
  )
  metrics.dnsDesired.reset()
  metrics.dnsObserved.reset()
  metrics.dnsDeletionsHeld.reset()
  metrics.dnsDrifted.reset()
  for (const { desired, drifted, foreign, held, ours, zone } of rows) {
    metrics.dnsDeletionsHeld.set({ zone }, held)
    metrics.dnsDrifted.set({ zone }, drifted)
    metrics.dnsDesired.set({ zone }, desired)
    metrics.dnsObserved.set({ zone, owner: "ours" }, ours)
    metrics.dnsObserved.set({ zone, owner: "foreign" }, foreign)
  }
  const stalled = rows.filter((row) => row.stalled).length
  const ready = rows.filter((row) => !row.waits).length
  setConditions(metrics, "Domain", { total: rows.length, ready, stalled })
  metrics.nonterminalOldest.set({ kind: "Domain" }, Math.max(0, ...rows.map(({ since }) => since)))
})

const records = Effect.gen(function* () {
  const { query } = yield* Database
  const metrics = yield* Metrics
  const { rows } = yield* query("gauges.records", (db) =>
    sql<{ total: number; ready: number; stalled: number; oldest: number | null }>`
      select count(*) as total, count(*) filter (where status = 'active') as ready,
        count(*) filter (where status = 'error' and retry_stopped) as stalled,
        (select extract(epoch from driftless_now() - min(changed_at))::float8 from dns_records
          where observed_generation < generation) as oldest
      from domain_dns_records`.execute(db)
  )
  const [row] = rows
  if (row === undefined) return
  setConditions(metrics, "DnsRecord", row)
  metrics.nonterminalOldest.set({ kind: "DnsRecord" }, Math.max(0, row.oldest ?? 0))
})

const setConditions = (
  { condition }: Metrics["Service"],
  kind: string,
  { ready, stalled, total }: { readonly total: number; readonly ready: number; readonly stalled: number }
) => {
  const counts = { Ready: ready, Stalled: stalled, Reconciling: total - ready - stalled }
  for (const [type, holds] of Object.entries(counts)) {
    condition.set({ kind, type, status: "True" }, holds)
    condition.set({ kind, type, status: "False" }, total - holds)
  }
}

const budgets = Effect.gen(function* () {
  const { query } = yield* Database
  const metrics = yield* Metrics
  const { rows } = yield* query("gauges.budgets", (db) =>
    sql<{ credential: string; left: number }>`
      select k.name as credential, min(case
          when b.blocked_until > driftless_now() then 0
          when b.window_ends_at <= driftless_now() then 1
          else greatest(0, 1 - b.used::float8 / b.capacity) end)::float8 as left
      from api_budgets b
      join dns_zones z on z.token_hash = b.token_hash
      join domain_dns_providers p on p.domain_id = z.domain_id
      join api_keys k on k.id = p.api_key_id
      group by k.name`.execute(db)
  )
  metrics.dnsApiBudget.reset()
  for (const { credential, left } of rows) metrics.dnsApiBudget.set({ credential }, left)
})
