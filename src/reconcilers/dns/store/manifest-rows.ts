/** The rows that follow from a Credential or a Domain, brought to what its spec says. */
import { Effect, Result } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { normaliseDomain } from "../../../model/dns/names.ts"
import type { DocumentOf } from "../../../model/kinds/kinds.ts"
import { refuse } from "./refusal.ts"

/** Answers the id of the api_keys row. */
export const writeCredential = Effect.fnUntraced(function* (manifestId: number, document: DocumentOf<"Credential">) {
  const { query } = yield* Database
  const { account, provider, status, tokenFrom } = document.spec
  const source = sourceOf(document.metadata.namespace, tokenFrom)
  const values = { name: document.metadata.name.slice(0, 128), provider, account, token_from: source, status }
  const row = yield* query("manifests.credential", (db) =>
    db
      .insertInto("api_keys")
      .values({ ...values, manifest_id: manifestId })
      .onConflict((conflict) =>
        conflict.column("manifest_id").doUpdateSet({ ...values, updated_at: sql<Date>`driftless_now()` })
      )
      .returning("id")
      .executeTakeFirstOrThrow()
  )
  return row.id
})

const sourceOf = (
  namespace: string,
  { env, file = "", secretRef }: DocumentOf<"Credential">["spec"]["tokenFrom"]
): string =>
  secretRef === undefined
    ? env === undefined
      ? `file:${file}`
      : `env:${env}`
    : `secret:${namespace}/${secretRef.name}/${secretRef.key}`

export interface DomainLink {
  readonly id: number
  readonly domain: string
}

/** Answers the domains row and the zone's name. */
export const writeDomain = Effect.fnUntraced(function* (
  manifestId: number,
  document: DocumentOf<"Domain">,
  credentialId: number,
  before: DomainLink | undefined,
  index: number
) {
  const domain = Result.getOrElse(normaliseDomain(document.spec.domain), () => document.spec.domain)
  if (before !== undefined && before.domain !== domain) {
    const way = `make another Domain for ${domain}, and delete this one`
    return yield* refuse(3003, `documents[${index}].spec.domain cannot change from ${before.domain}; ${way}`)
  }
  const id = before?.id ?? (yield* claimDomain(manifestId, domain))
  yield* updateDomain(id, document)
  yield* bindDomain(id, credentialId, document.spec.batchLimit ?? null)
  return { id, domain }
})

const claimDomain = Effect.fnUntraced(function* (manifestId: number, domain: string) {
  const { query } = yield* Database
  const row = yield* query("manifests.domain", (db) =>
    db
      .insertInto("domains")
      .values({ domain, manifest_id: manifestId })
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst()
  )
  if (row !== undefined) return row.id
  const first = yield* query("manifests.domain.first", (db) =>
    db
      .selectFrom("domains as d")
      .leftJoin("manifests as m", "m.id", "d.manifest_id")
      .select(["d.id", "m.name", "m.namespace"])
      .where("d.domain", "=", domain)
      .executeTakeFirst()
  )
  const holder =
    first?.name == null
      ? `domain ${first?.id}, made over the API or by SQL`
      : `the Domain ${first.namespace ? `${first.namespace}/` : ""}${first.name}`
  return yield* refuse(3003, `Conflict: ${domain} belongs to ${holder}`, "Conflict")
})

const updateDomain = Effect.fnUntraced(function* (id: number, { spec }: DocumentOf<"Domain">) {
  const { query } = yield* Database
  yield* query("manifests.domain.update", (db) =>
    db
      .updateTable("domains")
      .set({
        purpose: spec.purpose,
        status: spec.status,
        adoption: spec.adoption,
        deletion_policy: spec.deletionPolicy,
        max_deletions: spec.maxDeletions ?? null,
        updated_at: sql<Date>`driftless_now()`
      })
      .where("id", "=", id)
      .execute()
  )
})

const bindDomain = Effect.fnUntraced(function* (domain_id: number, api_key_id: number, batch_limit: number | null) {
  const { query } = yield* Database
  yield* query("manifests.domain.bind", (db) =>
    db
      .insertInto("domain_dns_providers")
      .values({ domain_id, api_key_id, batch_limit })
      .onConflict((conflict) =>
        conflict.column("domain_id").doUpdateSet({ api_key_id, batch_limit, updated_at: sql<Date>`driftless_now()` })
      )
      .execute()
  )
})
