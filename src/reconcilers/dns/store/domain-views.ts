/** Domains as they are shown, with how far they are. */
import { Effect } from "effect"
import { Database, type Connection } from "../../../database/database.ts"
import { type Condition, conditionsOf, type Counts } from "../../../model/conditions.ts"
import { offsetOf, type PageRequest } from "./pages.ts"
import { notFound } from "./refusal.ts"
import { byDomain, NO_RECORDS, type Problem, type Tally, type ZoneState, zoneStates } from "./tallies.ts"

export interface DomainView {
  readonly id: number
  readonly domain: string
  readonly purpose: "unset" | "cdn" | "general"
  readonly status: "active" | "inactive"
  readonly provider: string
  /** Null where SQL made the domain without a binding. */
  readonly apiKeyId: number | null
  /** Empty until the zone was found by its name. */
  readonly zoneId: string
  readonly plan: string
  readonly adoption: "Matching" | "Never"
  readonly deletionPolicy: "Delete" | "Retain"
  readonly maxDeletions: string | null
  readonly batchLimit: number | null
  readonly boundTo: string | null
  readonly lastListAt: string | null
  readonly observedRecords: number
  readonly foreignRecords: number
  readonly records: Counts
  readonly problems: ReadonlyArray<Problem>
  readonly conditions: ReadonlyArray<Condition>
  readonly createdAt: string
  readonly updatedAt: string
}

export const get = Effect.fn("domains.get")(function* (id: number) {
  const { query } = yield* Database
  const rows = yield* query("domains.get", (db) => joined(db).where("d.id", "=", id).execute())
  const [view] = yield* shown(rows)
  return view ?? (yield* notFound(`domain ${id}`))
})

export const list = Effect.fn("domains.list")(function* (page: PageRequest) {
  const { query } = yield* Database
  const { total } = yield* query("domains.count", (db) =>
    db
      .selectFrom("domains")
      .select((eb) => eb.fn.countAll<number>().as("total"))
      .executeTakeFirstOrThrow()
  )
  const rows = yield* query("domains.list", (db) =>
    joined(db).orderBy("d.id").limit(page.pageSize).offset(offsetOf(page)).execute()
  )
  return { ...page, total, list: yield* shown(rows) }
})

// A domain that SQL made may have no binding yet; it is shown all the same.
const joined = (db: Connection) =>
  db
    .selectFrom("domains as d")
    .leftJoin("domain_dns_providers as p", "p.domain_id", "d.id")
    .leftJoin("dns_zones as z", "z.domain_id", "d.id")
    .select(["d.id", "d.domain", "d.purpose", "d.status", "d.adoption", "d.deletion_policy", "d.max_deletions"])
    .select(["d.created_at", "d.updated_at", "p.provider", "p.api_key_id", "p.provider_zone_id", "p.batch_limit"])
    .select(["p.bound_to", "z.plan", "z.last_list_at", "z.observed_records", "z.foreign_records"])

type Row = Awaited<ReturnType<ReturnType<typeof joined>["execute"]>>[number]

const shown = Effect.fnUntraced(function* (rows: ReadonlyArray<Row>) {
  const ids = rows.map(({ id }) => id)
  if (ids.length === 0) return []
  const tallies = yield* byDomain(ids)
  const zones = yield* zoneStates(ids)
  return rows.map((row) => viewOf(row, tallies.get(row.id) ?? NO_RECORDS, zones.get(row.id)))
})

const viewOf = (row: Row, tally: Tally, zone: ZoneState | undefined): DomainView => ({
  id: row.id,
  domain: row.domain,
  purpose: row.purpose,
  status: row.status,
  provider: row.provider ?? "",
  apiKeyId: row.api_key_id,
  zoneId: row.provider_zone_id ?? "",
  plan: row.plan ?? "",
  adoption: row.adoption,
  deletionPolicy: row.deletion_policy,
  maxDeletions: row.max_deletions,
  batchLimit: row.batch_limit,
  boundTo: row.bound_to,
  lastListAt: row.last_list_at?.toISOString() ?? null,
  observedRecords: row.observed_records ?? 0,
  foreignRecords: row.foreign_records ?? 0,
  records: tally.counts,
  problems: tally.problems,
  conditions: conditionsOf({
    about: "zone",
    generation: zone?.generation ?? 0,
    deleting: false,
    absent: false,
    counts: tally.counts,
    problem: tally.problems[0],
    zone: zone?.condition,
    behind: zone?.behind ?? true
  }),
  createdAt: row.created_at.toISOString(),
  updatedAt: row.updated_at.toISOString()
})
