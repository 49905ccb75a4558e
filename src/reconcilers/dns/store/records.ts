/**
 * Records that people and other programs ask for, one row a value. Nothing is deleted here: a row is marked absent
 * and goes when its provider has confirmed it. A row on its way out that is asked for again comes back under its id.
 */
import { Effect, Result } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { Wakes } from "../../../database/wake.ts"
import { normaliseName } from "../../../model/dns/names.ts"
import type { OwnerType, RecordType } from "../../../model/dns/record.ts"
import { canonicalText, parseDesired } from "../../../model/dns/value.ts"
import { recordMistakes } from "../../../model/kinds/dns-record.ts"
import { noDomain } from "./body-references.ts"
import { get } from "./record-views.ts"
import { check, notFound, orRefuse, refuse, refuseAll } from "./refusal.ts"

export interface NewRecord {
  readonly domainId: number
  readonly type: RecordType
  readonly name: string
  readonly value: string
  readonly ttl?: number
  readonly proxied?: boolean
  readonly comment?: string
  readonly ownerType?: OwnerType
  /** A label: nobody checks that the owner is there. */
  readonly ownerId?: number
}

export interface RecordChange {
  readonly id: number
  readonly value?: string
  readonly ttl?: number
  readonly proxied?: boolean
  /** Null takes it away. */
  readonly comment?: string | null
}

export const create = Effect.fn("records.create")(function* (input: NewRecord) {
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  return yield* transaction(
    "records.create",
    Effect.gen(function* () {
      const domain = yield* query("records.domain", (db) =>
        db.selectFrom("domains").select("domain").where("id", "=", input.domainId).forKeyShare().executeTakeFirst()
      )
      // The zone of an unknown domain cannot be told, but the other mistakes can.
      const mistakes = recordMistakes(input, domain?.domain)
      if (mistakes.length > 0) return yield* refuseAll(domain ? mistakes : [...mistakes, noDomain(input.domainId)])
      if (domain === undefined) return yield* notFound(`domain ${input.domainId} (domainId)`)
      const id = (yield* insert(input, domain.domain)) ?? (yield* revive(input, domain.domain))
      yield* wakes.send("dns")
      return yield* get(id)
    })
  )
})

/** Undefined where the same row is there already, present or on its way out. */
const insert = Effect.fnUntraced(function* (input: NewRecord, zone: string) {
  const { query } = yield* Database
  const row = yield* query("records.insert", (db) =>
    db
      .insertInto("dns_records")
      .values({ ...identity(input, zone), ...settings(input) })
      .onConflict((conflict) => conflict.doNothing())
      .returning("id")
      .executeTakeFirst()
  )
  return row?.id
})

const revive = Effect.fnUntraced(function* (input: NewRecord, zone: string) {
  const { query } = yield* Database
  const wanted = identity(input, zone)
  const row = yield* query("records.same", (db) =>
    db
      .selectFrom("dns_records")
      .select(["id", "desired_state"])
      .where((eb) => eb.and(wanted))
      .where("manifest_id", "is", null)
      .forUpdate()
      .executeTakeFirst()
  )
  if (row === undefined) return yield* refuse(3003, "the record was just removed; ask for it again")
  if (row.desired_state === "present") {
    return yield* refuse(3002, `record ${row.id} is the same: type, name, value and owner; update that one`)
  }
  yield* query("records.revive", (db) =>
    db
      .updateTable("dns_records")
      .set({ desired_state: "present", derived: false, ...settings(input) })
      .where("id", "=", row.id)
      .execute()
  )
  return row.id
})

const identity = (input: NewRecord, zone: string) => ({
  domain_id: input.domainId,
  type: input.type,
  name: Result.getOrElse(normaliseName(input.name, zone), () => input.name),
  value: storedValue(input.type, input.value),
  owner_type: input.ownerType ?? "user",
  owner_id: input.ownerId ?? 0
})

const settings = ({ comment, proxied = false, ttl = 120 }: NewRecord) => ({
  ttl,
  proxied,
  comment: stored(comment ?? null)
})

const stored = (comment: string | null): string | null =>
  comment === null || comment.trim() === "" ? null : comment.trim()

/** The value as the database keeps it; only for one that has no mistakes. */
export const storedValue = (type: RecordType, value: string): string =>
  Result.match(parseDesired(type, value), { onSuccess: canonicalText, onFailure: () => value })

export const update = Effect.fn("records.update")(
  function* (change: RecordChange) {
    const { query, transaction } = yield* Database
    const wakes = yield* Wakes
    return yield* transaction(
      "records.update",
      Effect.gen(function* () {
        const row = yield* query("records.lock", (db) =>
          db
            .selectFrom("dns_records")
            .select(["id", "type", "derived", "manifest_id", "desired_state"])
            .where("id", "=", change.id)
            .forUpdate()
            .executeTakeFirst()
        )
        if (row === undefined) return yield* notFound(`record ${change.id}`)
        yield* requireOwn([row])
        if (row.desired_state === "absent") {
          return yield* refuse(3003, `record ${row.id} is on its way out; create it anew instead`)
        }
        yield* check(recordMistakes({ ...change, type: row.type }))
        const { comment, proxied, ttl, value } = change
        if ([comment, proxied, ttl, value].every((field) => field === undefined)) return yield* get(row.id)
        yield* query("records.update", (db) =>
          db
            .updateTable("dns_records")
            .set({
              ...(value === undefined ? {} : { value: storedValue(row.type as RecordType, value) }),
              ...(ttl === undefined ? {} : { ttl }),
              ...(proxied === undefined ? {} : { proxied }),
              ...(comment === undefined ? {} : { comment: stored(comment) })
            })
            .where("id", "=", row.id)
            .execute()
        )
        yield* wakes.send("dns")
        return yield* get(row.id)
      })
    )
  },
  Effect.catch(orRefuse({ unique: refuse(3002, "another record has that type, name, value and owner already") }))
)

/** Marks those of at least one id as absent, all or none; answers how many were present before. */
export const remove = Effect.fn("records.remove")(function* (ids: ReadonlyArray<number>) {
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  return yield* transaction(
    "records.remove",
    Effect.gen(function* () {
      const rows = yield* query("records.lock", (db) =>
        db
          .selectFrom("dns_records")
          .select(["id", "derived", "manifest_id", "desired_state"])
          .where("id", "in", ids)
          .orderBy("id")
          .forUpdate()
          .execute()
      )
      yield* requireOwn(rows)
      const present = rows.filter((row) => row.desired_state === "present").map(({ id }) => id)
      if (present.length === 0) return 0
      yield* query("records.remove", (db) =>
        db.updateTable("dns_records").set({ desired_state: "absent" }).where("id", "in", present).execute()
      )
      yield* wakes.send("dns")
      return present.length
    })
  )
})

/** Clears the error of a rejected record and makes it due. Any other record is left as it is. */
export const retry = Effect.fn("records.retry")(function* (id: number) {
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  yield* transaction(
    "records.retry",
    Effect.gen(function* () {
      const row = yield* query("records.status", (db) =>
        db.selectFrom("domain_dns_records").select("status").where("id", "=", id).executeTakeFirst()
      )
      if (row === undefined) return yield* notFound(`record ${id}`)
      if (row.status !== "error") return
      yield* query("records.retry", (db) =>
        db
          .updateTable("dns_records")
          .set({ generation: sql<number>`generation + 1` })
          .where("id", "=", id)
          // Only while it is still the rejection that was looked at.
          .whereRef("rejected_generation", "=", "generation")
          .execute()
      )
      yield* wakes.send("dns")
    })
  )
})

interface Managed {
  readonly id: number
  readonly derived: boolean
  readonly manifest_id: number | null
}

const requireOwn = Effect.fnUntraced(function* (rows: ReadonlyArray<Managed>) {
  const derived = rows.find((row) => row.derived)
  if (derived !== undefined) return yield* refuse(3003, `record ${derived.id} follows its owner; change the owner`)
  const applied = rows.find((row) => row.manifest_id !== null)
  if (applied !== undefined) {
    return yield* refuse(3003, `record ${applied.id} was applied as a document; change or delete it there`)
  }
})
