/**
 * One replica of the control plane in the simulation: the product's own layers over the shared store, the simulated
 * provider and virtual time. Dead, it leaves behind only what it had sent.
 */
import { Context, type Duration, Effect, type Exit, Fiber, Layer, type Redacted } from "effect"
import { layerBudget } from "../src/database/budget.ts"
import { Database } from "../src/database/database.ts"
import { Secrets } from "../src/database/secrets.ts"
import { Wakes } from "../src/database/wake.ts"
import * as logging from "../src/logging.ts"
import { Metrics } from "../src/metrics.ts"
import { layerOver as layerCloudflareOver } from "../src/providers/cloudflare.ts"
import { layerOver } from "../src/providers/kubernetes-http.ts"
import { ZoneCache } from "../src/reconcilers/dns/cache.ts"
import { dnsReconciler } from "../src/reconcilers/dns/reconcile.ts"
import { CredentialSources } from "../src/reconcilers/dns/store/credential-sources.ts"
import { Endpoints } from "../src/reconcilers/dns/zone.ts"
import { layer as layerIntake } from "../src/reconcilers/kubernetes/layer.ts"
import { run } from "../src/reconcilers/loop.ts"
import type { Pass } from "../src/reconcilers/pass.ts"
import { databaseOf } from "./connection.ts"
import { type Kernel, Process } from "./kernel.ts"
import type { Cluster } from "./kubernetes/cluster.ts"
import { carrierOf, type ProviderWorld } from "./provider.ts"
import { randomOf } from "./random.ts"
import type { Store } from "./store.ts"

export interface ReplicaWorld {
  readonly kernel: Kernel
  readonly store: Store
  readonly provider: ProviderWorld
  readonly instance: string
  readonly interval: Duration.Duration
  /** Zones that a replica works on at a time. */
  readonly concurrency: number
  /** Records of one page of the provider's lists; undefined is the product's own. */
  readonly pageSize: number | undefined
  readonly key: Redacted.Redacted<Buffer>
  readonly metrics: Metrics["Service"]
  readonly cluster: Cluster | undefined
  /** Gets every line that the product logs, as it would be written. */
  readonly log: (replica: string, line: string) => void
}

/** What the product's stores need: users' calls run on it. */
export type Services = Database | Wakes | Secrets | Metrics | ZoneCache | CredentialSources | Endpoints

export interface Incarnation {
  readonly process: Process
  /** Undefined until its layers are built. */
  context: Context.Context<Services> | undefined
  main: Fiber.Fiber<unknown, unknown> | undefined
}

/** Metrics of all runs of this program: they count, and nobody scrapes them. */
export const sharedMetrics = async (): Promise<Metrics["Service"]> => {
  const context = await Effect.runPromise(Effect.scoped(Layer.build(Metrics.layer)))
  return Metrics.of({ ...Context.get(context, Metrics), onScrape: () => undefined })
}

export const startReplica = (world: ReplicaWorld, name: string): Incarnation => {
  const process = new Process(name)
  const { concurrency, instance, interval, kernel, metrics } = world
  const random = randomOf(kernel.seed, `bytes ${name}`)
  const bytes = (size: number) => Buffer.from(random.hex(2 * size), "hex")
  const services = layerCloudflareOver(() => Promise.resolve(carrierOf(world.provider, process)), world.pageSize).pipe(
    Layer.provideMerge(layerBudget),
    Layer.provideMerge(Layer.mergeAll(Wakes.layer, Layer.succeed(Metrics, metrics), ZoneCache.layer)),
    Layer.provideMerge(
      Layer.mergeAll(
        Layer.succeed(Database, databaseOf(world.store, process)),
        Secrets.layer(world.key, bytes),
        CredentialSources.layer({ environment: {}, names: [], directory: undefined }),
        Endpoints.layer(undefined)
      )
    )
  )
  const main = Effect.scoped(
    Effect.gen(function* () {
      const context = yield* Layer.build(services)
      incarnation.context = context
      const dns = dnsReconciler({ instance, interval, concurrency })
      const intake = world.cluster === undefined ? undefined : intakeOf(world.cluster, process)
      // As in the product's own composition: what a pass of a zone wrote is told by the objects that asked for it.
      const reconcile = (pass: Pass) =>
        intake === undefined
          ? dns.reconcile(pass)
          : Effect.ensuring(dns.reconcile(pass), Context.get(context, Wakes).send("kubernetes"))
      const loop = run({ ...dns, reconcile }, { owner: name })
      yield* Effect.provide(Layer.build(intake === undefined ? loop : Layer.merge(loop, intake)), context)
      return yield* Effect.never
    })
  ).pipe(Effect.provide(loggingOf(world, process)))
  const incarnation: Incarnation = { process, context: undefined, main: undefined }
  incarnation.main = Effect.runFork(kernel.services(process, main))
  return incarnation
}

/** Down to what nobody reads as a rule: nothing secret may be in it either. */
const loggingOf = (world: ReplicaWorld, { name }: Process) =>
  logging.layerStream({ write: (line) => world.log(name, line) }, "debug", false)

const intakeOf = (cluster: Cluster, process: Process) =>
  Layer.provide(layerIntake(cluster.intakeOf(process)), layerOver(cluster.sendOf(process)))

/** Runs a user's call in a replica, as its API does; `heard` gets the answer, never when the replica dies before. */
export const callIn = <A, E>(
  world: ReplicaWorld,
  { context, process }: Incarnation,
  call: Effect.Effect<A, E, Services>,
  heard: (exit: Exit.Exit<A, E>) => void
): void => {
  if (context === undefined) return
  const fiber = Effect.runFork(
    world.kernel.services(process, call.pipe(Effect.provide(context), Effect.provide(loggingOf(world, process))))
  )
  fiber.addObserver((exit) => {
    if (process.alive) heard(exit)
  })
}

/** Ends a replica as SIGTERM does. */
export const stopReplica = (world: ReplicaWorld, { main, process }: Incarnation, ended: () => void): void => {
  if (main === undefined) return
  main.addObserver(() => {
    if (process.alive) ended()
  })
  Effect.runFork(world.kernel.services(process, Fiber.interrupt(main)))
}
