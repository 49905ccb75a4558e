/**
 * `npm run crds`: writes crds/*.yaml and the tables of docs/kinds.md from src/model/kinds. With `--check` it writes
 * nothing, names the files that differ, and fails when there are any.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { KIND_NAMES } from "../../src/model/kinds/kinds.ts"
import { definitionFile } from "./definition.ts"
import { referenceFile } from "./reference.ts"

const read = (path: string) => {
  try {
    return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
  } catch {
    // It is made for the first time.
    return ""
  }
}

/** Every file that is generated, as it should be. */
export const generated = () => [...KIND_NAMES.map(definitionFile), referenceFile(read("docs/kinds.md"))]

export const outdated = () => generated().filter(({ path, text }) => read(path) !== text)

if (import.meta.main) {
  const files = outdated()
  const checks = process.argv.includes("--check")
  for (const { path, text } of files) {
    if (!checks) writeFileSync(new URL(`../../${path}`, import.meta.url), text)
    process.stdout.write(`${path} ${checks ? "differs: run npm run crds" : "written"}\n`)
  }
  if (checks && files.length > 0) process.exitCode = 1
}
