/** Objects as they are shown: what was applied, and beside it how far it is, computed on each read. */
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { type Condition, conditionsOf, type Counts, usability } from "../../../model/conditions.ts"
import type { KindName } from "../../../model/kinds/kinds.ts"
import { API_VERSION } from "../../../model/kinds/metadata.ts"
import { tokenOf } from "./credentials.ts"
import { offsetOf, type PageRequest } from "./pages.ts"
import { byDomain, byManifest, NO_RECORDS, type Problem, zoneStates } from "./tallies.ts"

export interface ManifestView {
  readonly apiVersion: string
  readonly kind: KindName
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly generation: number
    readonly creationTimestamp: string
    readonly deletionTimestamp?: string
  }
  readonly spec: Readonly<Record<string, unknown>>
  readonly status: {
    readonly observedGeneration: number
    readonly conditions: ReadonlyArray<Condition>
    /** Of the row that was made: in api_keys or domains. */
    readonly id?: number
    readonly records?: Counts
    readonly problems?: ReadonlyArray<Problem>
  }
}

export interface ManifestFilter {
  readonly kind?: KindName
  readonly name?: string
  readonly namespace?: string
}

interface Row {
  readonly id: number
  readonly kind: KindName
  readonly namespace: string
  readonly name: string
  readonly spec: Readonly<Record<string, unknown>>
  readonly metadata: {
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly generation: number
  readonly created_at: Date
  readonly deleted_at: Date | null
  /** Of the zone that it is, or that its records are in. */
  readonly domain_id: number | null
}

export const list = Effect.fn("manifests.list")(function* (filter: ManifestFilter, page: PageRequest) {
  const { query } = yield* Database
  const wanted = sql`(${filter.kind ?? null}::text is null or m.kind = ${filter.kind ?? null})
    and (${filter.name ?? null}::text is null or m.name = ${filter.name ?? null})
    and (${filter.namespace ?? null}::text is null or m.namespace = ${filter.namespace ?? null})`
  const counted = yield* query("manifests.count", (db) =>
    sql<{ total: number }>`select count(*) as total from manifests m where ${wanted}`.execute(db)
  )
  const { rows } = yield* query("manifests.list", (db) =>
    sql<Row>`${SELECT} where ${wanted}
      order by m.kind, m.namespace, m.name limit ${page.pageSize} offset ${offsetOf(page)}`.execute(db)
  )
  return { ...page, total: counted.rows[0]?.total ?? 0, list: yield* shown(rows) }
})

export interface Found {
  readonly view: ManifestView
  /** Of its zone. */
  readonly domainId: number | null
}

/** Those of these that are there, by id. */
export const some = Effect.fn("manifests.some")(function* (ids: ReadonlyArray<number>) {
  const { query } = yield* Database
  const { rows } = yield* query("manifests.some", (db) =>
    sql<Row>`${SELECT} where m.id = any(${[...ids]}::bigint[])`.execute(db)
  )
  const found = yield* shown(rows)
  return new Map(
    rows.flatMap(({ domain_id, id }, at): ReadonlyArray<readonly [number, Found]> => {
      const view = found[at]
      return view === undefined ? [] : [[id, { view, domainId: domain_id }]]
    })
  )
})

const SELECT = sql`
  select m.id, m.kind, m.namespace, m.name, m.spec, m.metadata, m.generation, m.created_at, m.deleted_at, d.id as domain_id
  from manifests m
  left join manifests z on z.kind = 'Domain' and z.namespace = m.namespace
    and z.name = case m.kind when 'Domain' then m.name else m.spec->'domainRef'->>'name' end
  left join domains d on d.manifest_id = z.id`

const shown = Effect.fnUntraced(function* (rows: ReadonlyArray<Row>) {
  const statuses = new Map([...(yield* recordStatuses(rows)), ...(yield* credentialStatuses(rows))])
  return rows.map((row): ManifestView => {
    const { annotations, labels } = row.metadata
    return {
      apiVersion: API_VERSION,
      kind: row.kind,
      metadata: {
        name: row.name,
        ...(row.namespace === "" ? {} : { namespace: row.namespace }),
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        generation: row.generation,
        creationTimestamp: row.created_at.toISOString(),
        ...(row.deleted_at === null ? {} : { deletionTimestamp: row.deleted_at.toISOString() })
      },
      spec: row.spec,
      status: statuses.get(row.id) ?? { observedGeneration: 0, conditions: [] }
    }
  })
})

/** Of Domains and DnsRecords. */
const recordStatuses = Effect.fnUntraced(function* (all: ReadonlyArray<Row>) {
  const rows = all.filter(({ kind }) => kind !== "Credential")
  const zoneIds = [...new Set(rows.flatMap(({ domain_id }) => domain_id ?? []))]
  const zones = zoneIds.length === 0 ? new Map() : yield* zoneStates(zoneIds)
  const inZone = yield* byDomain(rows.flatMap(({ domain_id, kind }) => (kind === "Domain" ? (domain_id ?? []) : [])))
  const ofRecord = yield* byManifest(rows.flatMap(({ id, kind }) => (kind === "DnsRecord" ? id : [])))
  return rows.map((row): readonly [number, ManifestView["status"]] => {
    const isZone = row.kind === "Domain"
    const { counts, problems } = (isZone ? inZone.get(row.domain_id ?? 0) : ofRecord.get(row.id)) ?? NO_RECORDS
    const zone = zones.get(row.domain_id ?? 0)
    const conditions = conditionsOf({
      about: isZone ? "zone" : "records",
      generation: row.generation,
      deleting: row.deleted_at !== null,
      absent: row.spec["state"] === "absent",
      counts,
      problem: problems[0],
      zone: zone?.condition,
      behind: isZone && zone?.behind !== false
    })
    const id = isZone && row.domain_id !== null ? { id: row.domain_id } : {}
    return [row.id, { observedGeneration: row.generation, conditions, ...id, records: counts, problems }]
  })
})

/** A Credential is as good as its token can be had, by this process. */
const credentialStatuses = Effect.fnUntraced(function* (all: ReadonlyArray<Row>) {
  const { query } = yield* Database
  const rows = all.filter(({ kind }) => kind === "Credential")
  if (rows.length === 0) return []
  const keys = yield* query("manifests.credentials", (db) =>
    db
      .selectFrom("api_keys")
      .select(["id", "api_token", "token_from", "status", "manifest_id"])
      .where(
        "manifest_id",
        "in",
        rows.map(({ id }) => id)
      )
      .execute()
  )
  return yield* Effect.forEach(rows, (row) =>
    credentialStatus(
      row,
      keys.find((key) => key.manifest_id === row.id)
    )
  )
})

interface KeyRow {
  readonly id: number
  readonly api_token: string
  readonly token_from: string | null
  readonly status: "active" | "inactive"
}

const credentialStatus = Effect.fnUntraced(function* (row: Row, key: KeyRow | undefined) {
  const problem =
    key === undefined ? ({ reason: "TokenMissing", message: "its row was deleted" } as const) : yield* problemOf(key)
  const { generation } = row
  const conditions =
    row.deleted_at === null
      ? usability(generation, problem)
      : conditionsOf({ ...DELETING, generation, counts: NO_RECORDS.counts })
  const status: ManifestView["status"] = {
    observedGeneration: generation,
    conditions,
    ...(key === undefined ? {} : { id: key.id })
  }
  return [row.id, status] as const
})

const problemOf = Effect.fnUntraced(function* (key: KeyRow) {
  if (key.status === "inactive")
    return { reason: "CredentialInactive", message: "its status is inactive: nothing is written with it" } as const
  return yield* tokenOf(key).pipe(
    Effect.as(undefined),
    Effect.catchTag("CredentialUnavailable", ({ message, reason }) => Effect.succeed({ reason, message }))
  )
})

const DELETING = {
  about: "zone",
  deleting: true,
  absent: false,
  problem: undefined,
  zone: undefined,
  behind: false
} as const
