/** Is the world as it was asked for, and if not, since when and why? One look for the person on call. */
import { type Board, JOB } from "./board.ts"
import { stat, timeSeries } from "./panels.ts"
import { agreed, growth, quantile, rate } from "./promql.ts"

const now = {
  title: "Is the world as asked?",
  panels: [
    stat({
      title: "Records ready",
      description: "Share of DNS records that stand at the provider exactly as asked.",
      unit: "percentunit",
      decimals: 1,
      base: "red",
      levels: [
        [0.95, "yellow"],
        [1, "green"]
      ],
      queries: [
        {
          expr:
            `${agreed([], "condition", JOB, `kind="DnsRecord"`, `type="Ready"`, `status="True"`)} / (` +
            `${agreed([], "condition", JOB, `kind="DnsRecord"`, `type="Ready"`, `status="True"`)} + ` +
            `${agreed([], "condition", JOB, `kind="DnsRecord"`, `type="Ready"`, `status="False"`)})`,
          legend: "ready"
        }
      ]
    }),
    stat({
      title: "Records not ready",
      description: "Records that are not confirmed at the provider: new, changed, drifted or rejected.",
      unit: "short",
      levels: [[1, "yellow"]],
      queries: [
        {
          expr: agreed([], "condition", JOB, `kind="DnsRecord"`, `type="Ready"`, `status="False"`),
          legend: "not ready"
        }
      ]
    }),
    stat({
      title: "Waiting for a person",
      description:
        "Zones and records with the condition Stalled: retrying cannot help, somebody has to change something.",
      unit: "short",
      levels: [[1, "red"]],
      queries: [{ expr: agreed(["kind"], "condition", JOB, `type="Stalled"`, `status="True"`), legend: "{{kind}}" }]
    }),
    stat({
      title: "Oldest unconfirmed change",
      description: "Age of the oldest change, or of the oldest condition of a zone, that is not settled yet.",
      unit: "s",
      levels: [
        [120, "yellow"],
        [1800, "red"]
      ],
      queries: [{ expr: agreed([], "nonterminalOldest", JOB), legend: "age" }]
    }),
    stat({
      title: "Drift found",
      description: "Records that somebody else edited, deleted or added at the provider, in the selected time range.",
      unit: "short",
      decimals: 0,
      noValue: "none",
      levels: [[1, "orange"]],
      queries: [{ expr: growth([], "dnsDrift", "$__range", JOB), legend: "drift" }]
    }),
    stat({
      title: "Retries",
      description: "Passes and single records that had to be tried again, in the selected time range.",
      unit: "short",
      decimals: 0,
      noValue: "none",
      levels: [[1, "yellow"]],
      queries: [{ expr: growth([], "retries", "$__range", JOB), legend: "retries" }]
    })
  ]
}

const driftAndRetries = {
  title: "Drift and retries",
  panels: [
    timeSeries({
      title: "Drift by kind",
      description: "Records that somebody else edited, deleted or added at the provider. What is ours is healed.",
      unit: "short",
      counted: true,
      noValue: "none",
      queries: [{ expr: growth(["kind"], "dnsDrift", "$__interval", JOB), legend: "{{kind}}" }]
    }),
    timeSeries({
      title: "Retries by reason",
      description: "Why passes and single records had to be tried again. The reasons are those of the conditions.",
      unit: "short",
      counted: true,
      noValue: "none",
      queries: [{ expr: growth(["reason"], "retries", "$__interval", JOB), legend: "{{reason}}" }]
    })
  ]
}

const convergence = {
  title: "Convergence",
  panels: [
    timeSeries({
      title: "Zones and records by condition",
      description: "How many zones and records are ready, on their way, or waiting for a person.",
      unit: "short",
      queries: [{ expr: agreed(["kind", "type"], "condition", JOB, `status="True"`), legend: "{{kind}} {{type}}" }]
    }),
    timeSeries({
      title: "From change to confirmation",
      description:
        "How long changes of desired state took until the provider confirmed them. Empty while nothing changes.",
      unit: "s",
      noValue: "nothing changed",
      queries: [
        { expr: quantile(0.5, ["kind"], "convergence", "$__rate_interval", JOB), legend: "{{kind}} median" },
        { expr: quantile(0.99, ["kind"], "convergence", "$__rate_interval", JOB), legend: "{{kind}} 99 %" }
      ]
    }),
    timeSeries({
      title: "Calls to the provider",
      description: "Requests by answer. `none` means that no answer came.",
      unit: "reqps",
      queries: [{ expr: rate(["code"], "dnsApiRequests", "$__rate_interval", JOB), legend: "{{code}}" }]
    }),
    timeSeries({
      title: "Rate limit left",
      description:
        "Share of each credential's calls that is left in its window. Driftless leaves the last 20 % to people.",
      unit: "percentunit",
      max: 1,
      queries: [{ expr: agreed(["credential"], "dnsApiBudget", JOB), legend: "{{credential}}" }]
    })
  ]
}

const process = {
  title: "Replicas and alerts",
  panels: [
    timeSeries({
      title: "Replicas up",
      description: "Processes that Prometheus could scrape.",
      unit: "short",
      width: 8,
      queries: [{ expr: `sum by (job) (up{${JOB}})`, legend: "{{job}}" }]
    }),
    timeSeries({
      title: "Failed passes",
      description: "Share of the passes that ended in an error, by controller.",
      unit: "percentunit",
      max: 1,
      width: 8,
      queries: [
        {
          expr:
            `${rate(["controller"], "reconcileTotal", "$__rate_interval", JOB, `result="error"`)} / ` +
            rate(["controller"], "reconcileTotal", "$__rate_interval", JOB),
          legend: "{{controller}}"
        }
      ]
    }),
    timeSeries({
      title: "Alerts that fire",
      description: "Alerts of Driftless; each has a runbook page in docs/runbooks.",
      unit: "short",
      counted: true,
      noValue: "none",
      width: 8,
      queries: [
        {
          expr: `count by (alertname, severity) (ALERTS{alertname=~"Driftless.*", alertstate="firing"})`,
          legend: "{{alertname}} ({{severity}})"
        }
      ]
    })
  ]
}

export const overview: Board = {
  uid: "driftless-overview",
  title: "Driftless / Overview",
  description: "Is the world as it was asked for, and if not, since when and why?",
  rows: [now, driftAndRetries, convergence, process]
}
