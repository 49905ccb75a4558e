/**
 * How dashboards and alerts read a metric. Each way takes the metric by its definition, so that a renamed metric is a
 * type error here and not an empty panel.
 */
import { definitions } from "../../src/metrics.ts"

export type Metric = keyof typeof definitions

/** Read from the database at each scrape, so every replica publishes the same: to add them up would count N times. */
export const DATABASE_GAUGES: ReadonlyArray<Metric> = [
  "queueDepth",
  "condition",
  "nonterminalOldest",
  "dnsDesired",
  "dnsObserved",
  "dnsApiBudget",
  "dnsDeletionsHeld",
  "dnsDrifted"
]

export const nameOf = (metric: Metric): string => definitions[metric].name

/** `name{a="b"}`; matchers are PromQL, such as `zone=~"$zone"`. */
export const series = (metric: Metric, ...matchers: ReadonlyArray<string>): string => selector(nameOf(metric), matchers)

const selector = (name: string, matchers: ReadonlyArray<string>) =>
  matchers.length === 0 ? name : `${name}{${matchers.join(", ")}}`

/** What all replicas agree on. */
export const agreed = (by: ReadonlyArray<string>, gauge: Metric, ...matchers: ReadonlyArray<string>): string =>
  `max ${grouped(by)}(${series(gauge, ...matchers)})`

/** What the replicas have together, of a gauge that each sets for itself. */
export const together = (by: ReadonlyArray<string>, gauge: Metric, ...matchers: ReadonlyArray<string>): string =>
  `sum ${grouped(by)}(${series(gauge, ...matchers)})`

/**
 * By how much a counter grew within a range. A series with labels begins with its first event, which `increase` alone
 * would not see, so a series younger than the range counts from zero. The price: a Prometheus that meets an old
 * process for the first time takes all of its past for new, for one range.
 */
export const growth = (
  by: ReadonlyArray<string>,
  counter: Metric,
  range: string,
  ...matchers: ReadonlyArray<string>
): string => {
  const counted = series(counter, ...matchers)
  return `sum ${grouped(by)}((${counted} unless ${counted} offset ${range}) or increase(${counted}[${range}]))`
}

/** Events a second. */
export const rate = (by: ReadonlyArray<string>, counter: Metric, range: string, ...matchers: ReadonlyArray<string>) =>
  `sum ${grouped(by)}(rate(${series(counter, ...matchers)}[${range}]))`

/** Of a histogram, over all replicas. */
export const quantile = (
  share: number,
  by: ReadonlyArray<string>,
  histogram: Metric,
  range: string,
  ...matchers: ReadonlyArray<string>
): string =>
  `histogram_quantile(${share}, sum ${grouped(["le", ...by])}(rate(${selector(`${nameOf(histogram)}_bucket`, matchers)}[${range}])))`

/** How many observations fell into each bucket, for a heatmap. */
export const buckets = (histogram: Metric, range: string, ...matchers: ReadonlyArray<string>): string =>
  `sum by (le) (increase(${selector(`${nameOf(histogram)}_bucket`, matchers)}[${range}]))`

const grouped = (by: ReadonlyArray<string>) => (by.length === 0 ? "" : `by (${by.join(", ")}) `)
