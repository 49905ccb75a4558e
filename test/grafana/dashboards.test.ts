/** The dashboards that ship: made from their sources, complete, bounded, and honest about gauges of the database. */
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { definitions } from "../../src/metrics.ts"
import { artifacts } from "../../tools/dashboards/main.ts"
import { DATABASE_GAUGES, nameOf } from "../../tools/dashboards/promql.ts"
import {
  dashboards,
  filledIn,
  GRAFANA,
  hasPromtool,
  type Panel,
  panelsOf,
  parseErrors,
  queries,
  withoutPromtool
} from "./shipped.ts"

const TIMES = { interval: "1m", range: "6h" }

it("what ships in grafana/ is what `npm run dashboards` makes", () => {
  const shipped = new Map([...artifacts().keys()].map((path) => [path, readFileSync(new URL(path, GRAFANA), "utf8")]))
  expect(shipped).toEqual(artifacts())
})

it("knows each gauge that says it is from the database", () => {
  const named = Object.values(definitions).filter(({ help }) => help.includes("from the database"))
  expect(DATABASE_GAUGES.map(nameOf).toSorted()).toEqual(named.map(({ name }) => name).toSorted())
})

describe.each(dashboards.map((dashboard) => [dashboard.title, dashboard] as const))("%s", (_, dashboard) => {
  const panels = panelsOf(dashboard)

  it("lets its reader choose the data source, the installation and the zone", () => {
    expect(dashboard.templating.list.map(({ name, type }) => `${type} ${name}`)).toEqual([
      "datasource datasource",
      "query job",
      "query zone"
    ])
  })

  it("can be found, and linked to for good", () => {
    expect(dashboard.uid).toMatch(/^driftless-[a-z]+$/u)
    expect(dashboard.description).toMatch(/[.?]$/u)
    expect(dashboard.tags).toEqual(["driftless"])
  })

  it("has a unit, a title and a description in each panel, and names no data source", () => {
    expect(panels.flatMap(mistakesIn)).toEqual([])
  })

  it("has panels of one title each, with ids of their own, that do not overlap", () => {
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length)
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length)
    const cells = dashboard.panels.flatMap(({ gridPos: { h, w, x, y } }) => {
      expect(x + w).toBeLessThanOrEqual(24)
      return Array.from({ length: w * h }, (_cell, index) => `${x + (index % w)},${y + Math.floor(index / w)}`)
    })
    expect(new Set(cells).size).toBe(cells.length)
  })
})

describe("every query", () => {
  it("reads what Driftless, its runtime or Prometheus publishes", () => {
    const unknown = queries.filter(({ expr }) => {
      const metrics = expr.match(/\b[a-zA-Z_0-9]+(?=\{)/gu) ?? []
      return metrics.length === 0 || metrics.some((metric) => !KNOWN.has(metric.replace(/_(?:bucket|sum|count)$/u, "")))
    })
    expect(unknown).toEqual([])
  })

  it("is about the chosen installation", () => {
    const other = queries.filter(
      ({ expr }) =>
        !expr.includes("ALERTS") && (expr.match(/\{/gu) ?? []).length !== (expr.match(/\{job=~"\$job"/gu) ?? []).length
    )
    expect(other).toEqual([])
  })

  it("takes the greatest of what all replicas read from the database, and never adds it up", () => {
    const wrong = queries.filter(({ expr }) => addsUp(expr))
    expect(wrong).toEqual([])
  })

  it("groups by bounded labels alone, so no record has a series", () => {
    const grouped = queries.flatMap(({ expr }) =>
      (expr.match(/(?<=by \()[^)]*/gu) ?? []).flatMap((list) => list.split(", "))
    )
    expect(grouped.length).toBeGreaterThan(0)
    expect(grouped.filter((label) => !BOUNDED.has(label))).toEqual([])
    expect(
      queries.filter(({ expr }) => !/\b(?:sum|max|count)(?: by \([^)]*\))? \(|\bsum\(|\bmax\(/u.test(expr))
    ).toEqual([])
  })

  it.runIf(hasPromtool)(`is PromQL${withoutPromtool}`, () => {
    expect(parseErrors(queries.map(({ expr, name }) => ({ name, expr: filledIn(expr, TIMES) })))).toBeUndefined()
    expect(parseErrors([{ name: "broken", expr: "sum by (zone (x)" }])).toContain("could not parse")
  })
})

it("the rule on gauges of the database notices a sum", () => {
  expect(addsUp("sum by (zone) (driftless_dns_desired_records)")).toBe(true)
  expect(addsUp("driftless_dns_desired_records")).toBe(true)
  expect(addsUp("sum(max by (zone) (driftless_dns_desired_records))")).toBe(false)
})

it("the rule on panels notices what is missing", () => {
  const nothing = { id: 1, type: "stat", gridPos: { x: 0, y: 0, w: 1, h: 1 } }
  expect(mistakesIn(nothing)).toHaveLength(5)
})

const mistakesIn = ({ datasource, description = "", fieldConfig, id, targets = [], title = "" }: Panel) => {
  const sources = [datasource?.uid, ...targets.map((target) => target.datasource.uid)]
  const rules = {
    "has no title": /^[A-Z].{2,60}$/u.test(title),
    "has no description": /^[A-Z].{20,}\.$/su.test(description),
    "has no unit": /^[a-z]+$/u.test(fieldConfig?.defaults.unit ?? ""),
    "has no query": targets.length > 0,
    "names a data source": sources.every((uid) => uid === "${datasource}")
  }
  return Object.entries(rules).flatMap(([mistake, isGood]) => (isGood ? [] : [`panel ${id} ${title}: ${mistake}`]))
}

/** True when a gauge of the database is not right inside `max`. */
const addsUp = (expr: string) =>
  DATABASE_GAUGES.map(nameOf).some((gauge) =>
    [...expr.matchAll(new RegExp(String.raw`\b${gauge}\b`, "gu"))].some(
      ({ index }) => !/\bmax ?(?:by \([^)]*\) )?\($/u.test(expr.slice(0, index))
    )
  )

/** Of prom-client's own metrics those that a panel shows; `up` and `ALERTS` are Prometheus' own. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.values(definitions).map(({ name }) => name),
  "process_cpu_seconds_total",
  "process_resident_memory_bytes",
  "process_start_time_seconds",
  "nodejs_heap_size_used_bytes",
  "nodejs_eventloop_lag_p99_seconds",
  "nodejs_gc_duration_seconds",
  "up",
  "ALERTS"
])

/** What a person configures (zones, credentials, replicas), or what the program enumerates. */
const BOUNDED: ReadonlySet<string> = new Set(
  (
    "job instance zone credential alertname severity le kind type reason code endpoint op result controller name " +
    "priority reconciler site"
  ).split(" ")
)
