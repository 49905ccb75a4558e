/**
 * Panels of one look. None can be made without a title, a description and a unit, and every query goes to the data
 * source that the dashboard's variable names.
 */
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphDrawStyle,
  GraphGradientMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TableCellDisplayMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder
} from "@grafana/grafana-foundation-sdk/common"
import { type Panel, ThresholdsConfigBuilder, ThresholdsMode } from "@grafana/grafana-foundation-sdk/dashboard"
import {
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder as Heatmap,
  YAxisConfigBuilder
} from "@grafana/grafana-foundation-sdk/heatmap"
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus"
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat"
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table"
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries"

export const DATA_SOURCE = { type: "prometheus", uid: "${datasource}" }

/** A panel with its place still open. */
export interface PanelSource {
  /** Of 24. */
  readonly width: number
  readonly height: number
  build(): Panel
}

export interface Query {
  readonly expr: string
  /** With `{{label}}` for the series' labels. */
  readonly legend: string
}

interface Common {
  readonly title: string
  readonly description: string
  /** As Grafana names them: `s`, `short`, `percentunit`, `reqps`, `bytes` … */
  readonly unit: string
  readonly queries: ReadonlyArray<Query>
  readonly width?: number
  readonly height?: number
  /** What an empty answer means, where it is no fault: `none`, `never`. */
  readonly noValue?: string
}

/** From which value on which colour, the lowest first. */
export type Levels = ReadonlyArray<readonly [number, "green" | "yellow" | "orange" | "red"]>

const refId = (index: number) => String.fromCodePoint(65 + index)

const targetsOf = (queries: ReadonlyArray<Query>, format: PromQueryFormat, instant: boolean) =>
  queries.map(({ expr, legend }, index) => {
    const query = new DataqueryBuilder()
      .datasource(DATA_SOURCE)
      .refId(refId(index))
      .expr(expr)
      .legendFormat(legend)
      .format(format)
    return instant ? query.instant() : query.range()
  })

const thresholds = (levels: Levels, base: "green" | "red") =>
  new ThresholdsConfigBuilder()
    .mode(ThresholdsMode.Absolute)
    .steps([{ value: null, color: base }, ...levels.map(([value, color]) => ({ value, color }))])

export interface TimeSeriesSpec extends Common {
  /** Bars on top of each other, for things that are counted within `$__interval`. */
  readonly counted?: boolean
  readonly max?: number
}

export const timeSeries = (spec: TimeSeriesSpec): PanelSource => ({
  width: spec.width ?? 12,
  height: spec.height ?? 8,
  build: () => {
    const panel = new TimeSeries()
      .title(spec.title)
      .description(spec.description)
      .datasource(DATA_SOURCE)
      .unit(spec.unit)
      .min(0)
      .targets(targetsOf(spec.queries, PromQueryFormat.TimeSeries, false))
      .legend(
        new VizLegendOptionsBuilder()
          .showLegend(true)
          .displayMode(LegendDisplayMode.List)
          .placement(LegendPlacement.Bottom)
          .calcs([])
      )
      .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending))
      .showPoints(VisibilityMode.Never)
    if (spec.max !== undefined) panel.max(spec.max)
    if (spec.noValue !== undefined) panel.noValue(spec.noValue)
    // A bar is what happened in its own interval, which must hold two scrapes at least.
    if (spec.counted === true) panel.interval("1m")
    const drawn = spec.counted
      ? panel
          .drawStyle(GraphDrawStyle.Bars)
          .fillOpacity(80)
          .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group("A"))
      : panel.drawStyle(GraphDrawStyle.Line).fillOpacity(10).gradientMode(GraphGradientMode.Opacity)
    return drawn.build()
  }
})

export interface StatSpec extends Common {
  readonly levels?: Levels
  /** The colour below the first level. */
  readonly base?: "green" | "red"
  readonly decimals?: number
}

export const stat = (spec: StatSpec): PanelSource => ({
  width: spec.width ?? 4,
  height: spec.height ?? 4,
  build: () => {
    const panel = new Stat()
      .title(spec.title)
      .description(spec.description)
      .datasource(DATA_SOURCE)
      .unit(spec.unit)
      .targets(targetsOf(spec.queries, PromQueryFormat.TimeSeries, true))
      .colorMode(spec.levels === undefined ? BigValueColorMode.None : BigValueColorMode.Background)
      .graphMode(BigValueGraphMode.None)
      .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]).values(false).fields(""))
      .thresholds(thresholds(spec.levels ?? [], spec.base ?? "green"))
    if (spec.decimals !== undefined) panel.decimals(spec.decimals)
    if (spec.noValue !== undefined) panel.noValue(spec.noValue)
    return panel.build()
  }
})

export interface TableSpec extends Omit<Common, "queries"> {
  /** The label that the rows are joined by. */
  readonly key: string
  readonly columns: ReadonlyArray<{ readonly title: string; readonly expr: string }>
}

/** One row for each value of a label, one column for each query; the queries group by that label alone. */
export const table = (spec: TableSpec): PanelSource => ({
  width: spec.width ?? 24,
  height: spec.height ?? 8,
  build: () => {
    const queries = spec.columns.map(({ expr, title }) => ({ expr, legend: title }))
    const single = spec.columns.length === 1
    const columns = spec.columns.map(
      ({ title }, index) => [single ? "Value" : `Value #${refId(index)}`, title] as const
    )
    const panel = new Table()
      .title(spec.title)
      .description(spec.description)
      .datasource(DATA_SOURCE)
      .unit(spec.unit)
      .targets(targetsOf(queries, PromQueryFormat.Table, true))
      .cellOptions({ type: TableCellDisplayMode.Auto })
      .withTransformation({ id: "joinByField", options: { byField: spec.key, mode: "outer" } })
      .withTransformation({
        id: "organize",
        options: {
          excludeByName: Object.fromEntries(
            ["Time", ...spec.columns.map((_, i) => `Time ${i + 1}`)].map((t) => [t, true])
          ),
          renameByName: { [spec.key]: capital(spec.key), ...Object.fromEntries(columns) }
        }
      })
    if (spec.noValue !== undefined) panel.noValue(spec.noValue)
    const { options, ...built } = panel.build()
    // The SDK fills in a footer, which tables of today do not have any more.
    return { ...built, options: { ...options, footer: undefined } }
  }
})

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1)

/** A histogram over time; its one query answers buckets by `le`. */
export const heatmap = (spec: Omit<Common, "queries"> & { readonly expr: string }): PanelSource => ({
  width: spec.width ?? 12,
  height: spec.height ?? 8,
  build: () =>
    new Heatmap()
      .title(spec.title)
      .description(spec.description)
      .datasource(DATA_SOURCE)
      .unit("short")
      .targets(targetsOf([{ expr: spec.expr, legend: "{{le}}" }], PromQueryFormat.Heatmap, false))
      .calculate(false)
      .yAxis(new YAxisConfigBuilder().unit(spec.unit))
      .color(new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme("Oranges").steps(32))
      .hideLegend()
      .build()
})
