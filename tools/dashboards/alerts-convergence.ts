/** Alerts on the one promise: that the world becomes as it was asked for, and stays so. */
import { type Alert, type AlertGroup, HOUR, INSTALLATION, MINUTE } from "./alert.ts"
import { agreed, growth, quantile } from "./promql.ts"

const RECORDS = `kind="DnsRecord"`

const driftNotHealed: Alert = {
  name: "DriftlessDriftNotHealed",
  severity: "warning",
  expr: ({ span }) =>
    `${growth(INSTALLATION, "dnsDrift", span(30 * MINUTE), `kind=~"edited|deleted"`)} > 0 and ` +
    `${agreed(INSTALLATION, "condition", RECORDS, `type="Ready"`, `status="False"`)} > 0`,
  for: 10 * MINUTE,
  summary: "Drift was found at the provider and is not healed",
  description:
    '{{ printf "%.0f" $value }} records were changed or deleted by somebody else in the last 30 minutes, and since at ' +
    "least 10 minutes there have been records that are not as asked."
}

const driftRecurring: Alert = {
  name: "DriftlessDriftRecurring",
  severity: "warning",
  expr: ({ span }) => `${growth([...INSTALLATION, "zone"], "dnsDrift", span(HOUR), `kind=~"edited|deleted"`)} >= 10`,
  for: 0,
  summary: "Somebody keeps changing records in {{ $labels.zone }}",
  description:
    '{{ printf "%.0f" $value }} times within an hour a record of Driftless in {{ $labels.zone }} was changed or deleted ' +
    "by somebody else, and healed. Probably another tool or another installation manages the same records."
}

const recordsStalled: Alert = {
  name: "DriftlessRecordsStalled",
  severity: "warning",
  expr: () => `${agreed(INSTALLATION, "condition", RECORDS, `type="Stalled"`, `status="True"`)} > 0`,
  for: 5 * MINUTE,
  summary: "DNS records were rejected ten times and wait for a person",
  description: "{{ $value }} records are not tried again until somebody changes or retries them; each says why."
}

const domainStalled: Alert = {
  name: "DriftlessDomainStalled",
  severity: "critical",
  expr: () => `${agreed(INSTALLATION, "condition", `kind="Domain"`, `type="Stalled"`, `status="True"`)} > 0`,
  for: 5 * MINUTE,
  summary: "Zones wait for a person",
  description: "{{ $value }} zones are not kept as asked, and retrying cannot help; the condition of each says why."
}

const nonTerminalTooLong: Alert = {
  name: "DriftlessNonTerminalTooLong",
  severity: "warning",
  expr: ({ seconds }) => `${agreed([...INSTALLATION, "kind"], "nonterminalOldest")} > ${seconds(30 * MINUTE)}`,
  for: 5 * MINUTE,
  summary: "A {{ $labels.kind }} has been on its way for half an hour",
  description: "The oldest {{ $labels.kind }} that is not settled has waited for {{ $value | humanizeDuration }}."
}

const convergenceSlow: Alert = {
  name: "DriftlessConvergenceSlow",
  severity: "warning",
  expr: ({ seconds, span }) =>
    `${quantile(0.9, [...INSTALLATION, "kind"], "convergence", span(30 * MINUTE))} > ${seconds(2 * MINUTE)}`,
  for: 10 * MINUTE,
  summary: "Changes take minutes until they are confirmed",
  description:
    "One in ten changes of a {{ $labels.kind }} took longer than {{ $value | humanizeDuration }} until the provider " +
    "confirmed it, in the last 30 minutes."
}

const deletionsHeld: Alert = {
  name: "DriftlessDeletionsHeld",
  severity: "warning",
  expr: () => `${agreed([...INSTALLATION, "zone"], "dnsDeletionsHeld")} > 0`,
  for: 5 * MINUTE,
  summary: "Deletions in {{ $labels.zone }} wait for a person",
  description:
    "{{ $value }} deletions in {{ $labels.zone }} are more than its maxDeletions and wait until they are confirmed."
}

export const convergenceAlerts: AlertGroup = {
  name: "driftless-convergence",
  alerts: [
    driftNotHealed,
    driftRecurring,
    recordsStalled,
    domainStalled,
    nonTerminalTooLong,
    convergenceSlow,
    deletionsHeld
  ]
}
