/**
 * Prints a TypeScript program that compiles only if each dashboard in `grafana/dashboards` is what Grafana's published
 * types (`@grafana/schema`, generated from its schemas) say: the dashboard, and each panel's options and field
 * configuration by its type. The dashboards stand in it as literals, so a field that Grafana does not know is an error.
 */
import { readdirSync, readFileSync } from "node:fs"

/** By panel type: the module of its types, where the panel has options or a field configuration of its own. */
const PANELS: Readonly<Record<string, { readonly module: string; readonly custom: string | undefined }>> = {
  stat: { module: "stat/panelcfg/x/StatPanelCfg_types.gen", custom: undefined },
  table: { module: "table/panelcfg/x/TablePanelCfg_types.gen", custom: "FieldConfig" },
  timeseries: { module: "timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen", custom: "FieldConfig" },
  heatmap: { module: "heatmap/panelcfg/x/HeatmapPanelCfg_types.gen", custom: "FieldConfig" }
}

const HEAD = `
import type { Dashboard } from "@grafana/schema"
${Object.entries(PANELS)
  .map(([type, { module }]) => `import type * as ${type} from "@grafana/schema/dist/esm/raw/composable/${module}"`)
  .join("\n")}

// JSON holds the text of an enumeration's member, which TypeScript does not take for the member.
type Wire<T> = T extends string
  ? \`\${T}\`
  : T extends ReadonlyArray<infer U>
    ? ReadonlyArray<Wire<U>>
    : T extends object
      ? { readonly [K in keyof T]: Wire<T[K]> }
      : T
`

interface PanelJson {
  readonly type: string
  readonly options?: unknown
  readonly fieldConfig?: { readonly defaults: { readonly custom?: unknown } }
}

const directory = new URL("../../grafana/dashboards/", import.meta.url)
const statements = readdirSync(directory).flatMap((file, board) => {
  const text = readFileSync(new URL(file, directory), "utf8")
  const { panels }: { readonly panels: ReadonlyArray<PanelJson> } = JSON.parse(text)
  return [
    `export const board${board}: Wire<Dashboard> = ${text}`,
    ...panels
      .filter(({ type }) => type !== "row")
      .flatMap(({ fieldConfig, options, type }, panel) => {
        const known = PANELS[type]
        if (known === undefined)
          throw new Error(`${file}: no published types are named here for panels of type ${type}`)
        const name = `board${board}panel${panel}`
        const custom = fieldConfig?.defaults.custom
        return [
          `export const ${name}options: Wire<${type}.Options> = ${JSON.stringify(options)}`,
          ...(known.custom === undefined
            ? []
            : [`export const ${name}custom: Wire<${type}.${known.custom}> = ${JSON.stringify(custom)}`])
        ]
      })
  ]
})

process.stdout.write(`${HEAD}\n${statements.join("\n")}\n`)
