/** What can be known of the definitions without an API server; test/cluster/crds.test.ts asks a real one. */
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { KIND_NAMES, kinds, parseDocument } from "../../src/model/kinds/kinds.ts"
import { CATEGORIES, definitionOf, objectSchema } from "../../tools/crds/definition.ts"
import { outdated } from "../../tools/crds/main.ts"
import { aDocument, CONTROLLER_ONLY, documentsOf, EXAMPLES, read, SMALLEST, WRONG, WRONG_CHANGES } from "./documents.ts"
import { violations } from "./structural-rules.ts"

const mistakes = (documents: ReadonlyArray<unknown>) =>
  documents.flatMap((document) => {
    const parsed = parseDocument(document)
    return Result.isFailure(parsed) ? parsed.failure.map(({ message, path }) => `${path}: ${message}`) : []
  })

/** The defaults below a schema, by path. */
function defaultsOf(schema: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Readonly<Record<string, unknown>>>)
  return Object.fromEntries(
    properties.flatMap(([key, field]) => {
      if ("default" in field) return [[key, field["default"]] as const]
      return Object.keys(defaultsOf(field)).map((below) => [`${key}.${below}`, "nested"] as const)
    })
  )
}

const specOf = (kind: (typeof KIND_NAMES)[number]) =>
  (objectSchema(kind)["properties"] as Record<string, Readonly<Record<string, unknown>>>)["spec"] ?? {}

describe("the generated files", () => {
  it("are those that the model gives: run `npm run crds` when they are not", () => {
    expect(outdated().map(({ path }) => path)).toEqual([])
  })

  it.each(KIND_NAMES)("hold the definition of %s as it was made", (kind) => {
    expect(documentsOf(read(`crds/${kinds[kind].plural}.driftless.dev.yaml`))).toEqual([definitionOf(kind)])
  })

  it.each(KIND_NAMES)("of %s fit into the annotation that kubectl apply makes", (kind) => {
    expect(JSON.stringify(definitionOf(kind)).length).toBeLessThan(200_000)
  })
})

describe("the schema of an object", () => {
  it.each(KIND_NAMES)("of kind %s is structural and bounded", (kind) => {
    expect(violations(objectSchema(kind))).toEqual([])
  })

  it.each(KIND_NAMES)("of kind %s has the defaults that the parser fills in", (kind) => {
    const defaults = defaultsOf(specOf(kind))
    const { spec } = Result.getOrThrow(parseDocument(aDocument(kind, SMALLEST[kind])))
    expect({ ...SMALLEST[kind], ...defaults }).toEqual(spec)
    expect(Object.keys(defaults).length).toBeGreaterThan(0)
  })

  it.each(KIND_NAMES)("of kind %s lets fields be selected that it has, all of them scalar", (kind) => {
    const types = kinds[kind].selectable.map((path) => {
      const field = path
        .split(".")
        .slice(1)
        .reduce<unknown>(
          (schema, key) => (schema as { properties: Record<string, unknown> }).properties[key],
          objectSchema(kind)
        )
      return (field as { type: string }).type
    })
    expect(types.filter((type) => !["string", "integer", "boolean"].includes(type))).toEqual([])
    expect(types.length).toBeLessThanOrEqual(8)
  })
})

describe("the names of the kinds", () => {
  it("are no categories: kubectl would list the category instead", () => {
    const names = KIND_NAMES.flatMap((kind) => [kind.toLowerCase(), kinds[kind].plural, ...kinds[kind].shortNames])
    expect(names.filter((name) => CATEGORIES.includes(name))).toEqual([])
  })
})

describe("the parser", () => {
  it.each(EXAMPLES)("takes $path", ({ documents }) => {
    expect(mistakes(documents)).toEqual([])
    expect(documents.length).toBeGreaterThan(0)
  })

  it.each(WRONG)("refuses $path, as an API server does", ({ documents }) => {
    expect(mistakes(documents)).not.toEqual([])
  })

  it.each(CONTROLLER_ONLY)("refuses $path, which no rule of a definition can", ({ documents, refused }) => {
    expect(mistakes(documents).join("\n")).toContain(refused)
  })

  it.each(WRONG_CHANGES)("takes both documents of $path by themselves", ({ documents }) => {
    expect(mistakes(documents)).toEqual([])
    expect(documents).toHaveLength(2)
  })
})

describe("the examples", () => {
  it("show every field of every kind, and every type of record", () => {
    const all = EXAMPLES.flatMap(({ documents }) => documents) as ReadonlyArray<{
      kind: string
      spec: Record<string, unknown>
    }>
    for (const kind of KIND_NAMES) {
      const shown = new Set(all.filter((each) => each.kind === kind).flatMap(({ spec }) => Object.keys(spec)))
      expect(Object.keys((specOf(kind) as { properties: object }).properties).filter((key) => !shown.has(key))).toEqual(
        []
      )
    }
    const types = new Set(all.map(({ spec }) => spec["type"]))
    expect(
      ["A", "AAAA", "CNAME", "TXT", "MX", "SRV", "CAA", "NS", "PTR", "HTTPS", "SVCB", "TLSA", "SSHFP"].filter(
        (type) => !types.has(type)
      )
    ).toEqual([])
  })
})
