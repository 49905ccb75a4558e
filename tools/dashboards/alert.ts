/**
 * What an alert is, and how rules are written from alerts: the file is one for Prometheus, and its `groups` are the
 * spec of a PrometheusRule. Every time in a rule goes through `Times`, so that a test can run the very same rules on
 * a faster clock.
 */
import { stringify } from "yaml"

/** Times of rules, in seconds of the rule's own clock. */
export interface Times {
  /** As PromQL writes a duration: `15m`. */
  readonly span: (seconds: number) => string
  /** As a number to compare with. */
  readonly seconds: (seconds: number) => number
}

export interface Alert {
  /** `Driftless…`; its runbook is docs/runbooks/<the rest with hyphens>.md. */
  readonly name: string
  /** critical: wake somebody. warning: look today. info: worth knowing beside others. */
  readonly severity: "critical" | "warning" | "info"
  readonly expr: (times: Times) => string
  /** Seconds for which it must hold. */
  readonly for: number
  readonly summary: string
  /** Templates of Prometheus may stand in it: `{{ $labels.zone }}`. */
  readonly description: string
}

export interface AlertGroup {
  readonly name: string
  readonly alerts: ReadonlyArray<Alert>
}

export interface RuleOptions {
  /** Where the runbooks are, without the last slash. */
  readonly runbooks?: string
  /** How many times faster the clock of the rules runs: 60 makes minutes of them seconds. */
  readonly faster?: number
}

/** The file that ships runs at the speed of the world. */
export const renderRules = (
  groups: ReadonlyArray<AlertGroup>,
  { faster = 1, runbooks = RUNBOOKS }: RuleOptions = {}
): string => {
  const times: Times = { span: (seconds) => span(seconds / faster), seconds: (seconds) => seconds / faster }
  const rendered = groups.map(({ alerts, name }) => ({
    name,
    rules: alerts.map((alert) => ({
      alert: alert.name,
      expr: alert.expr(times),
      ...(alert.for > 0 && { for: times.span(alert.for) }),
      labels: { severity: alert.severity },
      annotations: {
        summary: alert.summary,
        description: alert.description,
        runbook_url: `${runbooks}/${runbookOf(alert)}`
      }
    }))
  }))
  return stringify({ groups: rendered }, { lineWidth: 0 })
}

/** `DriftlessDriftNotHealed` has `drift-not-healed.md`. */
export const runbookOf = ({ name }: Pick<Alert, "name">): string =>
  `${name
    .replace(/^Driftless/u, "")
    .replaceAll(/(?<=[a-z])(?=[A-Z])/gu, "-")
    .toLowerCase()}.md`

const RUNBOOKS = "https://driftless.dev/docs/runbooks"

const span = (seconds: number): string => {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`
  if (seconds % 3600 === 0) return `${seconds / 3600}h`
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.round(seconds)}s`
}

/** An installation: more than one may be scraped by the same Prometheus. Without Kubernetes the namespace is empty. */
export const INSTALLATION = ["namespace", "job"]

export const MINUTE = 60
export const HOUR = 3600
