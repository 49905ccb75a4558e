/**
 * The reference of the kinds in docs/kinds.md: one table of fields a kind, made from the same schema as its
 * definition, between two marks. What is around the marks is written by hand and stays as it is.
 */
import { KIND_NAMES, type KindName, kinds } from "../../src/model/kinds/kinds.ts"
import { objectSchema } from "./definition.ts"
import type { Structural } from "./structural.ts"

const BEGIN = "<!-- made by npm run crds: begin -->"
const END = "<!-- made by npm run crds: end -->"

export function referenceFile(current: string) {
  const [before, rest] = current.split(BEGIN)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined)
    throw new Error(`docs/kinds.md: the marks "${BEGIN}", "${END}" are gone`)
  const text = [`${before}${BEGIN}`, ...KIND_NAMES.map(section), `${END}${after}`].join("\n\n")
  return { path: "docs/kinds.md", text }
}

function section(kind: KindName): string {
  const { description, plural, shortNames } = kinds[kind]
  const root = propertiesOf(objectSchema(kind))
  return [
    `## ${kind}`,
    `${description}`,
    `\`${[plural, kind.toLowerCase(), ...shortNames].join("`, `")}\``,
    table(rows("spec", root["spec"])),
    rulesOf(root["spec"]),
    table(rows("status", root["status"]), "status")
  ].join("\n\n")
}

interface Row {
  readonly path: string
  readonly schema: Structural
  readonly required: boolean
}

/** Every field below a schema, in its order; a list's items have the path of the list and `[]`. */
function rows(path: string, schema: Structural | undefined): ReadonlyArray<Row> {
  if (schema === undefined) return []
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  return Object.entries(propertiesOf(schema)).flatMap(([key, field]) => {
    const own = `${path}.${key}`
    const items = asSchema(field["items"])
    const inner = items === undefined ? rows(own, field) : rows(`${own}[]`, items)
    return [{ path: own, schema: field, required: required.includes(key) }, ...inner]
  })
}

/** Padded as the formatter of the project pads tables. */
function table(all: ReadonlyArray<Row>, what = "field"): string {
  const lines = [[what, "type", "default", ""], ...all.map(cells)]
  const widths = lines.reduce(
    (most, line) => line.map((cell, index) => Math.max(most[index] ?? 0, cell.length)),
    [3, 3, 3, 3]
  )
  const padded = lines.map((line) => `| ${line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(" | ")} |`)
  return [padded[0], `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...padded.slice(1)].join("\n")
}

function cells({ path, required, schema }: Row): ReadonlyArray<string> {
  const given = schema["default"] === undefined ? required && "required" : `\`${JSON.stringify(schema["default"])}\``
  const words = typeof schema["description"] === "string" ? schema["description"] : ""
  return [
    `\`${path}\``,
    typeOf(schema),
    path.startsWith("status") || given === false ? "" : given,
    words.replaceAll("|", "\\|").replaceAll("\n", " ")
  ]
}

function typeOf(schema: Structural): string {
  if (schema["x-kubernetes-int-or-string"] === true) return "number or text"
  if (Array.isArray(schema["enum"])) return schema["enum"].map((word) => `\`${String(word)}\``).join(", ")
  const items = asSchema(schema["items"])
  switch (schema["type"]) {
    case "string":
      return schema["maxLength"] === undefined ? "time" : `text, ≤ ${Number(schema["maxLength"])}`
    case "integer":
      return schema["maximum"] === undefined ? "number" : `${Number(schema["minimum"])}–${Number(schema["maximum"])}`
    case "array":
      return `list, ≤ ${Number(schema["maxItems"])}${items === undefined ? "" : `, of ${typeOf(items)}`}`
    case "boolean":
      return "true or false"
    default:
      return "object"
  }
}

/** The rules between fields, and those of one field that its type does not show. */
function rulesOf(schema: Structural | undefined): string {
  const messages = allRules("spec", schema).map(({ message, path }) => `- \`${path}\`: ${message}`)
  return ["An API server refuses besides, with these words:", [...new Set(messages)].join("\n")].join("\n\n")
}

function allRules(path: string, schema: Structural | undefined): ReadonlyArray<{ path: string; message: string }> {
  if (schema === undefined) return []
  const own = Array.isArray(schema["x-kubernetes-validations"]) ? schema["x-kubernetes-validations"] : []
  return [
    ...own.map(({ fieldPath = "", message }: { fieldPath?: string; message: string }) => ({
      path: `${path}${fieldPath}`,
      message
    })),
    ...Object.entries(propertiesOf(schema)).flatMap(([key, field]) => allRules(`${path}.${key}`, field))
  ]
}

const asSchema = (value: unknown): Structural | undefined =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined

const propertiesOf = (schema: Structural): Readonly<Record<string, Structural>> =>
  Object.fromEntries(
    Object.entries(asSchema(schema["properties"]) ?? {}).flatMap(([key, value]) => {
      const field = asSchema(value)
      return field === undefined ? [] : [[key, field]]
    })
  )
