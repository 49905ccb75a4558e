/**
 * Writes a package of its own that holds the pinned Node, with the lock and the integrity hashes of package-lock.json:
 * `npm ci` of the product without development dependencies leaves Node out. Runs on whatever Node the base image has.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"

const [, , directory] = process.argv
const read = (file) => JSON.parse(readFileSync(file, "utf8"))
const { optionalDependencies } = read("tools/runtime/package.json")
const { lockfileVersion, packages } = read("package-lock.json")

const root = { name: "runtime", version: "0.0.0", optionalDependencies }
const locked = Object.keys(optionalDependencies).map((name) => {
  const path = `node_modules/${name}`
  const { dev: _, ...entry } = packages[path]
  return [path, entry]
})
mkdirSync(directory, { recursive: true })
const write = (file, content) => writeFileSync(`${directory}/${file}`, JSON.stringify(content, undefined, 2))
write("package.json", { ...root, private: true })
write("package-lock.json", { ...root, lockfileVersion, packages: { "": root, ...Object.fromEntries(locked) } })
