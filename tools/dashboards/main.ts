/** `npm run dashboards`: writes what ships in `grafana/`, dashboards and alert rules alike. */
import { writeFileSync } from "node:fs"
import type { Dashboard } from "@grafana/grafana-foundation-sdk/dashboard"
import { type AlertGroup, renderRules } from "./alert.ts"
import { convergenceAlerts } from "./alerts-convergence.ts"
import { providerAlerts } from "./alerts-provider.ts"
import { runtimeAlerts } from "./alerts-runtime.ts"
import { build } from "./board.ts"
import { dns } from "./dns.ts"
import { overview } from "./overview.ts"
import { runtime } from "./runtime.ts"

export const alertGroups: ReadonlyArray<AlertGroup> = [convergenceAlerts, providerAlerts, runtimeAlerts]

export const dashboards = (): ReadonlyArray<Dashboard> => [overview, dns, runtime].map(build)

/** What ships: path below `grafana/` and text. */
export const artifacts = (): ReadonlyMap<string, string> =>
  new Map([
    ...dashboards().map((board) => [`dashboards/${board.uid ?? ""}.json`, written(board)] as const),
    ["alerts/driftless.rules.yaml", `${NOTE}${renderRules(alertGroups)}`] as const
  ])

/** As the formatter of this repository writes it, so that neither undoes the other: a list of one text is one line. */
const written = (board: Dashboard) =>
  `${JSON.stringify(board, null, 2).replaceAll(/\[\n\s+("[^"\n]*")\n\s+\]/gu, "[$1]")}\n`

const NOTE = "# Made by `npm run dashboards` from tools/dashboards; its groups are also the spec of a PrometheusRule.\n"

if (import.meta.main) {
  for (const [path, text] of artifacts()) writeFileSync(new URL(`../../grafana/${path}`, import.meta.url), text)
}
