/**
 * What all dashboards of Driftless have in common: their variables, their links to each other, and panels laid out in
 * rows of 24. A panel has the same id on each generation, so that links to it stay good.
 */
import type { Dashboard, VariableModel } from "@grafana/grafana-foundation-sdk/dashboard"
import {
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort
} from "@grafana/grafana-foundation-sdk/dashboard"
import { DATA_SOURCE, type PanelSource } from "./panels.ts"
import { nameOf } from "./promql.ts"

export interface Row {
  readonly title: string
  readonly panels: ReadonlyArray<PanelSource>
}

export interface Board {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly rows: ReadonlyArray<Row>
}

/** Of one installation: more than one may be scraped by the same Prometheus. */
export const JOB = `job=~"$job"`
export const ZONE = `zone=~"$zone"`

const TAG = "driftless"

const dataSource = () => new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus")

const labelValues = (name: string, label: string, query: string) =>
  new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATA_SOURCE)
    .query({ query: `label_values(${query})`, refId: `Variable-${name}` })
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".*")
    .current({ text: "All", value: "$__all" })

const variables = (): ReadonlyArray<{ build(): VariableModel }> => [
  dataSource(),
  labelValues("job", "Installation", `${nameOf("condition")}, job`),
  labelValues("zone", "Zone", `${nameOf("dnsDesired")}{${JOB}}, zone`)
]

export const build = ({ description, rows, title, uid }: Board) => {
  const dashboard = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags([TAG])
    .timezone("browser")
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: "now-6h", to: "now" })
    .refresh("30s")
    .editable()
    .variables([...variables()])
    .links([
      new DashboardLinkBuilder("Driftless")
        .type(DashboardLinkType.Dashboards)
        .tags([TAG])
        .includeVars(true)
        .keepTime(true)
    ])
  let id = 0
  let y = 0
  for (const { panels, title: heading } of rows) {
    dashboard.withRow(new RowBuilder(heading).id(++id).gridPos({ x: 0, y: y++, w: 24, h: 1 }))
    let x = 0
    let height = 0
    for (const source of panels) {
      if (x + source.width > 24) {
        x = 0
        y += height
        height = 0
      }
      const panel = { ...source.build(), id: ++id, gridPos: { x, y, w: source.width, h: source.height } }
      dashboard.withPanel({ build: () => panel })
      x += source.width
      height = Math.max(height, source.height)
    }
    y += height
  }
  return published(dashboard.build())
}

/**
 * Without what the SDK fills in though Grafana's published schema does not know it there, and without its default of
 * hiding links in a menu.
 */
const published = ({ links = [], templating, ...rest }: Dashboard): Dashboard => ({
  ...rest,
  links: links.map((link) => without(link, "placement")),
  templating: {
    list: (templating.list ?? []).map((variable) => without(variable, "auto", "auto_count", "auto_min"))
  }
})

const without = <T extends object, K extends keyof T>(from: T, ...keys: ReadonlyArray<K>): Omit<T, K> => {
  const kept = { ...from }
  for (const key of keys) delete kept[key]
  return kept
}
