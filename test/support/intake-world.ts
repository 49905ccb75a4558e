/**
 * The intake with everything behind it, in real time: real SQL on an embedded database, DNS reconciled against a
 * strict simulator, and whatever stands for the cluster. One world serves a file; each test uses namespaces of its own.
 */
import { Clock, Duration, Effect, Exit, Layer, Logger, Redacted, Scope } from "effect"
import { CompiledQuery } from "kysely"
import { randomUUID } from "node:crypto"
import { layerBudget } from "../../src/database/budget.ts"
import { Database } from "../../src/database/database.ts"
import { identify } from "../../src/database/instance.ts"
import { migrate } from "../../src/database/migrate.ts"
import { layerMemory } from "../../src/database/pglite.ts"
import { Secrets } from "../../src/database/secrets.ts"
import { Wakes } from "../../src/database/wake.ts"
import { Metrics } from "../../src/metrics.ts"
import { layerCloudflare } from "../../src/providers/cloudflare.ts"
import type { Kubernetes } from "../../src/providers/kubernetes.ts"
import { ZoneCache } from "../../src/reconcilers/dns/cache.ts"
import { dnsReconciler } from "../../src/reconcilers/dns/reconcile.ts"
import { CredentialSources } from "../../src/reconcilers/dns/store/credential-sources.ts"
import { Endpoints } from "../../src/reconcilers/dns/zone.ts"
import { type KubernetesLayerOptions, layer as intakeLayer } from "../../src/reconcilers/kubernetes/layer.ts"
import { run } from "../../src/reconcilers/loop.ts"
import type { Pass } from "../../src/reconcilers/pass.ts"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import type { VirtualClock } from "./dns-clock.ts"

export const TOKEN = "canary-5f1c7be0c3a94b2e8d6a"
export const OTHER_TOKEN = "canary-9a8b7c6d5e4f30211203"

export type Services = Database | Secrets | Wakes | Metrics | CredentialSources

export interface IntakeWorld {
  readonly simulator: Simulator
  readonly logs: ReadonlyArray<string>
  readonly metrics: () => Promise<string>
  sql<A = Readonly<Record<string, unknown>>>(text: string, values?: ReadonlyArray<unknown>): Promise<ReadonlyArray<A>>
  run<A, E>(effect: Effect.Effect<A, E, Services>): Promise<A>
  /** Another replica of the intake over the same database; answers how to end it. */
  intake(options?: Partial<KubernetesLayerOptions>): Promise<() => Promise<void>>
  close(): Promise<void>
}

export interface IntakeWorldOptions {
  readonly cluster: Layer.Layer<Kubernetes>
  /** Embedded in memory unless given. */
  readonly database?: Layer.Layer<Database, unknown>
  readonly zones: ReadonlyArray<string>
  /** Of the Lease. */
  readonly namespace?: string
  /** Between two looks at a zone. */
  readonly interval?: Duration.Duration
  /** Of everything but the SQL; real time unless given. */
  readonly clock?: VirtualClock
}

export const startIntakeWorld = async (options: IntakeWorldOptions): Promise<IntakeWorld> => {
  const { clock } = options
  const now = clock === undefined ? {} : { now: () => clock.now }
  const simulator = await startSimulator({ ...now, tokens: [TOKEN, OTHER_TOKEN], zones: options.zones })
  const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    clock === undefined ? effect : Effect.provideService(effect, Clock.Clock, clock)
  const logs: Array<string> = []
  const scope = Scope.makeUnsafe()
  const logger = Logger.layer([
    Logger.make<unknown, void>(({ cause, logLevel, message }) => {
      logs.push(`${logLevel} ${JSON.stringify(message)} ${cause.reasons.length === 0 ? "" : JSON.stringify(cause)}`)
    })
  ])
  const base = Layer.mergeAll(
    Secrets.layer(Redacted.make(Buffer.alloc(32, 7))),
    CredentialSources.layer({
      environment: { CLOUDFLARE_API_TOKEN: TOKEN },
      names: ["CLOUDFLARE_API_TOKEN"],
      directory: undefined
    }),
    Endpoints.layer(simulator.url),
    Metrics.layer,
    Wakes.layer,
    ZoneCache.layer,
    options.cluster
  ).pipe(Layer.provideMerge(options.database ?? layerMemory))
  const services = layerCloudflare.pipe(
    Layer.provideMerge(layerBudget),
    Layer.provideMerge(base),
    Layer.provideMerge(logger)
  )
  const context = await Effect.runPromise(timed(Layer.buildWithScope(services, scope)))
  const here = <A, E>(effect: Effect.Effect<A, E, Services | Scope.Scope>) =>
    Effect.runPromise(timed(Effect.scoped(Effect.provideContext(effect, context))))
  await here(migrate())
  const instance = await here(identify("0123456789ab"))

  const launch = async <E>(started: Layer.Layer<never, E, Layer.Success<typeof services>>) => {
    const own = Scope.makeUnsafe()
    await Effect.runPromise(timed(Layer.buildWithScope(Layer.provide(started, Layer.succeedContext(context)), own)))
    return () => Effect.runPromise(Scope.close(own, Exit.void))
  }
  const stops: Array<() => Promise<void>> = []
  stops.push(
    await launch(
      Layer.unwrap(
        Effect.gen(function* () {
          const wakes = yield* Wakes
          const zones = dnsReconciler({ instance, interval: options.interval ?? Duration.seconds(40), concurrency: 4 })
          const reconcile = (pass: Pass) => Effect.ensuring(zones.reconcile(pass), wakes.send("kubernetes"))
          return run({ ...zones, reconcile }, { owner: `dns-${randomUUID()}` })
        })
      )
    )
  )
  return {
    simulator,
    logs,
    metrics: () => here(Effect.flatMap(Metrics, ({ expose }) => expose)),
    sql: async <A>(text: string, values: ReadonlyArray<unknown> = []) => {
      const asked = Effect.flatMap(Database, ({ query }) =>
        query("test", (db) => db.executeQuery<A>(CompiledQuery.raw(text, [...values])))
      )
      return (await here(asked)).rows
    },
    run: here,
    intake: async (given = {}) => {
      const stop = await launch(
        intakeLayer({
          concurrency: 4,
          credentialSources: [],
          watchNamespaces: [],
          secretNamespaces: [],
          lease: {
            namespace: options.namespace ?? "driftless-system",
            name: "driftless",
            owner: `intake-${randomUUID()}`
          },
          ...given
        })
      )
      stops.push(stop)
      return stop
    },
    close: async () => {
      for (const stop of stops.toReversed()) await stop()
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await simulator.close()
    }
  }
}
