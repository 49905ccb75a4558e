/** Rows that tests of the database need: a domain with its binding, records with the facts that matter. */
import { Effect } from "effect"
import { sql } from "kysely"
import { row } from "./database.ts"

/** A domain with an active credential and binding; answers its id. */
export const aDomain = Effect.fnUntraced(function* (name: string) {
  const { id } = yield* row(sql<{ id: number }>`
    with d as (insert into domains (domain) values (${name}) returning id),
      k as (insert into api_keys (name, api_token) values ('key', 't') returning id),
      p as (insert into domain_dns_providers (domain_id, api_key_id) select d.id, k.id from d, k)
    select id from d`)
  return id
})

/** Answers the id of a record, written as a user would by SQL. */
export const aRecord = Effect.fnUntraced(function* ({
  domain,
  name = "www"
}: {
  readonly domain: number
  readonly name?: string
}) {
  const { id } = yield* row(sql<{ id: number }>`insert into domain_dns_records (domain_id, type, name, value)
    values (${domain}, 'A', ${name}, '192.0.2.1') returning id`)
  return id
})

export const recordFacts = (id: number) =>
  row(sql<Readonly<Record<string, unknown>>>`select * from dns_records where id = ${id}`)

export interface Work {
  readonly generation: number
  readonly observed: number
  readonly priority: number
  readonly due_at: Date
  /** Seconds from now. */
  readonly due_in: number
  readonly owner: string | null
  readonly fence: number
  readonly attempts: number
  readonly write_until: Date | null
}

export const workOf = (key: number | string, reconciler = "dns") =>
  row(sql<Work>`select *, extract(epoch from due_at - driftless_now())::float8 as due_in
    from reconcile_work where reconciler = ${reconciler} and key = ${String(key)}`)
