/**
 * Copies what the Helm chart carries into the chart, for Helm reads nothing outside it: definitions, dashboards and
 * alert rules. `--check` writes nothing and fails on a difference.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"

const root = new URL("../../", import.meta.url)

/** Directory, the files of it, and their directory below `helm/driftless/files`. */
const SOURCES = [
  ["crds/", /\.yaml$/u, "crds/"],
  ["grafana/dashboards/", /\.json$/u, "dashboards/"],
  ["grafana/alerts/", /\.rules\.yaml$/u, "alerts/"]
] as const

/** Path below the root and text of every file that the chart carries. */
export const chartFiles = (): ReadonlyMap<string, string> =>
  new Map(
    SOURCES.flatMap(([from, which, to]) =>
      readdirSync(new URL(from, root))
        .filter((name) => which.test(name))
        .toSorted()
        .map((name) => [`helm/driftless/files/${to}${name}`, readFileSync(new URL(from + name, root), "utf8")] as const)
    )
  )

/** Sentences about files that are not what their source is. */
export const differences = (files: ReadonlyMap<string, string>): ReadonlyArray<string> => {
  const carried = SOURCES.flatMap(([, , to]) => {
    const directory = `helm/driftless/files/${to}`
    return existsSync(new URL(directory, root))
      ? readdirSync(new URL(directory, root)).map((name) => directory + name)
      : []
  })
  return [
    ...carried.filter((path) => !files.has(path)).map((path) => `${path} has no source any more`),
    ...[...files]
      .filter(([path, text]) => !carried.includes(path) || readFileSync(new URL(path, root), "utf8") !== text)
      .map(([path]) => `${path} is not what its source is`)
  ]
}

const write = (files: ReadonlyMap<string, string>) => {
  for (const [, , to] of SOURCES) {
    rmSync(new URL(`helm/driftless/files/${to}`, root), { recursive: true, force: true })
    mkdirSync(new URL(`helm/driftless/files/${to}`, root), { recursive: true })
  }
  for (const [path, text] of files) writeFileSync(new URL(path, root), text)
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    const found = differences(chartFiles())
    process.stderr.write(found.map((each) => `${each}; run: node tools/chart/main.ts\n`).join(""))
    process.exitCode = found.length === 0 ? 0 : 1
  } else write(chartFiles())
}
