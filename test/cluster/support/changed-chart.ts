/** A copy of the chart in which the records' definition has one field more: the next version, for upgrades. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parse, stringify } from "yaml"
import { CHART } from "./installation.ts"

export const NEW_FIELD = "note"

export const withChangedSchema = async <A>(use: (chart: string) => Promise<A>): Promise<A> => {
  const chart = mkdtempSync(join(tmpdir(), "driftless-chart-"))
  try {
    cpSync(CHART, chart, { recursive: true })
    const file = join(chart, "files/crds/dnsrecords.driftless.dev.yaml")
    const definition = parse(readFileSync(file, "utf8"))
    for (const { schema } of definition.spec.versions) {
      schema.openAPIV3Schema.properties.spec.properties[NEW_FIELD] = { type: "string", maxLength: 100 }
    }
    writeFileSync(file, stringify(definition))
    return await use(chart)
  } finally {
    rmSync(chart, { recursive: true, force: true })
  }
}
