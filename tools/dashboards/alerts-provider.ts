/** Alerts on what the provider answers. Nothing here counts against a record: a zone waits and goes on by itself. */
import { type Alert, type AlertGroup, INSTALLATION, MINUTE } from "./alert.ts"
import { agreed, growth } from "./promql.ts"

const credentialRejected: Alert = {
  name: "DriftlessCredentialRejected",
  severity: "critical",
  expr: ({ span }) => `${growth(INSTALLATION, "retries", span(5 * MINUTE), `reason="CredentialRejected"`)} > 0`,
  for: 2 * MINUTE,
  summary: "The provider refuses a credential",
  description:
    '{{ printf "%.0f" $value }} passes in the last 5 minutes ended because the provider refused the token: it was ' +
    "revoked, has run out, or may not do what is needed. Its zones are not kept meanwhile."
}

const rateLimited: Alert = {
  name: "DriftlessRateLimited",
  severity: "warning",
  expr: ({ span }) => `${growth(INSTALLATION, "dnsApiRequests", span(5 * MINUTE), `code="429"`)} > 0`,
  for: 5 * MINUTE,
  summary: "The provider says that there are too many calls",
  description:
    '{{ printf "%.0f" $value }} calls in the last 5 minutes were answered with 429. Driftless keeps to its share, so ' +
    "somebody else uses the same account; all calls wait until the provider allows them again."
}

const budgetLow: Alert = {
  name: "DriftlessBudgetLow",
  severity: "warning",
  expr: () => `${agreed([...INSTALLATION, "credential"], "dnsApiBudget")} < 0.25`,
  for: 10 * MINUTE,
  summary: "The rate limit of {{ $labels.credential }} is nearly used up",
  description:
    "{{ $value | humanizePercentage }} of the calls of {{ $labels.credential }} are left. Driftless stops at 20 %, so " +
    "changes wait for the next window."
}

const providerUnavailable: Alert = {
  name: "DriftlessProviderUnavailable",
  severity: "warning",
  expr: ({ span }) => `${growth(INSTALLATION, "retries", span(10 * MINUTE), `reason="ProviderUnavailable"`)} > 0`,
  for: 10 * MINUTE,
  summary: "The provider does not answer, or answers with errors",
  description:
    '{{ printf "%.0f" $value }} tries in the last 10 minutes came to nothing because the provider did not answer or ' +
    "failed. Zones wait and go on by themselves."
}

const zoneNotFound: Alert = {
  name: "DriftlessZoneNotFound",
  severity: "warning",
  expr: ({ span }) => `${growth(INSTALLATION, "retries", span(10 * MINUTE), `reason="ZoneNotFound"`)} > 0`,
  for: 5 * MINUTE,
  summary: "A zone that should be kept is not at the provider",
  description:
    '{{ printf "%.0f" $value }} passes in the last 10 minutes found no zone of that name: it does not exist, was removed, ' +
    "or the token may not see it."
}

export const providerAlerts: AlertGroup = {
  name: "driftless-provider",
  alerts: [credentialRejected, rateLimited, budgetLow, providerUnavailable, zoneNotFound]
}
