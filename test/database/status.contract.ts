/** The status that people see, computed from facts (the table above the view in migrations/0002_dns.sql), and the seed's SQL. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { emptied, row, rows } from "../support/database.ts"
import { aDomain, aRecord, recordFacts, workOf } from "../support/database-rows.ts"

/** Facts of a record (SQL of its columns) and of its zone's work row, and the status that follows. */
const table: ReadonlyArray<readonly [name: string, record: string, work: string, status: string]> = [
  ["a new record", "", "owner = null", "pending"],
  [
    "a record that was due when its zone was claimed",
    "",
    `owner = 'w', claimed_at = NOW, due_at = NOW + '15 s'`,
    "running"
  ],
  [
    "a record changed after its zone was claimed",
    "",
    `owner = 'w', claimed_at = NOW - '1 s', due_at = NOW + '15 s'`,
    "pending"
  ],
  ["a record whose zone's lease is over", "", `owner = 'w', claimed_at = NOW, due_at = NOW - '1 s'`, "pending"],
  ["an observed record", "observed_generation = 1", "owner = null", "active"],
  [
    "an observed record of a zone at work",
    "observed_generation = 1",
    `owner = 'w', claimed_at = NOW, due_at = NOW + '15 s'`,
    "active"
  ],
  ["an observed record that drifted", "observed_generation = 1, drifted = true", "owner = null", "pending"],
  [
    "a rejected record before its retry",
    "rejected_generation = 1, next_retry_at = NOW + '60 s'",
    "owner = null",
    "error"
  ],
  [
    "a rejected record whose retry has stopped",
    "rejected_generation = 1, retry_stopped = true",
    "owner = null",
    "error"
  ],
  ["a rejected record whose retry is due", "rejected_generation = 1, next_retry_at = NOW", "owner = null", "pending"],
  [
    "a rejected record whose retry was due at the claim",
    "rejected_generation = 1, next_retry_at = NOW - '2 s'",
    `owner = 'w', claimed_at = NOW - '1 s', due_at = NOW + '15 s'`,
    "running"
  ],
  [
    "a rejected record before its retry in a zone at work",
    "rejected_generation = 1, next_retry_at = NOW + '60 s'",
    `owner = 'w', claimed_at = NOW, due_at = NOW + '15 s'`,
    "error"
  ],
  [
    "a rejected record whose retry came due after the claim",
    "rejected_generation = 1, next_retry_at = NOW - '1 s'",
    `owner = 'w', claimed_at = NOW - '2 s', due_at = NOW + '15 s'`,
    "pending"
  ]
]

const facts = (columns: string) =>
  columns.replaceAll("NOW", "driftless_now()").replaceAll(/'(\d+ s)'/gu, "interval '$1'")

/** One transaction at the moment at which the record was changed. */
const atItsChange = <A, E, R>(body: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Database, ({ transaction }) =>
    transaction(
      "test",
      Effect.andThen(rows(sql`select set_config('driftless.now', changed_at::text, true) from dns_records`), body)
    )
  )

export const statusContract = (it: Vitest.MethodsNonLive<Database>) => {
  for (const [name, record, work, status] of table) {
    it.effect(`${name} is ${status}`, () =>
      Effect.gen(function* () {
        yield* emptied
        const id = yield* aRecord({ domain: yield* aDomain("example.test") })
        if (record !== "")
          yield* atItsChange(rows(sql`update dns_records set ${sql.raw(facts(record))} where id = ${id}`))
        const got = yield* atItsChange(
          Effect.gen(function* () {
            yield* rows(sql`update reconcile_work set ${sql.raw(facts(work))}`)
            return yield* row(sql<{ status: string }>`select status from domain_dns_records`)
          })
        )
        assert.strictEqual(got.status, status)
      })
    )
  }

  it.effect("who writes a record sees it pending, whatever claimed its zone meanwhile; others see it running", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const { transaction } = yield* Database
      const status = row(sql<{ status: string }>`select status from domain_dns_records`)
      const claimed = rows(sql`update reconcile_work set owner = 'w', claimed_at = driftless_now() + interval '1 s',
        due_at = driftless_now() + interval '15 s'`)
      const made = yield* transaction("test", Effect.andThen(aRecord({ domain }), Effect.andThen(claimed, status)))
      assert.strictEqual(made.status, "pending")
      yield* claimed
      assert.strictEqual((yield* status).status, "running")
      const edit = rows(sql`update domain_dns_records set value = '192.0.2.2'`)
      const edited = yield* transaction("test", Effect.andThen(edit, Effect.andThen(claimed, status)))
      assert.strictEqual(edited.status, "pending")
    })
  )

  it.effect("an edit of a rejected record is pending: the rejection was of another generation", () =>
    Effect.gen(function* () {
      yield* emptied
      const id = yield* aRecord({ domain: yield* aDomain("example.test") })
      yield* rows(sql`update dns_records set rejected_generation = 1, retry_stopped = true where id = ${id}`)
      yield* rows(sql`update domain_dns_records set value = '192.0.2.2' where id = ${id}`)
      assert.deepStrictEqual(yield* rows(sql`select status from domain_dns_records`), [{ status: "pending" }])
    })
  )

  it.effect("the seed's way by SQL works: insert, update, retry and delete through the view", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const made = yield* row(sql<{ id: number; status: string }>`
        insert into domain_dns_records (domain_id, type, name, value, ttl, owner_type, owner_id)
        values (${domain}, 'A', 'www', '192.0.2.1', 300, 'node_group', 7) returning id, status`)
      assert.deepInclude(yield* recordFacts(made.id), {
        ttl: 300,
        owner_type: "node_group",
        owner_id: 7,
        proxied: false
      })

      yield* rows(sql`update domain_dns_records set value = '192.0.2.2' where id = ${made.id}`)
      assert.deepInclude(yield* recordFacts(made.id), { value: "192.0.2.2", generation: 2 })

      yield* rows(sql`update dns_records set rejected_generation = 2, retry_stopped = true, retry_count = 10`)
      const before = yield* workOf(domain)
      yield* rows(sql`update domain_dns_records set status = 'pending' where id = ${made.id} and status = 'error'`)
      assert.deepInclude(yield* recordFacts(made.id), { generation: 3, retry_count: 0, retry_stopped: false })
      assert.strictEqual((yield* workOf(domain)).generation, before.generation + 1)

      yield* rows(sql`delete from domain_dns_records where id = ${made.id}`)
      assert.deepInclude(yield* recordFacts(made.id), { desired_state: "absent", generation: 4 })
    })
  )

  it.effect("what the view cannot change it refuses by name, and changes nothing", () =>
    Effect.gen(function* () {
      yield* emptied
      const id = yield* aRecord({ domain: yield* aDomain("example.test") })
      const other = yield* aDomain("other.test")
      const said = (set: string) =>
        Effect.map(
          Effect.flip(rows(sql`update domain_dns_records set ttl = 300, ${sql.raw(set)} where id = ${id}`)),
          ({ message }) => message
        )
      assert.include(yield* said(`domain_id = ${other}`), "domain_id of a record cannot change")
      assert.include(yield* said("provider_record_id = 'mine'"), "provider_record_id of a record cannot change")
      assert.deepInclude(yield* recordFacts(id), { ttl: 120, generation: 1, provider_record_id: "" })
    })
  )

  it.effect("what a document asks for is changed and deleted there alone; through the view it can be tried again", () =>
    Effect.gen(function* () {
      yield* emptied
      const id = yield* aRecord({ domain: yield* aDomain("example.test") })
      yield* rows(sql`with m as (insert into manifests (kind, name, spec) values ('DnsRecord', 'www', '{}') returning id)
        update dns_records set manifest_id = m.id, rejected_generation = 1, retry_stopped = true from m`)
      const before = yield* recordFacts(id)
      for (const statement of [
        sql`delete from domain_dns_records where id = ${id}`,
        sql`update domain_dns_records set desired_state = 'absent' where id = ${id}`,
        sql`update domain_dns_records set value = '192.0.2.7' where id = ${id}`
      ]) {
        const { message } = yield* Effect.flip(rows(statement))
        assert.include(message, `record ${id} was applied as a document; change or delete it there`)
      }
      assert.deepStrictEqual(yield* recordFacts(id), before)
      yield* rows(sql`update domain_dns_records set status = 'pending' where id = ${id}`)
      assert.deepInclude(yield* recordFacts(id), { generation: 2, retry_stopped: false })
      yield* rows(sql`update dns_records set desired_state = 'absent' where id = ${id}`)
      yield* rows(sql`delete from domain_dns_records where id = ${id}`)
    })
  )

  it.effect("the seed's twelve SQL checks find what they look for", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      for (const name of ["pending", "active", "error", "stopped", "absent"]) yield* aRecord({ domain, name })
      yield* rows(sql`update dns_records set observed_generation = 1, provider_record_id = 'id' where name = 'active'`)
      yield* rows(sql`update dns_records set rejected_generation = 1, retry_count = 5, last_error = '81057: no',
        next_retry_at = driftless_now() + interval '1 hour' where name = 'error'`)
      yield* rows(
        sql`update dns_records set rejected_generation = 1, retry_count = 10, retry_stopped = true where name = 'stopped'`
      )
      yield* rows(
        sql`update domain_dns_records set desired_state = 'absent', owner_type = 'external' where name = 'absent'`
      )

      const names = (where: string) =>
        rows(sql<{ name: string }>`select name from domain_dns_records where ${sql.raw(where)} order by id`).pipe(
          Effect.map((found) => found.map(({ name }) => name))
        )
      assert.deepStrictEqual(yield* names("status = 'pending'"), ["pending", "absent"])
      assert.deepStrictEqual(yield* names("status = 'active'"), ["active"])
      assert.deepStrictEqual(
        yield* rows(sql`select name, last_error from domain_dns_records where status = 'error' order by id`),
        [
          { name: "error", last_error: "81057: no" },
          { name: "stopped", last_error: "" }
        ]
      )
      assert.deepStrictEqual(yield* names("desired_state = 'absent'"), ["absent"])
      assert.deepStrictEqual(
        yield* rows(
          sql`select owner_type, count(*) as n from domain_dns_records group by owner_type order by owner_type`
        ),
        [
          { owner_type: "external", n: 1 },
          { owner_type: "user", n: 4 }
        ]
      )
      assert.deepStrictEqual(
        yield* rows(sql`select status, count(*) as n from domain_dns_records group by status order by status`),
        [
          { status: "active", n: 1 },
          { status: "error", n: 2 },
          { status: "pending", n: 2 }
        ]
      )
      assert.deepStrictEqual(yield* names("retry_count >= 5"), ["error", "stopped"])
      assert.deepStrictEqual(yield* names("next_retry_at is not null"), ["error"])
      assert.deepStrictEqual(yield* names("provider_record_id <> ''"), ["active"])
      assert.deepStrictEqual(
        yield* rows(
          sql`select d.domain, count(r.id) as n from domains d join domain_dns_records r on r.domain_id = d.id group by d.domain`
        ),
        [{ domain: "example.test", n: 5 }]
      )
      const latest = yield* rows(
        sql<{ name: string }>`select name from domain_dns_records order by created_at desc, id desc limit 10`
      )
      assert.deepStrictEqual(
        latest.map(({ name }) => name),
        ["absent", "stopped", "error", "active", "pending"]
      )
      assert.deepStrictEqual(yield* names("retry_count >= 10"), ["stopped"])
    })
  )
}
