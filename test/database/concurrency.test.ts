/** What the database keeps true between connections and processes; the embedded one has a single session. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Context, Deferred, Effect, Fiber, Layer, Queue, Redacted, Stream } from "effect"
import { sql } from "kysely"
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { Database } from "../../src/database/database.ts"
import { migrations } from "../../src/database/migrate.ts"
import { Wakes } from "../../src/database/wake.ts"
import {
  anotherPool,
  anyPostgres,
  DatabaseUrl,
  eventually,
  freshUrl,
  layerFresh,
  poolOf,
  row,
  rows,
  skipped
} from "../support/database.ts"
import { deafTo } from "../support/postgres-proxy.ts"
import { execute } from "../support/postgres.ts"

const offer = await anyPostgres()
const run = promisify(execFile)
const migrateProcess = new URL("../support/database-migrate-process.ts", import.meta.url).pathname

describe.skipIf(offer.missing)(`PostgreSQL between connections${skipped(offer)}`, () => {
  layer(layerFresh(offer), { excludeTestServices: true })((it) => {
    it.effect("two transactions that lock in opposite order both commit: the deadlock's victim runs again", () =>
      Effect.gen(function* () {
        yield* rows(sql`create table accounts (id int primary key, n int not null default 0)`)
        yield* rows(sql`insert into accounts (id) values (1), (2)`)
        const { transaction } = yield* Database
        let attempts = 0
        const locked = [yield* Deferred.make<void>(), yield* Deferred.make<void>()] as const
        const take = (id: number) => rows(sql`update accounts set n = n + 1 where id = ${id}`)
        const crossing = (first: 1 | 2, second: 1 | 2) =>
          transaction(
            "cross",
            Effect.gen(function* () {
              attempts++
              yield* take(first)
              yield* Deferred.succeed(locked[first - 1]!, undefined)
              yield* Deferred.await(locked[second - 1]!)
              yield* take(second)
            })
          )
        yield* Effect.all([crossing(1, 2), crossing(2, 1)], { concurrency: 2 })
        assert.deepStrictEqual(yield* rows(sql`select n from accounts`), [{ n: 2 }, { n: 2 }])
        assert.isAtLeast(attempts, 3)
      })
    )

    it.effect("every connection gives up a lock, an idle transaction and a statement that hang", () =>
      Effect.gen(function* () {
        const { transaction } = yield* Database
        const settings = transaction(
          "settings",
          row(sql`select current_setting('lock_timeout') as lock, pg_backend_pid() as pid, pg_sleep(0.05),
            current_setting('idle_in_transaction_session_timeout') as idle, current_setting('statement_timeout') as statement`)
        )
        const all = yield* Effect.all(
          Array.from({ length: 10 }, () => settings),
          { concurrency: 10 }
        )
        assert.isAbove(new Set(all.map((s) => (s as { pid: number }).pid)).size, 3)
        for (const each of all) assert.deepInclude(each, { lock: "5s", idle: "5s", statement: "30s" })
      })
    )

    it.effect("a reader of a channel hears that it listens, then what other connections say", () =>
      Effect.gen(function* () {
        const { listen } = yield* Database
        const heard = yield* Queue.unbounded<string>()
        yield* listen("news").pipe(
          Stream.runForEach((payload) => Queue.offer(heard, payload)),
          Effect.forkScoped
        )
        assert.strictEqual(yield* Queue.take(heard), "")
        yield* rows(sql`select pg_notify('news', 'hello')`)
        assert.strictEqual(yield* Queue.take(heard), "hello")
      })
    )

    it.effect("a wake-up reaches another process after the commit, and never without one", () =>
      Effect.gen(function* () {
        const here = yield* wakesOn(yield* Database)
        const other = yield* anotherPool()
        const there = yield* wakesOn(other)
        const hints = yield* there.hints("probe")
        yield* eventually(there.healthy, Boolean)
        yield* Queue.clear(hints)
        const others = yield* there.hints("other")
        const { transaction } = yield* Database
        yield* Effect.exit(transaction("t", Effect.andThen(here.send("probe"), Effect.fail("no"))))
        yield* transaction("t", here.send("other"))
        // Notices come in order: when this one is there, one before it would be too.
        yield* Queue.take(others).pipe(Effect.timeout("10 seconds"))
        assert.strictEqual((yield* Queue.clear(hints)).length, 0)
        yield* transaction("t", here.send("probe"))
        yield* Queue.take(hints).pipe(Effect.timeout("10 seconds"))
      })
    )

    it.effect("a listener whose connection is cut connects again and tells everyone to look for themselves", () =>
      Effect.gen(function* () {
        const there = yield* wakesOn(yield* anotherPool())
        const hints = yield* there.hints("probe")
        yield* eventually(there.healthy, Boolean)
        yield* Queue.clear(hints)
        const cut = yield* rows(sql`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'driftless driftless_wake' and datname = current_database()`)
        assert.isAtLeast(cut.length, 1)
        // What was said meanwhile is lost; the hint that comes with the new connection makes up for it.
        yield* Queue.take(hints).pipe(Effect.timeout("10 seconds"))
        assert.isTrue(yield* there.healthy)
      })
    )

    it.effect("a listener behind a pooler that delivers no notice is never taken for a healthy one", () =>
      Effect.gen(function* () {
        const pooler = yield* deafTo(yield* DatabaseUrl)
        const there = yield* wakesOn(yield* poolOf(pooler.url))
        yield* Effect.timeout(pooler.withheld, "10 seconds")
        assert.isFalse(yield* there.healthy)
      })
    )

    it.effect("an update through the view of records keeps what others changed meanwhile, deletions included", () =>
      Effect.gen(function* () {
        const [made] = yield* rows(sql<{
          id: number
        }>`with d as (insert into domains (domain) values ('view.test') returning id)
          insert into dns_records (domain_id, type, name, value, value_hash) select id, 'A', 'www', '192.0.2.1', '' from d returning id`)
        const { transaction } = yield* Database
        const holding = yield* Deferred.make<void>()
        const free = yield* Deferred.make<void>()
        const deletes = Effect.gen(function* () {
          yield* rows(sql`update dns_records set desired_state = 'absent', value = '192.0.2.2' where id = ${made?.id}`)
          yield* Deferred.succeed(holding, undefined)
          yield* Deferred.await(free)
        })
        const holder = yield* Effect.forkChild(transaction("deletes", deletes))
        yield* Deferred.await(holding)
        const updater = yield* Effect.forkChild(
          rows(sql`update domain_dns_records set ttl = 300 where id = ${made?.id}`)
        )
        const waiting = rows(sql`select 1 from pg_stat_activity where datname = current_database()
          and wait_event_type = 'Lock' and query like 'update domain_dns_records set ttl%'`)
        yield* eventually(waiting, (found) => found.length > 0)
        yield* Deferred.succeed(free, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.join(updater)
        assert.deepStrictEqual(
          yield* rows(sql`select desired_state, value, ttl from dns_records where id = ${made?.id}`),
          [{ desired_state: "absent", value: "192.0.2.2", ttl: 300 }]
        )
      })
    )

    it.effect("a transaction that waits for a locked row goes on when the row is free", () =>
      Effect.gen(function* () {
        yield* rows(sql`create table one (n int)`)
        yield* rows(sql`insert into one values (0)`)
        const { transaction } = yield* Database
        const holding = yield* Deferred.make<void>()
        const free = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(
          transaction(
            "holder",
            Effect.gen(function* () {
              yield* rows(sql`update one set n = n + 1`)
              yield* Deferred.succeed(holding, undefined)
              yield* Deferred.await(free)
            })
          )
        )
        yield* Deferred.await(holding)
        const waiter = yield* Effect.forkChild(transaction("waiter", rows(sql`update one set n = n + 1`)))
        const waiting = rows(sql`select 1 from pg_stat_activity where wait_event_type = 'Lock'`)
        yield* eventually(waiting, (found) => found.length > 0)
        yield* Deferred.succeed(free, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.join(waiter)
        assert.deepStrictEqual(yield* rows(sql`select n from one`), [{ n: 2 }])
      })
    )
  })

  it.live("two programs that migrate an empty database at once apply each migration once", () =>
    Effect.gen(function* () {
      const url = Redacted.value(yield* freshUrl(offer, "empty"))
      const both = yield* Effect.promise(() =>
        Promise.all(
          [0, 1].map(() => run(process.execPath, ["--disable-warning=ExperimentalWarning", migrateProcess, url]))
        )
      )
      const applied = both.flatMap(({ stdout }) => JSON.parse(stdout) as ReadonlyArray<string>)
      assert.deepStrictEqual(
        applied,
        migrations().map(({ name }) => name)
      )
      const stored = yield* Effect.promise(() => execute(url, "select count(*)::int as n from driftless_migrations"))
      assert.deepStrictEqual(stored.rows, [{ n: migrations().length }])
    })
  )
})

const wakesOn = (database: Database["Service"]) =>
  Layer.build(Layer.fresh(Wakes.layer)).pipe(
    Effect.map((context) => Context.get(context, Wakes)),
    Effect.provideService(Database, database)
  )
