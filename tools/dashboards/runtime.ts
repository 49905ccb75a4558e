/** The machine itself: passes, queue, leases and the process. For whoever asks why it is slow or restarts. */
import { type Board, JOB } from "./board.ts"
import { heatmap, timeSeries } from "./panels.ts"
import { agreed, buckets, growth, quantile, rate, series, together } from "./promql.ts"

const passes = {
  title: "Passes",
  panels: [
    timeSeries({
      title: "Passes by result",
      description:
        "Passes a second of each controller: success, error, or success with an early next look (requeue_after).",
      unit: "ops",
      queries: [
        {
          expr: rate(["controller", "result"], "reconcileTotal", "$__rate_interval", JOB),
          legend: "{{controller}} {{result}}"
        }
      ]
    }),
    timeSeries({
      title: "Passes that failed",
      description:
        "Passes that are retried, those that only a person can mend, those that met their deadline, and those that " +
        "died of a defect.",
      unit: "short",
      counted: true,
      noValue: "none",
      queries: [
        { expr: growth(["controller"], "reconcileErrors", "$__interval", JOB), legend: "{{controller}} retried" },
        { expr: growth(["controller"], "terminalErrors", "$__interval", JOB), legend: "{{controller}} needs a person" },
        { expr: growth(["controller"], "reconcileTimeouts", "$__interval", JOB), legend: "{{controller}} timed out" },
        { expr: growth(["controller"], "reconcilePanics", "$__interval", JOB), legend: "{{controller}} died" }
      ]
    }),
    heatmap({
      title: "Duration of a pass",
      description: "How long passes take, provider calls included.",
      unit: "s",
      expr: buckets("reconcileTime", "$__rate_interval", JOB)
    }),
    timeSeries({
      title: "Duration of a pass, quantiles",
      description: "The same as quantiles, by controller.",
      unit: "s",
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, ["controller"], "reconcileTime", "$__rate_interval", JOB),
        legend: `{{controller}} ${share * 100} %`
      }))
    }),
    timeSeries({
      title: "Passes that run",
      description: "Passes in flight in all replicas, and how many may run at a time.",
      unit: "short",
      queries: [
        { expr: together(["controller"], "activeWorkers", JOB), legend: "{{controller}} run" },
        { expr: together(["controller"], "maxConcurrent", JOB), legend: "{{controller}} may run" }
      ]
    }),
    timeSeries({
      title: "Age of the passes that run",
      description: "The oldest pass in flight, and the ages of all of them together: a pass that hangs shows here.",
      unit: "s",
      queries: [
        { expr: `max by (name) (${series("longestRunning", JOB)})`, legend: "{{name}} oldest" },
        { expr: together(["name"], "unfinishedWork", JOB), legend: "{{name}} together" }
      ]
    })
  ]
}

const queue = {
  title: "Queue",
  panels: [
    timeSeries({
      title: "Keys that wait",
      description: "Keys that are due and not claimed by any replica, by priority: 100 changes by users, -100 resyncs.",
      unit: "short",
      width: 8,
      queries: [{ expr: agreed(["name", "priority"], "queueDepth", JOB), legend: "{{name}} {{priority}}" }]
    }),
    timeSeries({
      title: "Claims",
      description: "Keys claimed a second, by replica: they share the work.",
      unit: "ops",
      width: 8,
      queries: [
        { expr: rate(["name", "instance"], "queueAdds", "$__rate_interval", JOB), legend: "{{name}} {{instance}}" }
      ]
    }),
    timeSeries({
      title: "From due to claimed",
      description: "How long keys wait until a replica takes them. Above seconds, replicas or concurrency are too few.",
      unit: "s",
      width: 8,
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, ["name"], "queueDuration", "$__rate_interval", JOB),
        legend: `{{name}} ${share * 100} %`
      }))
    }),
    timeSeries({
      title: "From claimed to completed",
      description: "How long a key is held, its completion in the database included.",
      unit: "s",
      width: 8,
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, ["name"], "workDuration", "$__rate_interval", JOB),
        legend: `{{name}} ${share * 100} %`
      }))
    }),
    timeSeries({
      title: "Passes put off",
      description: "Passes that came to nothing and wait for their next try.",
      unit: "short",
      counted: true,
      noValue: "none",
      width: 8,
      queries: [{ expr: growth(["name"], "queueRetries", "$__interval", JOB), legend: "{{name}}" }]
    }),
    timeSeries({
      title: "Leases and fences",
      description:
        "Keys taken over from a replica that went silent, and writes that were refused because their key had a new owner.",
      unit: "short",
      counted: true,
      noValue: "none",
      width: 8,
      queries: [
        { expr: growth(["reconciler"], "leaseExpired", "$__interval", JOB), legend: "{{reconciler}} lease expired" },
        { expr: growth(["site"], "fenceRejected", "$__interval", JOB), legend: "fence rejected at {{site}}" }
      ]
    })
  ]
}

const perReplica = (title: string, description: string, unit: string, metric: string) =>
  timeSeries({ title, description, unit, width: 8, queries: [{ expr: metric, legend: "{{instance}}" }] })

const process = {
  title: "Process",
  panels: [
    perReplica(
      "CPU",
      "Cores that each replica uses.",
      "short",
      `sum by (instance) (rate(process_cpu_seconds_total{${JOB}}[$__rate_interval]))`
    ),
    perReplica(
      "Memory",
      "Resident memory of each replica. With the embedded database several hundred MB are usual.",
      "bytes",
      `sum by (instance) (process_resident_memory_bytes{${JOB}})`
    ),
    perReplica(
      "JavaScript heap",
      "Heap in use by each replica.",
      "bytes",
      `sum by (instance) (nodejs_heap_size_used_bytes{${JOB}})`
    ),
    perReplica(
      "Event loop lag",
      "How late timers come (99 %). Above seconds, heartbeats are late and leases are lost.",
      "s",
      `max by (instance) (nodejs_eventloop_lag_p99_seconds{${JOB}})`
    ),
    perReplica(
      "Garbage collection",
      "Share of the time that each replica spends in garbage collection.",
      "percentunit",
      `sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${JOB}}[$__rate_interval]))`
    ),
    perReplica(
      "Uptime",
      "Time since each replica was started.",
      "s",
      `time() - max by (instance) (process_start_time_seconds{${JOB}})`
    )
  ]
}

export const runtime: Board = {
  uid: "driftless-runtime",
  title: "Driftless / Runtime",
  description: "Passes, queue, leases and the process: why it is slow, or restarts.",
  rows: [passes, queue, process]
}
