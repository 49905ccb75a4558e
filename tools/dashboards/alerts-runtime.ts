/** Alerts on the machine: whether it runs, whether passes come to their end, and whether replicas lose their keys. */
import { type Alert, type AlertGroup, INSTALLATION, MINUTE } from "./alert.ts"
import { growth, quantile, rate, series } from "./promql.ts"

const down: Alert = {
  name: "DriftlessDown",
  severity: "critical",
  // `absent` knows no labels, so this is about all installations that a Prometheus scrapes.
  expr: () => `absent(${series("condition")})`,
  for: 5 * MINUTE,
  summary: "No replica of Driftless publishes metrics",
  description: "Nothing is kept as asked: no replica runs, or Prometheus cannot reach any."
}

const replicaDown: Alert = {
  name: "DriftlessReplicaDown",
  severity: "warning",
  expr: ({ span }) =>
    `up == 0 and on (job, instance) count_over_time(${series("condition", `kind="Domain"`, `type="Ready"`, `status="True"`)}[${span(60 * MINUTE)}]) > 0`,
  for: 5 * MINUTE,
  summary: "A replica of Driftless cannot be scraped",
  description: "{{ $labels.instance }} published metrics within the last hour and does not answer any more."
}

const queueStuck: Alert = {
  name: "DriftlessQueueStuck",
  severity: "critical",
  expr: ({ span }) =>
    `sum by (${INSTALLATION.join(", ")}) (increase(${series("reconcileTotal")}[${span(15 * MINUTE)}])) == 0 and ` +
    `max by (${INSTALLATION.join(", ")}) (${series("condition", `kind="Domain"`)}) > 0`,
  for: 5 * MINUTE,
  summary: "No pass came to its end for 15 minutes",
  description:
    "There are zones, and no replica has looked at one for 15 minutes. The database cannot be reached, or all workers hang."
}

const queueSlow: Alert = {
  name: "DriftlessQueueSlow",
  severity: "warning",
  expr: ({ seconds, span }) =>
    `${quantile(0.9, [...INSTALLATION, "name"], "queueDuration", span(10 * MINUTE))} > ${seconds(MINUTE)}`,
  for: 10 * MINUTE,
  summary: "Work of {{ $labels.name }} waits for a free worker",
  description: "One in ten keys of {{ $labels.name }} waited longer than a minute until a replica took it."
}

const reconcileErrors: Alert = {
  name: "DriftlessReconcileErrors",
  severity: "warning",
  expr: ({ span }) => {
    const passes = (...matchers: ReadonlyArray<string>) =>
      rate([...INSTALLATION, "controller"], "reconcileTotal", span(15 * MINUTE), ...matchers)
    return `${passes(`result="error"`)} / ${passes()} > 0.5`
  },
  for: 15 * MINUTE,
  summary: "More than half of the passes of {{ $labels.controller }} fail",
  description:
    "{{ $value | humanizePercentage }} of the passes of {{ $labels.controller }} failed in the last 15 minutes."
}

const reconcilePanics: Alert = {
  name: "DriftlessReconcilePanics",
  severity: "critical",
  expr: ({ span }) => `${growth([...INSTALLATION, "controller"], "reconcilePanics", span(15 * MINUTE))} > 0`,
  for: 0,
  summary: "A pass of {{ $labels.controller }} died of a defect in Driftless",
  description: '{{ printf "%.0f" $value }} passes in the last 15 minutes died. The log has the cause; please report it.'
}

const reconcileTimeouts: Alert = {
  name: "DriftlessReconcileTimeouts",
  severity: "warning",
  expr: ({ span }) => `${growth([...INSTALLATION, "controller"], "reconcileTimeouts", span(30 * MINUTE))} > 0`,
  for: 0,
  summary: "A pass of {{ $labels.controller }} met its deadline",
  description: '{{ printf "%.0f" $value }} passes in the last 30 minutes took longer than they may and were ended.'
}

const leaseExpired: Alert = {
  name: "DriftlessLeaseExpired",
  severity: "info",
  expr: ({ span }) => `${growth([...INSTALLATION, "reconciler"], "leaseExpired", span(15 * MINUTE))} > 0`,
  for: 0,
  summary: "Keys were taken over from a replica that went silent",
  description:
    '{{ printf "%.0f" $value }} keys of {{ $labels.reconciler }} in the last 15 minutes were taken over after their lease ' +
    "had run out: a replica was killed, stood still, or could not reach the database."
}

const fenceRejected: Alert = {
  name: "DriftlessFenceRejected",
  severity: "warning",
  expr: ({ span }) => `${growth(INSTALLATION, "fenceRejected", span(15 * MINUTE))} > 5`,
  for: 0,
  summary: "Replicas keep losing keys while they work on them",
  description:
    '{{ printf "%.0f" $value }} writes in the last 15 minutes were refused because their key had a new owner. Nothing ' +
    "was damaged, but the work was done twice."
}

export const runtimeAlerts: AlertGroup = {
  name: "driftless-runtime",
  alerts: [
    down,
    replicaDown,
    queueStuck,
    queueSlow,
    reconcileErrors,
    reconcilePanics,
    reconcileTimeouts,
    leaseExpired,
    fenceRejected
  ]
}
