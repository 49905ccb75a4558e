/** Writes the tables of docs/operations.md from the source. `--check` writes nothing and fails on a difference. */
import { readFileSync, writeFileSync } from "node:fs"
import { codes } from "../src/api/codes.ts"
import { commandSettings, settings, type Setting } from "../src/config.ts"
import { type Definition, definitions } from "../src/metrics.ts"
import { reasons } from "../src/model/reasons.ts"

const table = (head: ReadonlyArray<string>, rows: ReadonlyArray<ReadonlyArray<string>>) =>
  [head, head.map(() => "---"), ...rows]
    .map((cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`)
    .join("\n")

const sections: Readonly<Record<string, string>> = {
  settings: table(
    ["Variable", "Default", "Meaning"],
    Object.entries<Setting<unknown>>({ ...settings, ...commandSettings }).map(([name, { about, default: initial }]) => [
      `\`${name}\``,
      initial === undefined ? "" : `\`${initial}\``,
      `${about}.`
    ])
  ),
  metrics: table(
    ["Metric", "Type", "Labels", "Meaning"],
    Object.values<Definition>(definitions).map(({ help, kind, labels, name }) => [
      `\`${name}\``,
      kind,
      labels.map((label) => `\`${label}\``).join(", "),
      help
    ])
  ),
  reasons: table(
    ["Reason", "Meaning"],
    Object.entries(reasons).map(([reason, about]) => [`\`${reason}\``, about])
  ),
  codes: table(
    ["Code", "HTTP", "Meaning"],
    codes.map(({ code, http, meaning }) => [String(code), String(http), meaning])
  )
}

const file = new URL("../docs/operations.md", import.meta.url)
const before = readFileSync(file, "utf8")
const after = before.replace(
  /(<!-- generated: ([a-z]+) -->\n)[\s\S]*?(<!-- end -->)/gu,
  (_, begin: string, name: string, end: string) => `${begin}\n${sections[name] ?? ""}\n\n${end}`
)
if (!process.argv.includes("--check")) writeFileSync(file, after)
else if (after !== before) {
  process.stderr.write("docs/operations.md is not what the source says; run: npm run generate\n")
  process.exitCode = 1
}
