/** DNS by zone: what was asked for, what is there, who else writes there, and what it costs in calls. */
import { type Board, JOB, ZONE } from "./board.ts"
import { heatmap, table, timeSeries } from "./panels.ts"
import { agreed, buckets, growth, quantile, rate } from "./promql.ts"

const zones = {
  title: "Zones",
  panels: [
    table({
      title: "Zones",
      description:
        "Records asked for, and what the last list of each zone held: ours, and those of others, which are left alone. " +
        "Owners that want the same value share a record, so fewer may be there than were asked for.",
      unit: "short",
      key: "zone",
      columns: [
        { title: "Asked for", expr: agreed(["zone"], "dnsDesired", JOB, ZONE) },
        { title: "Ours at the provider", expr: agreed(["zone"], "dnsObserved", JOB, ZONE, `owner="ours"`) },
        { title: "Of others", expr: agreed(["zone"], "dnsObserved", JOB, ZONE, `owner="foreign"`) },
        { title: "Drift in the time range", expr: growth(["zone"], "dnsDrift", "$__range", JOB, ZONE) },
        { title: "Changes in the time range", expr: growth(["zone"], "dnsChanges", "$__range", JOB, ZONE) },
        { title: "Deletions held", expr: agreed(["zone"], "dnsDeletionsHeld", JOB, ZONE) }
      ]
    })
  ]
}

const drift = {
  title: "Drift and retries",
  panels: [
    timeSeries({
      title: "Drift by zone",
      description: "Records that somebody else edited, deleted or added at the provider. What is ours is healed.",
      unit: "short",
      counted: true,
      noValue: "none",
      queries: [{ expr: growth(["zone", "kind"], "dnsDrift", "$__interval", JOB, ZONE), legend: "{{zone}} {{kind}}" }]
    }),
    timeSeries({
      title: "Retries by reason",
      description: "Why zones and single records had to be tried again: of all zones, whichever are selected.",
      unit: "short",
      counted: true,
      noValue: "none",
      queries: [{ expr: growth(["reason"], "retries", "$__interval", JOB, `reconciler="dns"`), legend: "{{reason}}" }]
    }),
    timeSeries({
      title: "Records by condition",
      description: "Ready, on their way (Reconciling) or waiting for a person (Stalled): of all zones.",
      unit: "short",
      queries: [{ expr: agreed(["type"], "condition", JOB, `kind="DnsRecord"`, `status="True"`), legend: "{{type}}" }]
    }),
    timeSeries({
      title: "Oldest unconfirmed",
      description: "Age of the oldest change of a record, and of the oldest condition of a zone: of all zones.",
      unit: "s",
      queries: [{ expr: agreed(["kind"], "nonterminalOldest", JOB), legend: "{{kind}}" }]
    })
  ]
}

const records = {
  title: "Records",
  panels: [
    timeSeries({
      title: "Asked for and there",
      description: "Records that were asked for, and ours that the last list of the zone held.",
      unit: "short",
      queries: [
        { expr: agreed(["zone"], "dnsDesired", JOB, ZONE), legend: "{{zone}} asked for" },
        { expr: agreed(["zone"], "dnsObserved", JOB, ZONE, `owner="ours"`), legend: "{{zone}} there" }
      ]
    }),
    timeSeries({
      title: "Records of others",
      description:
        "Records in the zone that are not ours. They are never changed; a rise means that somebody else works there.",
      unit: "short",
      queries: [{ expr: agreed(["zone"], "dnsObserved", JOB, ZONE, `owner="foreign"`), legend: "{{zone}}" }]
    }),
    timeSeries({
      title: "Changes sent",
      description: "Operations sent to the provider: created, updated, deleted.",
      unit: "short",
      counted: true,
      queries: [{ expr: growth(["op"], "dnsChanges", "$__interval", JOB, ZONE), legend: "{{op}}" }]
    }),
    timeSeries({
      title: "Changes without success",
      description: "Operations that the provider rejected, and those whose outcome nobody knows until the next list.",
      unit: "short",
      counted: true,
      noValue: "none",
      queries: [
        {
          expr: growth(["zone", "op", "result"], "dnsChanges", "$__interval", JOB, ZONE, `result!="success"`),
          legend: "{{zone}} {{op}} {{result}}"
        }
      ]
    }),
    timeSeries({
      title: "Deletions held",
      description: "Deletions above the zone's maxDeletions: they wait until a person confirms them.",
      unit: "short",
      width: 24,
      queries: [{ expr: agreed(["zone"], "dnsDeletionsHeld", JOB, ZONE), legend: "{{zone}}" }]
    })
  ]
}

const convergence = {
  title: "Convergence",
  panels: [
    heatmap({
      title: "From change to confirmation",
      description: "How long changes of records took until the provider confirmed them. Empty while nothing changes.",
      unit: "s",
      expr: buckets("convergence", "$__rate_interval", JOB, `kind="DnsRecord"`)
    }),
    timeSeries({
      title: "From change to confirmation, quantiles",
      description: "The same as quantiles. Empty while nothing changes.",
      unit: "s",
      noValue: "nothing changed",
      queries: [0.5, 0.9, 0.99].map((share) => ({
        expr: quantile(share, [], "convergence", "$__rate_interval", JOB, `kind="DnsRecord"`),
        legend: `${share * 100} %`
      }))
    })
  ]
}

const calls = {
  title: "Calls to the provider",
  panels: [
    timeSeries({
      title: "Calls by endpoint",
      description: "Requests a second. At rest there are only the lists that look for drift.",
      unit: "reqps",
      width: 8,
      queries: [{ expr: rate(["endpoint"], "dnsApiRequests", "$__rate_interval", JOB), legend: "{{endpoint}}" }]
    }),
    timeSeries({
      title: "Calls without success",
      description: "Requests a second that were not answered with 200. `none` means that no answer came.",
      unit: "reqps",
      width: 8,
      noValue: "none",
      queries: [
        {
          expr: rate(["endpoint", "code"], "dnsApiRequests", "$__rate_interval", JOB, `code!="200"`),
          legend: "{{endpoint}} {{code}}"
        }
      ]
    }),
    timeSeries({
      title: "Rate limit left",
      description:
        "Share of each credential's calls that is left in its window. Driftless leaves the last 20 % to people.",
      unit: "percentunit",
      max: 1,
      width: 8,
      queries: [{ expr: agreed(["credential"], "dnsApiBudget", JOB), legend: "{{credential}}" }]
    }),
    timeSeries({
      title: "Operations in a batch",
      description: "How many changes one call carries: the more, the fewer calls.",
      unit: "short",
      noValue: "nothing changed",
      queries: [0.5, 0.99].map((share) => ({
        expr: quantile(share, [], "dnsBatchSize", "$__rate_interval", JOB),
        legend: `${share * 100} %`
      }))
    }),
    timeSeries({
      title: "Calls for a change",
      description: "Batch calls over the operations that they carried. Near 1 means that batching does not help.",
      unit: "short",
      noValue: "nothing changed",
      queries: [
        {
          expr:
            `sum(rate(driftless_dns_batch_size_count{${JOB}}[$__rate_interval])) / ` +
            `sum(rate(driftless_dns_batch_size_sum{${JOB}}[$__rate_interval]))`,
          legend: "calls"
        }
      ]
    })
  ]
}

export const dns: Board = {
  uid: "driftless-dns",
  title: "Driftless / DNS",
  description: "What was asked for in each zone, what is there, who else writes there, and what it costs in calls.",
  rows: [zones, drift, records, convergence, calls]
}
