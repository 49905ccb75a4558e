/**
 * One run: a scenario on its own world from a seed. It is built, its steps and faults happen, then all is quiet, and what
 * must hold at the end is checked. Nothing of one run is left for the next.
 */
import { Duration, type Effect, type Exit } from "effect"
import type { Metrics } from "../src/metrics.ts"
import type { Engine } from "../src/simulator/engine.ts"
import type { StoredRecord } from "../src/simulator/zone-store.ts"
import { zoneId } from "../src/simulator/state.ts"
import { Disturbances } from "./disturbances.ts"
import { engineOf } from "./engines.ts"
import type { FaultPlan } from "./faults.ts"
import { Blocks, KEY } from "./blocks.ts"
import { Kernel, type Process } from "./kernel.ts"
import { Cluster } from "./kubernetes/cluster.ts"
import { Lagging } from "./lagging.ts"
import { Leaks } from "./leaks.ts"
import { Looks } from "./looks.ts"
import { attempt, Outside } from "./outside.ts"
import { Proxy } from "./proxies.ts"
import { randomOf, type Random } from "./random.ts"
import { callIn, type Incarnation, type ReplicaWorld, type Services, startReplica, stopReplica } from "./replica.ts"
import type { Session } from "./session.ts"
import type { Scenario } from "./steps.ts"
import { checkShown } from "./shown.ts"
import { type Row, Store } from "./store.ts"
import { ledgerOf, workOf } from "./rows.ts"
import { Surplus } from "./surplus.ts"
import { emptyTables, watchedRows } from "./tables.ts"
import { ProviderWatch, retryAfter } from "./watch-provider.ts"
import { StoreWatch } from "./watch-store.ts"

/** What all runs of a program share. */
export interface Bench {
  readonly session: Session
  readonly metrics: Metrics["Service"]
}

export const INSTANCE = "5137ab1e0dd5"
/** Must never be seen but by the provider. */
export const TOKEN = "canary-9f31c07be2"
/** What the Secrets of a cluster hold, and a credential that was given another token. */
export const CLUSTER_TOKENS = ["canary-b6605dd1a4", "canary-e0c2f71b95"]
export const SECRETS = [TOKEN, ...CLUSTER_TOKENS]
const CONCURRENCY = 4
export const INTERVAL = Duration.seconds(40)

export class World {
  readonly kernel: Kernel
  readonly disturbances: Disturbances
  readonly outside: Outside
  readonly leaks: Leaks
  readonly store: Store
  readonly engine: Engine
  readonly proxy: Proxy
  readonly storeWatch: StoreWatch
  readonly providerWatch: ProviderWatch
  readonly scenario: Scenario
  readonly random: Random
  readonly replicas: Array<Incarnation> = []
  readonly zones: ReadonlyArray<string>
  readonly cluster: Cluster | undefined
  /** Milliseconds from which on nothing goes wrong any more. */
  calmSince: number | undefined
  /** Milliseconds from which on all has converged. */
  settledAt: number | undefined
  /** The token of the zones that are no cluster's is revoked for good. */
  isTokenGone = false
  /** Each answer of the provider takes seconds. */
  isSlow = false
  /** Seconds by which what the provider lets read is behind. */
  behind = 0
  #incarnations = 0
  readonly #blocks = new Blocks(KEY)
  readonly #lagging: Lagging
  readonly #replicaWorld: ReplicaWorld

  constructor(seed: number, scenario: Scenario, plan: FaultPlan, { metrics, session }: Bench) {
    const kernel = new Kernel(seed)
    this.kernel = kernel
    this.disturbances = new Disturbances(kernel)
    this.scenario = scenario
    this.random = randomOf(seed, "world")
    this.outside = new Outside(kernel, plan, {
      struck: (process, site) => this.disturbances.struck(process.name, site),
      crash: (process) => this.crash(process, this.random.between(1, 12)),
      pause: (process) => this.pause(process, this.random.between(20, 90))
    })
    this.leaks = new Leaks(kernel, SECRETS)
    emptyTables(session)
    this.store = new Store(session, this.outside)
    const { concurrency = CONCURRENCY } = scenario
    const zones = scenario.zones + (scenario.cluster?.zones ?? 0)
    this.zones = Array.from({ length: zones }, (_, i) => `zone${i}.test`)
    this.engine = this.#engine("live")
    this.proxy = new Proxy(seed, scenario.echoes === true)
    this.#lagging = new Lagging(() => this.#engine("mirror"))
    this.storeWatch = new StoreWatch({
      kernel,
      now: () => this.store.now,
      processOf: (owner) => this.replicas.find(({ process }) => process.name === owner)?.process,
      alive: () => this.replicas.flatMap(({ process }) => (process.alive ? process.name : [])),
      concurrency,
      disturbedAt: (owner) => this.disturbances.at(owner, "work"),
      isQuiet: () => this.calmSince !== undefined && this.disturbances.isOver,
      wasSeen: (row, since) => this.providerWatch.wasSeen(row, since)
    })
    const surplus = new Surplus({
      kernel,
      troubledAt: () => this.disturbances.lastAt,
      skew: () => this.store.skew,
      interval: INTERVAL,
      zones,
      quota: scenario.quota
    })
    this.providerWatch = new ProviderWatch({
      kernel,
      now: () => this.store.now,
      store: this.storeWatch,
      zoneName: (domainId) => this.storeWatch.domains.get(domainId) ?? "",
      domainOf: (id) => this.#domainOf(id),
      records: (zone) => this.recordsOf(zone),
      blockedUntil: (token) => this.#blocks.until(token, this.store.now),
      isSettled: () => this.settledAt !== undefined,
      isLimitOurs: () => !this.disturbances.isLimitShared,
      isDisturbed: () => this.disturbances.areWindowsMoved,
      holdsComments: scenario.zoneType !== "secondary",
      instance: INSTANCE,
      surplus
    })
    this.cluster = scenario.cluster === undefined ? undefined : this.#cluster(scenario.cluster)
    this.store.onStatement = (site, parameters) => this.leaks.sent(site, parameters)
    const { sentAt } = this.providerWatch
    const looks = new Looks({ kernel, store: this.store, watch: this.storeWatch, interval: INTERVAL, sentAt })
    this.store.onCommit = (commit) => {
      this.providerWatch.adoptions.commit(commit)
      this.storeWatch.commit(commit)
      checkShown(this.store, commit.changes)
      looks.commit(commit)
      this.cluster?.objects.commit(commit.changes)
      for (const { new: after, old, table } of commit.changes) {
        if (table === "api_budgets") this.#blocks.note(after, this.store.now)
        if (table === "reconcile_work" && after !== null) surplus.commit(workOf(after))
        if (after === null && old !== null) this.#gone(table, old)
      }
    }
    this.#replicaWorld = {
      kernel,
      store: this.store,
      provider: this.#provider(),
      instance: INSTANCE,
      interval: INTERVAL,
      concurrency,
      pageSize: scenario.pageSize,
      key: KEY,
      metrics,
      cluster: this.cluster,
      log: (replica, line) => this.leaks.logged(replica, line)
    }
  }

  #engine(name: string): Engine {
    return engineOf(name, this.kernel, this.scenario, this.zones, SECRETS)
  }

  #cluster({ initialEvents }: NonNullable<Scenario["cluster"]>): Cluster {
    return new Cluster({
      outside: this.outside,
      store: this.storeWatch,
      provider: this.providerWatch,
      ours: (zone) => this.recordsOf(zone).filter(({ id }) => this.providerWatch.ours.has(id)),
      settledAt: () => this.settledAt,
      disturbedAt: ({ name }) => this.disturbances.at(name, "cluster"),
      tokens: CLUSTER_TOKENS,
      secrets: SECRETS,
      initialEvents
    })
  }

  #domainOf(id: string): number {
    return this.storeWatch.domainOf(this.zones.find((zone) => zoneId(zone) === id) ?? "") ?? 0
  }

  #provider(): ReplicaWorld["provider"] {
    return {
      outside: this.outside,
      engine: this.engine,
      past: () => this.#lagging.before(this.kernel.now, this.random.between(1, 59)),
      readable: () => (this.behind === 0 ? this.engine : this.#lagging.before(this.kernel.now, this.behind)),
      isSlow: () => this.isSlow,
      starting: (process, _, request) => this.providerWatch.starting(process, request),
      answered: (process, request, response) => this.providerWatch.answered(process, request, response),
      landing: (process, request, carryOut) => {
        const revision = this.engine.control.revision()
        const answer = this.providerWatch.landing(process, request, carryOut)
        const response = this.proxy.passes(request, answer, this.kernel.now)
        this.kernel.say(
          `provider answers ${process.name} ${request.method} ${request.path.slice(-18)} with ${response.status}`
        )
        if (this.engine.control.revision() !== revision) this.remember()
        if (response.status === 429) this.disturbances.blocked(retryAfter(response))
        return response
      },
      lands: (path) => {
        const id = path.split("/")[2] ?? ""
        return (this.storeWatch.work.get(String(this.#domainOf(id)))?.writeUntil ?? 0) - this.store.now - 1
      }
    }
  }

  /** In the zone of this domain nothing can be done any more. */
  isCutOff(domainId: number): boolean {
    const own = this.zones.slice(0, this.scenario.zones)
    return this.isTokenGone && own.includes(this.storeWatch.domains.get(domainId) ?? "")
  }

  hasZone(zone: string): boolean {
    return attempt(() => this.engine.control.records(zone)).ok
  }

  /** None while the zone is gone. */
  recordsOf(zone: string): ReadonlyArray<StoredRecord> {
    const outcome = attempt(() => this.engine.control.records(zone))
    return outcome.ok ? outcome.value : []
  }

  #gone(table: string, row: Row): void {
    const what = ledgerOf(row)
    if (table === "dns_records") this.providerWatch.gone(what, true)
    if (table === "dns_tombstones" && what.recordId !== null) this.providerWatch.gone(what, false)
  }

  /** Keeps what the zones are like now, for readers of a lagging copy. */
  remember(): void {
    this.providerWatch.look()
    this.#lagging.remember(this.kernel.now, this.engine)
  }

  start(index: number): void {
    this.#incarnations++
    this.kernel.say(`replica ${index} starts as r${index}.${this.#incarnations}`)
    this.disturbances.disturb(`r${index}.${this.#incarnations}`)
    this.replicas[index] = startReplica(this.#replicaWorld, `r${index}.${this.#incarnations}`)
  }

  crash(process: Process, seconds: number): void {
    if (!process.alive) return
    const index = this.replicas.findIndex((replica) => replica.process === process)
    this.kernel.say(`${process.name} dies, and starts again after ${seconds} s`)
    process.alive = false
    this.disturbances.disturb(process.name)
    this.kernel.after(seconds * 1000, () => this.start(index))
  }

  pause(process: Process, seconds: number): void {
    if (!process.alive || process.paused) return
    this.kernel.say(`${process.name} stands still for ${seconds} s`)
    process.paused = true
    this.disturbances.disturb(process.name, seconds)
    this.kernel.after(seconds * 1000, () => {
      this.kernel.say(`${process.name} goes on`)
      this.kernel.resume(process)
    })
  }

  stop(index: number, seconds: number): void {
    const replica = this.replicas[index]
    if (replica === undefined || !replica.process.alive || replica.process.paused) return
    this.kernel.say(`${replica.process.name} is told to stop`)
    stopReplica(this.#replicaWorld, replica, () => {
      this.kernel.say(`${replica.process.name} has stopped`)
      replica.process.alive = false
      this.kernel.after(seconds * 1000, () => this.start(index))
    })
  }

  /** A user's call at some replica that answers; the process it was made in, undefined when there is none. */
  call<A, E>(call: Effect.Effect<A, E, Services>, heard: (exit: Exit.Exit<A, E>) => void): Process | undefined {
    const up = this.replicas.filter(({ context, process }) => process.alive && !process.paused && context !== undefined)
    if (up.length === 0) return undefined
    const replica = this.random.pick(up)
    callIn(this.#replicaWorld, replica, call, heard)
    return replica.process
  }

  /** Every replica runs, and answers. */
  isUp(): boolean {
    return this.replicas.every(({ context, process }) => process.alive && !process.paused && context !== undefined)
  }

  /** After the tables were put back: what the watches know of them is read anew. */
  reread(): void {
    const rows = watchedRows(this.store.session)
    this.storeWatch.reset(rows)
    this.providerWatch.adoptions.reset(rows)
    this.#blocks.reset()
    for (const { row, table } of rows) if (table === "api_budgets") this.#blocks.note(row, this.store.now)
    this.cluster?.objects.reset(rows)
  }
}
