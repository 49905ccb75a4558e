/** What ships in `grafana/`, read as Grafana and Prometheus read it. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { stringify } from "yaml"

export const GRAFANA = new URL("../../grafana/", import.meta.url)

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title?: string
  readonly description?: string
  readonly datasource?: { readonly uid: string }
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string } }
  readonly targets?: ReadonlyArray<{
    readonly refId: string
    readonly expr: string
    readonly legendFormat: string
    readonly datasource: { readonly uid: string }
  }>
}

export interface Dashboard {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly tags: ReadonlyArray<string>
  readonly panels: ReadonlyArray<Panel>
  readonly templating: {
    readonly list: ReadonlyArray<{
      readonly name: string
      readonly type: string
      readonly query: string | { readonly query: string }
    }>
  }
}

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export const dashboards: ReadonlyArray<Dashboard> = readdirSync(new URL("dashboards/", GRAFANA)).map((file) =>
  JSON.parse(readFileSync(new URL(`dashboards/${file}`, GRAFANA), "utf8"))
)

export const panelsOf = ({ panels }: Dashboard) => panels.filter(({ type }) => type !== "row")

export interface Shown {
  /** `Driftless / DNS: Zones (A)`. */
  readonly name: string
  readonly expr: string
}

/** Every query of every panel. */
export const queries: ReadonlyArray<Shown> = dashboards.flatMap((dashboard) =>
  panelsOf(dashboard).flatMap(({ targets = [], title = "" }) =>
    targets.map(({ expr, refId }) => ({ name: `${dashboard.title}: ${title} (${refId})`, expr }))
  )
)

/** What Grafana puts in for its variables when everything is selected; times as they come. */
export const filledIn = (expr: string, { interval, range }: { readonly interval: string; readonly range: string }) =>
  expr
    .replaceAll(/\$(?:job|zone)\b/gu, ".*")
    .replaceAll("$__rate_interval", interval)
    .replaceAll("$__interval", interval)
    .replaceAll("$__range", range)

export const hasPromtool = spawnSync("promtool", ["--version"]).status === 0
export const hasPrometheus = spawnSync("prometheus", ["--version"]).status === 0
/** What a test that is left out adds to its name. */
const why = (isThere: boolean) => (isThere ? "" : " (left out: needs Prometheus; Debian: apt-get install prometheus)")
export const withoutPromtool = why(hasPromtool)
export const withoutPrometheus = why(hasPrometheus)

/** What promtool says of expressions; undefined when it has nothing against them. */
export const parseErrors = (all: ReadonlyArray<Shown>): string | undefined => {
  const directory = mkdtempSync(join(tmpdir(), "driftless-promql-"))
  const file = join(directory, "queries.yaml")
  const rules = all.map(({ expr, name }, index) => ({ record: `panel:${index}`, expr, labels: { panel: name } }))
  writeFileSync(file, stringify({ groups: [{ name: "panels", rules }] }))
  const { status, stderr, stdout } = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" })
  rmSync(directory, { recursive: true })
  return status === 0 ? undefined : stdout + stderr
}
