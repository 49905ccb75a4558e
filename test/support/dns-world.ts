/**
 * A world of DNS on one virtual clock: real SQL on an embedded database, the real provider over HTTP, and a strict
 * simulator that it talks to. Nothing happens unless the test runs a pass or lets time go by. One world serves a file;
 * `fresh` empties it before each test.
 */
import { PGlite } from "@electric-sql/pglite"
import { Clock, type Context, Duration, Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import { layerBudget } from "../../src/database/budget.ts"
import { Database } from "../../src/database/database.ts"
import { migrate } from "../../src/database/migrate.ts"
import { fromPglite, pgliteOptions } from "../../src/database/pglite.ts"
import { Secrets } from "../../src/database/secrets.ts"
import { Wakes } from "../../src/database/wake.ts"
import * as work from "../../src/database/work.ts"
import { Metrics } from "../../src/metrics.ts"
import { layerCloudflare } from "../../src/providers/cloudflare.ts"
import { DnsProvider } from "../../src/providers/dns.ts"
import { ZoneCache } from "../../src/reconcilers/dns/cache.ts"
import { dnsReconciler } from "../../src/reconcilers/dns/reconcile.ts"
import { CredentialSources } from "../../src/reconcilers/dns/store/credential-sources.ts"
import { Endpoints } from "../../src/reconcilers/dns/zone.ts"
import { passOf, type Verdict, verdictOf } from "../../src/reconcilers/pass.ts"
import type { StoredRecord } from "../../src/simulator/zone-store.ts"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { VirtualClock } from "./dns-clock.ts"

export const ZONE = "example.test"
export const INSTANCE = "0123456789ab"
export const MARK = `[driftless:${INSTANCE}]`
/** Long and unlike anything else, so that its being written anywhere shows. */
export const TOKEN = "canary-5f1c7be0c3a94b2e8d6a"

/** Called before and after each transaction and each call of the provider; what it does happens there. */
export type Hook = (step: string) => Effect.Effect<void>

export type Services = Database | Secrets | Wakes | Metrics | CredentialSources | Endpoints | DnsProvider | ZoneCache

export interface RecordRow {
  readonly id: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly status: "pending" | "running" | "active" | "error"
  readonly desired_state: "present" | "absent"
  readonly provider_record_id: string
  readonly last_error: string
  readonly error_reason: string | null
  readonly retry_count: number
  readonly retry_stopped: boolean
  readonly next_retry_at: Date | null
  readonly drifted: boolean
}

export interface World {
  readonly clock: VirtualClock
  readonly simulator: Simulator
  readonly control: Simulator["engine"]["control"]
  readonly logs: Array<string>
  /** Everything empty again, with one domain (id 1) at the simulator. */
  fresh(): Promise<void>
  close(): Promise<void>
  advance(duration: Duration.Input): Promise<void>
  sql<A = Readonly<Record<string, unknown>>>(text: string, values?: ReadonlyArray<unknown>): Promise<Array<A>>
  /** Runs something as a replica of that name would. */
  run<A, E>(effect: Effect.Effect<A, E, Services>, replica?: string): Promise<A>
  /** One pass of each zone that is due now; the replica remembers its last lists. */
  pass(replica?: string, hook?: Hook, stopping?: Effect.Effect<boolean>): Promise<ReadonlyArray<Verdict>>
  /** Passes until nothing is due; time stands still. */
  settle(replica?: string): Promise<void>
  /** Passes, with time moved on to the next that is due, until it is so. Answers the seconds that went by. */
  until(isSo: () => boolean | Promise<boolean>, bound: Duration.Input, replica?: string): Promise<number>
  rows(): Promise<ReadonlyArray<RecordRow>>
  /** The only row of that name. */
  row(name: string): Promise<RecordRow>
  /** What stands at the provider. */
  zone(): ReadonlyArray<StoredRecord>
  condition(): Promise<{ readonly reason: string; readonly stalled: boolean; readonly message: string } | undefined>
  /** Calls of the provider since the last time this was asked. */
  calls(): Readonly<Record<string, number>>
}

export interface WorldOptions {
  readonly interval?: Duration.Duration
  readonly zones?: ReadonlyArray<string>
}

export const startWorld = async ({
  interval = Duration.seconds(40),
  zones = [ZONE]
}: WorldOptions = {}): Promise<World> => {
  const clock = new VirtualClock(Date.parse("2026-01-05T10:00:00Z"))
  const lite = await PGlite.create(pgliteOptions)
  const simulator = await startSimulator({ now: () => clock.now, tokens: [TOKEN], zones })
  const { control } = simulator.engine
  const logs: Array<string> = []
  const scope = Scope.makeUnsafe()
  const logger = Logger.layer([
    Logger.make((entry) => void logs.push(JSON.stringify([entry.message, String(entry.cause)])))
  ])
  const base = Layer.mergeAll(
    Secrets.layer(Redacted.make(Buffer.alloc(32, 7))),
    CredentialSources.layer({ environment: {}, names: [], directory: undefined }),
    Endpoints.layer(simulator.url),
    Metrics.layer,
    Wakes.layer
  ).pipe(Layer.provideMerge(Layer.succeed(Database, fromPglite(lite))))
  const onClock = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    effect.pipe(Effect.provideService(Clock.Clock, clock), Effect.provide(logger))
  const shared = await Effect.runPromise(onClock(Layer.buildWithScope(base, scope)))
  const replicas = new Map<string, Context.Context<Services>>()
  const options = { instance: INSTANCE, interval, concurrency: 4 }
  const reconciler = dnsReconciler(options)

  /** What one process has of its own: its lists, its clients, its memory of a 429. */
  const replicaOf = async (name: string) => {
    const known = replicas.get(name)
    if (known !== undefined) return known
    const own = Layer.mergeAll(Layer.provide(layerCloudflare, layerBudget), ZoneCache.layer)
    const layer = Layer.provideMerge(own, Layer.succeedContext(shared))
    const context = await Effect.runPromise(onClock(Layer.buildWithScope(Layer.fresh(layer), scope)))
    replicas.set(name, context)
    return context
  }
  const run: World["run"] = async (effect, replica = "one") => {
    const context = await replicaOf(replica)
    return Effect.runPromise(onClock(Effect.provideContext(effect, context)))
  }
  const sql: World["sql"] = async <A>(text: string, values: ReadonlyArray<unknown> = []) =>
    (await lite.query<A>(text, [...values])).rows
  const setTime = () => lite.query("select set_config('driftless.now', $1, false)", [new Date(clock.now).toISOString()])

  const pass: World["pass"] = (replica = "one", hook, stopping = Effect.succeed(false)) =>
    run(
      Effect.gen(function* () {
        const claims = yield* work.claim("dns", replica, 10)
        return yield* Effect.forEach(claims, (claim) =>
          Effect.gen(function* () {
            const ended = passOf(reconciler, { claim, stopping })
            const exit = yield* hook === undefined ? ended : hooked(ended, hook)
            const verdict = verdictOf(claim, exit, reconciler.resync, 0.5)
            if (verdict.completion !== undefined) yield* work.complete("dns", [verdict.completion])
            return verdict
          })
        )
      }),
      replica
    )
  const advance: World["advance"] = async (duration) => {
    clock.advance(duration)
    await setTime()
  }

  await Effect.runPromise(onClock(Effect.provideContext(migrate(), shared)))
  return {
    clock,
    simulator,
    control,
    logs,
    sql,
    run,
    pass,
    advance,
    settle: async (replica) => {
      for (let i = 0; i < MOST_PASSES; i++) if ((await pass(replica)).length === 0) return
      throw new Error(`still due after ${MOST_PASSES} passes at one time`)
    },
    until: async (isSo, bound, replica) => {
      const start = clock.now
      for (let i = 0; i < MOST_PASSES; i++) {
        await pass(replica)
        if (await isSo()) return (clock.now - start) / 1000
        const next = await run(work.nextDue("dns"))
        if (next === null) throw new Error("nothing is due any more")
        await advance(Duration.millis(Math.max(0, Math.ceil(next))))
        if (clock.now - start > Duration.toMillis(bound)) break
      }
      throw new Error(
        `still not so after ${(clock.now - start) / 1000} s: ${JSON.stringify(await sql("select * from domain_dns_records limit 5"))}`
      )
    },
    rows: () => sql<RecordRow>("select * from domain_dns_records order by id"),
    row: async (name) => {
      const [row, ...rest] = await sql<RecordRow>("select * from domain_dns_records where name = $1", [name])
      if (row === undefined || rest.length > 0)
        throw new Error(`${rest.length + (row === undefined ? 0 : 1)} rows are called ${name}`)
      return row
    },
    zone: () => control.records(ZONE),
    condition: async () =>
      (
        await sql<{ reason: string; stalled: boolean; message: string }>(
          "select * from reconcile_conditions where key = '1'"
        )
      )[0],
    calls: () => {
      const counts = control.counts()
      control.clearCalls()
      return counts
    },
    fresh: async () => {
      control.reset()
      replicas.clear()
      logs.length = 0
      // A day apart, so that nothing of one test reaches into the next.
      clock.advance("1 day")
      await setTime()
      await sql(
        `truncate domains, api_keys, manifests, api_budgets, reconcile_work, reconcile_conditions, dns_records restart identity cascade`
      )
      await sql(`insert into api_keys (name, api_token) values ('key', $1)`, [TOKEN])
      await sql(`insert into domains (domain) values ($1)`, [ZONE])
      await sql(`insert into domain_dns_providers (domain_id, api_key_id) values (1, 1)`)
    },
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await simulator.close()
      await lite.close()
    }
  }
}

/** The same pass with a hook around what can be cut off: transactions, and calls of the provider. */
const hooked = <A, E>(pass: Effect.Effect<A, E, Services>, hook: Hook): Effect.Effect<A, E, Services> =>
  Effect.gen(function* () {
    const database = yield* Database
    const provider = yield* DnsProvider
    const around = <A, E, R>(step: string, effect: Effect.Effect<A, E, R>) =>
      hook(`before ${step}`).pipe(Effect.andThen(effect), Effect.tap(hook(`after ${step}`)))
    return yield* pass.pipe(
      Effect.provideService(Database, {
        ...database,
        transaction: (operation, body) => around(operation, database.transaction(operation, body))
      }),
      Effect.provideService(DnsProvider, {
        ...provider,
        findZone: (...args) => around("findZone", provider.findZone(...args)),
        list: (...args) => around("list", provider.list(...args)),
        batch: (...args) => around("batch", provider.batch(...args))
      })
    )
  })

const MOST_PASSES = 500

/** Rows as the seed puts them in, by SQL; answers their ids. */
export const insertRecords = async (
  world: World,
  records: ReadonlyArray<{
    readonly name: string
    readonly value: string
    readonly type?: string
    readonly owner?: readonly [type: string, id: number]
    readonly ttl?: number
    readonly comment?: string
    readonly proxied?: boolean
  }>
): Promise<ReadonlyArray<number>> => {
  const rows = await world.sql<{ id: number }>(
    `insert into domain_dns_records (domain_id, type, name, value, ttl, proxied, comment, owner_type, owner_id)
      select 1, r.type, r.name, r.value, r.ttl, r.proxied, r.comment, r.owner_type, r.owner_id
      from jsonb_to_recordset($1::jsonb) as r (type text, name text, value text, ttl int, proxied boolean, comment text, owner_type text, owner_id int)
      returning id`,
    [
      JSON.stringify(
        records.map(({ comment = null, name, owner = ["user", 0], proxied = false, ttl = 120, type = "A", value }) => ({
          name,
          value,
          type,
          ttl,
          proxied,
          comment,
          owner_type: owner[0],
          owner_id: owner[1]
        }))
      )
    ]
  )
  return rows.map(({ id }) => id)
}

/** The records of a zone in short: `www.example.test A 192.0.2.1`, sorted. */
export const shown = (records: ReadonlyArray<StoredRecord>): ReadonlyArray<string> =>
  records.map(({ content, name, type }) => `${name} ${type} ${content}`).toSorted()
