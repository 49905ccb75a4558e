/** Domains and the binding of each to its zone and credential: made together, changed together, gone together. */
import { Effect, Result } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { Wakes } from "../../../database/wake.ts"
import { normaliseDomain } from "../../../model/dns/names.ts"
import { malformed } from "../../../model/kinds/mistakes.ts"
import { referredTo } from "./body-references.ts"
import { finishDeletions } from "./manifest-deletions.ts"
import { notFound, orRefuse, refuse, refuseAll } from "./refusal.ts"
import { forgetZone } from "./rebind.ts"

interface Settings {
  readonly purpose?: "unset" | "cdn" | "general"
  readonly adoption?: "Matching" | "Never"
  readonly deletionPolicy?: "Delete" | "Retain"
  /** `20` or `30%`; null takes the bound away. */
  readonly maxDeletions?: string | null
  /** Null takes the limit of the zone's plan. */
  readonly batchLimit?: number | null
}

export interface NewDomain extends Settings {
  readonly domain: string
  readonly apiKeyId: number
  /** Of the zone at the provider; found by its name when left out. */
  readonly zoneId?: string
}

export interface DomainChange extends Settings {
  readonly id: number
  readonly status?: "active" | "inactive"
  readonly apiKeyId?: number
  /** Forgets the zone, what is ours in it, and which provider it was at: for a move to another one. */
  readonly rebind?: boolean
  /** Lets the deletions go out that wait because they are more than `maxDeletions`. */
  readonly confirmDeletions?: boolean
}

export const create = Effect.fn("domains.create")(function* (input: NewDomain) {
  const name = normaliseDomain(input.domain)
  if (Result.isFailure(name)) {
    const { mistakes } = yield* referredTo({ apiKeyId: input.apiKeyId })
    return yield* refuseAll([malformed("domain", name.failure.message), ...mistakes])
  }
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  return yield* transaction(
    "domains.create",
    Effect.gen(function* () {
      yield* requireCredential(input.apiKeyId)
      const row = yield* query("domains.insert", (db) =>
        db
          .insertInto("domains")
          .values({ domain: name.success, ...domainColumns(input) })
          .onConflict((conflict) => conflict.doNothing())
          .returning("id")
          .executeTakeFirst()
      )
      if (row === undefined) return yield* alreadyThere(name.success)
      yield* query("domains.bind", (db) =>
        db
          .insertInto("domain_dns_providers")
          .values({
            domain_id: row.id,
            api_key_id: input.apiKeyId,
            provider_zone_id: input.zoneId ?? "",
            ...bindingColumns(input)
          })
          .execute()
      )
      yield* wakes.send("dns")
      return row.id
    })
  )
})

export const update = Effect.fn("domains.update")(function* (change: DomainChange) {
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  yield* transaction(
    "domains.update",
    Effect.gen(function* () {
      const row = yield* query("domains.lock", (db) =>
        db.selectFrom("domains").select("manifest_id").where("id", "=", change.id).forUpdate().executeTakeFirst()
      )
      if (row === undefined) return yield* notFound(`domain ${change.id}`)
      if (row.manifest_id !== null && changesDocument(change)) {
        return yield* refuse(3003, `domain ${change.id} ${IS_MANIFEST}; only rebind and confirmDeletions work here`)
      }
      if (change.apiKeyId !== undefined) yield* requireCredential(change.apiKeyId)
      yield* write(change)
      if (change.rebind === true) yield* forgetZone(change.id)
      // It may have been the last that used its credential.
      if (change.apiKeyId !== undefined) yield* finishDeletions()
      yield* wakes.send("dns")
    })
  )
  return change.id
})

const write = Effect.fnUntraced(function* (change: DomainChange) {
  const { query } = yield* Database
  yield* query("domains.update", (db) =>
    db
      .updateTable("domains")
      .set({
        ...domainColumns(change),
        ...(change.status === undefined ? {} : { status: change.status }),
        ...(change.confirmDeletions === true ? { deletions_confirmed_at: sql<Date>`driftless_now()` } : {}),
        updated_at: sql<Date>`driftless_now()`
      })
      .where("id", "=", change.id)
      .execute()
  )
  yield* query("domains.rebind", (db) =>
    db
      .updateTable("domain_dns_providers")
      .set({ ...bindingColumns(change), updated_at: sql<Date>`driftless_now()` })
      .where("domain_id", "=", change.id)
      .execute()
  )
  if (change.apiKeyId !== undefined) yield* bind(change.id, change.apiKeyId)
})

// A domain that SQL made may have no binding yet.
const bind = Effect.fnUntraced(function* (domain_id: number, api_key_id: number) {
  const { query } = yield* Database
  yield* query("domains.bind", (db) =>
    db
      .insertInto("domain_dns_providers")
      .values({ domain_id, api_key_id })
      .onConflict((conflict) => conflict.column("domain_id").doUpdateSet({ api_key_id }))
      .execute()
  )
})

/** Removes those of at least one id that exist, all or none; answers how many. Refused while one has records. */
export const remove = Effect.fn("domains.remove")(
  function* (ids: ReadonlyArray<number>) {
    const { query, transaction } = yield* Database
    return yield* transaction(
      "domains.remove",
      Effect.gen(function* () {
        const rows = yield* query("domains.lock", (db) =>
          db
            .selectFrom("domains")
            .select(["id", "domain", "manifest_id"])
            .where("id", "in", ids)
            .orderBy("id")
            .forUpdate()
            .execute()
        )
        const managed = rows.find(({ manifest_id }) => manifest_id !== null)
        if (managed !== undefined) return yield* refuse(3003, `domain ${managed.id} ${IS_MANIFEST}`)
        const used = yield* query("domains.used", (db) =>
          db
            .selectFrom("dns_records as r")
            .innerJoin("domains as d", "d.id", "r.domain_id")
            .select(["d.id", "d.domain"])
            .where("r.domain_id", "in", ids)
            .orderBy("d.id")
            .executeTakeFirst()
        )
        if (used !== undefined) return yield* refuse(3003, `domain ${used.id} (${used.domain}) ${HAS_RECORDS}`)
        yield* query("domains.remove", (db) => db.deleteFrom("domains").where("id", "in", ids).execute())
        yield* finishDeletions()
        return rows.length
      })
    )
  },
  Effect.catch(orRefuse({ referenced: refuse(3003, "one of the domains got a record meanwhile") }))
)

const requireCredential = Effect.fnUntraced(function* (id: number) {
  const { query } = yield* Database
  const row = yield* query("domains.credential", (db) =>
    db.selectFrom("api_keys").select("id").where("id", "=", id).forKeyShare().executeTakeFirst()
  )
  if (row === undefined) return yield* notFound(`credential ${id} (apiKeyId)`)
})

const alreadyThere = Effect.fnUntraced(function* (domain: string) {
  const { query } = yield* Database
  const row = yield* query("domains.find", (db) =>
    db.selectFrom("domains").select("id").where("domain", "=", domain).executeTakeFirst()
  )
  return yield* refuse(3002, `${domain} is there already${row === undefined ? "" : `, as domain ${row.id}`}`)
})

const changesDocument = ({ confirmDeletions: _confirm, id: _id, rebind: _rebind, ...rest }: DomainChange) =>
  Object.values(rest).some((value) => value !== undefined)

const domainColumns = ({ adoption, deletionPolicy, maxDeletions, purpose }: Settings) => ({
  ...(purpose === undefined ? {} : { purpose }),
  ...(adoption === undefined ? {} : { adoption }),
  ...(deletionPolicy === undefined ? {} : { deletion_policy: deletionPolicy }),
  ...(maxDeletions === undefined ? {} : { max_deletions: maxDeletions })
})

const bindingColumns = ({ batchLimit }: Settings) => (batchLimit === undefined ? {} : { batch_limit: batchLimit })

const IS_MANIFEST = "was applied as a document; change or delete it there"
const HAS_RECORDS = "still has records; delete them and wait until they are gone"
