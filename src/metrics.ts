/**
 * The numbers that Driftless publishes at `/metrics`. Names of controller-runtime and workqueue are theirs to the
 * letter, so that existing dashboards work; ours begin with `driftless_`. Labels are bounded: never a series per
 * record. The table in docs/operations.md is generated from here.
 */
import { Context, Effect, Layer, Struct } from "effect"
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client"

export interface Definition<M = unknown> {
  readonly kind: "counter" | "gauge" | "histogram"
  readonly name: string
  readonly help: string
  readonly labels: ReadonlyArray<string>
  readonly build: (registry: Registry) => M
}

const counter = <const L extends string = never>(
  name: string,
  help: string,
  labels: ReadonlyArray<L> = []
): Definition<Counter<L>> => ({
  kind: "counter",
  name,
  help,
  labels,
  build: (registry) => new Counter({ name, help, labelNames: [...labels], registers: [registry] })
})

const gauge = <const L extends string = never>(
  name: string,
  help: string,
  labels: ReadonlyArray<L> = []
): Definition<Gauge<L>> => ({
  kind: "gauge",
  name,
  help,
  labels,
  build: (registry) => new Gauge({ name, help, labelNames: [...labels], registers: [registry] })
})

const histogram = <const L extends string>(
  name: string,
  help: string,
  labels: ReadonlyArray<L>,
  buckets: ReadonlyArray<number>
): Definition<Histogram<L>> => ({
  kind: "histogram",
  name,
  help,
  labels,
  build: (registry) =>
    new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] })
})

const RECONCILE_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 40, 50, 60
]
const WORKQUEUE_BUCKETS = [1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, 10, 100, 1000]
const CONVERGENCE_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600]

const queue = ["name", "controller"] as const

export const definitions = {
  reconcileTotal: counter("controller_runtime_reconcile_total", "Passes by controller and result.", [
    "controller",
    "result"
  ]),
  reconcileErrors: counter("controller_runtime_reconcile_errors_total", "Passes that failed and are retried.", [
    "controller"
  ]),
  terminalErrors: counter(
    "controller_runtime_terminal_reconcile_errors_total",
    "Passes that ended in something only a person can mend.",
    ["controller"]
  ),
  reconcilePanics: counter("controller_runtime_reconcile_panics_total", "Passes that died of a defect.", [
    "controller"
  ]),
  reconcileTimeouts: counter("controller_runtime_reconcile_timeouts_total", "Passes that met their deadline.", [
    "controller"
  ]),
  reconcileTime: histogram(
    "controller_runtime_reconcile_time_seconds",
    "Duration of a pass.",
    ["controller"],
    RECONCILE_BUCKETS
  ),
  maxConcurrent: gauge("controller_runtime_max_concurrent_reconciles", "Passes that may run at a time.", [
    "controller"
  ]),
  activeWorkers: gauge("controller_runtime_active_workers", "Passes that run now.", ["controller"]),

  queueDepth: gauge("workqueue_depth", "Keys that are due and not claimed, from the database.", [...queue, "priority"]),
  queueAdds: counter("workqueue_adds_total", "Keys claimed by this process.", queue),
  queueDuration: histogram("workqueue_queue_duration_seconds", "From due to claimed.", queue, WORKQUEUE_BUCKETS),
  workDuration: histogram("workqueue_work_duration_seconds", "From claimed to completed.", queue, WORKQUEUE_BUCKETS),
  unfinishedWork: gauge("workqueue_unfinished_work_seconds", "Sum of the ages of the passes that run.", queue),
  longestRunning: gauge("workqueue_longest_running_processor_seconds", "Age of the oldest pass that runs.", queue),
  queueRetries: counter("workqueue_retries_total", "Passes that were put off after a failure.", queue),

  fenceRejected: counter("driftless_fence_rejected_total", "Writes refused because the key had a new owner.", ["site"]),
  leaseExpired: counter("driftless_lease_expired_total", "Keys taken over from an owner that went silent.", [
    "reconciler"
  ]),
  retries: counter("driftless_retries_total", "Retries by cause; those of a single record count too.", [
    "reconciler",
    "reason"
  ]),
  convergence: histogram(
    "driftless_convergence_seconds",
    "From a change of desired state to its confirmation outside.",
    ["kind"],
    CONVERGENCE_BUCKETS
  ),
  condition: gauge(
    "driftless_resource_condition",
    "Zones (`Domain`) and rows of records (`DnsRecord`) by condition, from the database.",
    ["kind", "type", "status"]
  ),
  nonterminalOldest: gauge(
    "driftless_nonterminal_oldest_seconds",
    "Age of the oldest change of a record that is not yet confirmed, and of the oldest condition of a zone, from the database.",
    ["kind"]
  ),

  kubernetesObjects: gauge(
    "driftless_kubernetes_objects",
    "Objects in the cache of the replica that runs the intake.",
    ["kind"]
  ),
  kubernetesLastSign: gauge(
    "driftless_kubernetes_watch_age_seconds",
    "Since the watch of a kind last told anything, bookmarks included; on the replica that runs the intake.",
    ["kind"]
  ),
  kubernetesWatchErrors: counter(
    "driftless_kubernetes_watch_errors_total",
    "Watches and lists that failed and are tried again.",
    ["kind", "reason"]
  ),
  kubernetesLists: counter(
    "driftless_kubernetes_lists_total",
    "Times that all objects of a kind were listed, and why.",
    ["kind", "why"]
  ),
  kubernetesDivergences: counter(
    "driftless_kubernetes_divergences_total",
    "Changes that a watch had not told and the list beside it found; must stay 0.",
    ["kind"]
  ),

  dnsDesired: gauge("driftless_dns_desired_records", "Records asked for, from the database.", ["zone"]),
  dnsObserved: gauge(
    "driftless_dns_observed_records",
    "Records seen at the provider by the last list, from the database.",
    ["zone", "owner"]
  ),
  dnsDrift: counter(
    "driftless_dns_drift_detected_total",
    "Records that somebody else edited, deleted or added at the provider.",
    ["zone", "kind"]
  ),
  dnsChanges: counter("driftless_dns_changes_total", "Operations sent to the provider.", ["zone", "op", "result"]),
  dnsBatchSize: histogram(
    "driftless_dns_batch_size",
    "Operations in one batch call.",
    [],
    [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 3500]
  ),
  dnsApiRequests: counter("driftless_dns_api_requests_total", "Calls to the provider by endpoint and code.", [
    "endpoint",
    "code"
  ]),
  dnsApiBudget: gauge(
    "driftless_dns_api_budget_remaining_ratio",
    "Share of the provider's rate limit that is left in this window, from the database.",
    ["credential"]
  ),
  dnsDeletionsHeld: gauge(
    "driftless_dns_deletions_held",
    "Deletions above maxDeletions that wait for a person, from the database.",
    ["zone"]
  ),
  dnsDrifted: gauge(
    "driftless_dns_drifted_records",
    "Records that somebody else undid and that are not healed yet, from the database.",
    ["zone"]
  ),
  databaseUp: gauge("driftless_database_up", "1 while the database answers this process, else 0.")
} as const satisfies Record<string, Definition>

interface Build extends Struct.Lambda {
  <M>(definition: Definition<M>): M
  readonly "~lambda.out": this["~lambda.in"] extends Definition<infer M> ? M : never
}

const build = (registry: Registry) =>
  Struct.map(
    definitions,
    Struct.lambda<Build>((definition) => definition.build(registry))
  )

export type MetricSet = ReturnType<typeof build>

export class Metrics extends Context.Service<
  Metrics,
  MetricSet & {
    /** Runs before each scrape, to set gauges; one that fails leaves its gauges as they were. */
    readonly onScrape: (collect: Effect.Effect<void>) => void
    /** The text format of Prometheus. */
    readonly expose: Effect.Effect<string>
  }
>()("driftless/metrics/Metrics") {
  static readonly layer = Layer.sync(Metrics, () => {
    // Our own registry, so that two layers in one test never share a counter.
    const registry = new Registry()
    collectDefaultMetrics({ register: registry })
    // promtool: a gauge must not end in `_total`.
    for (const name of ["handles", "requests", "resources"]) {
      registry.removeSingleMetric(`nodejs_active_${name}_total`)
    }
    const collectors: Array<Effect.Effect<void>> = []
    return Metrics.of({
      ...build(registry),
      onScrape: (collect) => void collectors.push(collect),
      expose: Effect.forEach(collectors, (collect) => collect, { discard: true }).pipe(
        Effect.andThen(Effect.promise(() => registry.metrics()))
      )
    })
  })
}
