/** What migrations and triggers keep true, on every backend: time, epoch, generations, work. */
import { assert, type Vitest } from "@effect/vitest"
import { Effect } from "effect"
import { sql } from "kysely"
import { Database } from "../../src/database/database.ts"
import { migrate, migrations, PROGRAM_VERSION, ProgramTooOld } from "../../src/database/migrate.ts"
import { makeDue } from "../../src/reconcilers/kubernetes/store.ts"
import { emptied, row, rows } from "../support/database.ts"
import { aDomain, aRecord, recordFacts, workOf } from "../support/database-rows.ts"

export const schemaContract = (it: Vitest.MethodsNonLive<Database>) => {
  it.effect("migrating twice finds nothing to do", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* migrate(), [])
      const { n } = yield* row(sql<{ n: number }>`select count(*)::int as n from driftless_migrations`)
      assert.strictEqual(n, migrations().length)
    })
  )

  it.effect("a migration that fails leaves nothing of itself behind", () =>
    Effect.gen(function* () {
      const broken = { name: "9999_broken", text: "create table half (id int); select no_such_function();" }
      yield* Effect.flip(migrate([...migrations(), broken]))
      const { half } = yield* row(sql<{ half: string | null }>`select to_regclass('half')::text as half`)
      assert.isNull(half)
      assert.deepStrictEqual(yield* migrate(), [])
    })
  )

  it.effect("a program older than the database serves is refused, and one that it still serves is not", () =>
    Effect.gen(function* () {
      const { transaction } = yield* Database
      const served = (version: string) => rows(sql`update driftless_instance set oldest_program = ${version}`)
      const undone = yield* Effect.flip(
        transaction(
          "test",
          Effect.gen(function* () {
            yield* served("99.0.0")
            const refused = yield* Effect.flip(migrate())
            assert.instanceOf(refused, ProgramTooOld)
            assert.include(refused.message, "99.0.0")
            yield* served(PROGRAM_VERSION)
            assert.deepStrictEqual(yield* migrate(), [])
            return yield* Effect.fail("undo" as const)
          })
        )
      )
      assert.strictEqual(undone, "undo")
    })
  )

  it.effect("all SQL takes its time from driftless_now, which a test may set for its transaction", () =>
    Effect.gen(function* () {
      const { transaction } = yield* Database
      const now = row(sql<{ now: Date; real: Date }>`select driftless_now() as now, statement_timestamp() as real`)
      const inside = yield* transaction(
        "test",
        Effect.andThen(rows(sql`select set_config('driftless.now', '2031-05-06T07:08:09Z', true)`), now)
      )
      assert.strictEqual(inside.now.toISOString(), "2031-05-06T07:08:09.000Z")
      const outside = yield* now
      assert.strictEqual(outside.now.getTime(), outside.real.getTime())
    })
  )

  it.effect("the epoch changes with the boot counter", () =>
    Effect.gen(function* () {
      const { transaction } = yield* Database
      const epoch = row(sql<{ epoch: string }>`select driftless_epoch() as epoch`).pipe(
        Effect.map(({ epoch }) => epoch)
      )
      const before = yield* epoch
      assert.match(before, /^[0-9A-F]{8}-\d+$/u)
      yield* Effect.exit(
        transaction(
          "test",
          Effect.gen(function* () {
            yield* rows(sql`update driftless_instance set boot = boot + 1`)
            assert.notStrictEqual(yield* epoch, before)
            return yield* Effect.fail("undo")
          })
        )
      )
    })
  )

  it.effect("a new row has generation 1, is not observed, and makes its zone due for a user", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const before = yield* workOf(domain)
      const id = yield* aRecord({ domain })
      const facts = yield* recordFacts(id)
      assert.deepInclude(facts, { generation: 1, observed_generation: 0, retry_count: 0, drifted: false })
      const after = yield* workOf(domain)
      assert.strictEqual(after.generation, before.generation + 1)
      assert.strictEqual(after.priority, 100)
      assert.isAtMost(after.due_in, 0)
    })
  )

  it.effect("an edit of what is asked for raises the generation, clears the error, and makes the zone due", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const id = yield* aRecord({ domain })
      yield* rows(sql`update dns_records set rejected_generation = 1, retry_count = 10, retry_stopped = true,
        last_error = 'no', error_reason = 'RejectedByProvider', next_retry_at = driftless_now() where id = ${id}`)
      const before = yield* workOf(domain)
      yield* rows(sql`update dns_records set ttl = 300 where id = ${id}`)
      assert.deepInclude(yield* recordFacts(id), {
        generation: 2,
        observed_generation: 0,
        retry_count: 0,
        retry_stopped: false,
        last_error: "",
        error_reason: null,
        next_retry_at: null,
        rejected_generation: null
      })
      assert.strictEqual((yield* workOf(domain)).generation, before.generation + 1)
    })
  )

  it.effect.each([
    "type = 'CNAME', value = 'a.example.net'",
    "name = 'other'",
    "value = '192.0.2.200'",
    "ttl = 300",
    "proxied = true",
    "comment = 'words'",
    "desired_state = 'absent'"
  ])("an edit by SQL of nothing but %s is an edit", (assignments) =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const id = yield* aRecord({ domain })
      const before = yield* workOf(domain)
      yield* rows(sql`update domain_dns_records set ${sql.raw(assignments)} where id = ${id}`)
      assert.strictEqual((yield* recordFacts(id)).generation, 2)
      assert.strictEqual((yield* workOf(domain)).generation, before.generation + 1)
    })
  )

  it.effect("a report of facts raises no generation and makes nothing due", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const id = yield* aRecord({ domain })
      const before = yield* workOf(domain)
      yield* rows(
        sql`update dns_records set observed_generation = 1, provider_record_id = 'x', drifted = true where id = ${id}`
      )
      assert.strictEqual((yield* recordFacts(id)).generation, 1)
      assert.strictEqual((yield* workOf(domain)).generation, before.generation)
    })
  )

  it.effect("ten thousand rows in one transaction touch their work row once", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const before = yield* workOf(domain)
      yield* rows(sql`insert into dns_records (domain_id, type, name, value, value_hash)
        select ${domain}, 'A', 'h' || i, '192.0.2.1', '' from generate_series(1, 10000) i`)
      assert.strictEqual((yield* workOf(domain)).generation, before.generation + 1)
    })
  )

  it.effect("a change never shortens a lease: an owned work row keeps its end and is due by its generation", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      yield* rows(sql`update reconcile_work set owner = 'w', due_at = driftless_now() + interval '15 seconds'`)
      const before = yield* workOf(domain)
      yield* aRecord({ domain })
      const after = yield* workOf(domain)
      assert.strictEqual(after.due_at.getTime(), before.due_at.getTime())
      assert.strictEqual(after.generation, before.generation + 1)
    })
  )

  it.effect("a change leaves a key that is due already in its place, and makes one that is not due at once", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      yield* rows(sql`update reconcile_work set due_at = driftless_now() - interval '9 seconds'`)
      const waits = yield* workOf(domain)
      yield* aRecord({ domain, name: "a" })
      assert.strictEqual((yield* workOf(domain)).due_at.getTime(), waits.due_at.getTime())
      yield* rows(sql`update reconcile_work set due_at = driftless_now() + interval '1 hour'`)
      yield* aRecord({ domain, name: "b" })
      const isDue = sql<{ due: boolean }>`select due_at <= driftless_now() as due from reconcile_work`
      assert.deepStrictEqual(yield* rows(isDue), [{ due: true }])
    })
  )

  it.effect("an object that is due already keeps its place when it changes again", () =>
    Effect.gen(function* () {
      yield* emptied
      const change = sql`select driftless_objects_due(array['DnsRecord/team/www'])`
      yield* rows(change)
      yield* rows(sql`update reconcile_work set due_at = driftless_now() - interval '9 seconds'`)
      const due = sql<{ due_at: Date }>`select due_at from reconcile_work`
      const waits = yield* rows(due)
      yield* rows(change)
      assert.deepStrictEqual(yield* rows(due), waits)
      yield* makeDue([{ kind: "DnsRecord", namespace: "team", name: "www", fingerprint: "another" }])
      assert.deepStrictEqual(yield* rows(due), waits)
    })
  )

  it.effect("a change makes a key due no sooner than its last write can land", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      yield* rows(sql`update reconcile_work set write_until = driftless_now() + interval '9 seconds',
        due_at = driftless_now() + interval '1 hour'`)
      yield* aRecord({ domain })
      const { due_at, write_until } = yield* workOf(domain)
      assert.strictEqual(due_at.getTime(), write_until?.getTime())
      const error = yield* Effect.flip(rows(sql`update reconcile_work set due_at = driftless_now()`))
      assert.strictEqual(error.constraint, "reconcile_work_waits_for_its_write")
    })
  )

  it.effect("a domain, its binding and its credential make the zone due when they change", () =>
    Effect.gen(function* () {
      yield* emptied
      const domain = yield* aDomain("example.test")
      const touched = Effect.fnUntraced(function* (change: ReturnType<typeof sql>) {
        const before = yield* workOf(domain)
        yield* rows(change)
        return (yield* workOf(domain)).generation - before.generation
      })
      assert.strictEqual(yield* touched(sql`update domains set status = 'inactive'`), 1)
      assert.strictEqual(yield* touched(sql`update domain_dns_providers set batch_limit = 3`), 1)
      assert.strictEqual(yield* touched(sql`update domain_dns_providers set provider_zone_id = 'found'`), 0)
      assert.strictEqual(yield* touched(sql`update api_keys set status = 'inactive'`), 1)
      assert.strictEqual(yield* touched(sql`update api_keys set api_token = 'clear'`), 1)
      assert.strictEqual(yield* touched(sql`update api_keys set api_token = 'v1:sealed'`), 0)
      yield* rows(sql`delete from domain_dns_providers`)
      yield* rows(sql`delete from domains`)
      assert.deepStrictEqual(yield* rows(sql`select key from reconcile_work`), [])
    })
  )
}
