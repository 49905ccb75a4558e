/**
 * What of the chart can be held against its sources without a cluster. Its templates have tests of their own in
 * `helm/driftless/tests`, which `test/helm/check.sh` runs.
 */
import { Schema } from "effect"
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { parse, parseAllDocuments } from "yaml"
import { settings } from "../../src/config.ts"
import { rights } from "../../src/reconcilers/kubernetes/rbac.ts"
import { chartFiles, differences } from "../../tools/chart/main.ts"

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8")
const CHART = "helm/driftless"

const Node = Schema.Struct({
  type: Schema.optionalKey(Schema.Unknown),
  additionalProperties: Schema.optionalKey(Schema.Unknown),
  properties: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})

/** Paths of a schema down to where anything may stand. */
const pathsOfSchema = (schema: unknown, path = ""): ReadonlyArray<string> => {
  const { properties } = Schema.decodeUnknownSync(Node)(schema)
  if (properties === undefined) return [path]
  return Object.entries(properties).flatMap(([key, below]) => pathsOfSchema(below, `${path}.${key}`))
}

const isOpen = (schema: unknown): boolean => {
  const { additionalProperties, properties } = Schema.decodeUnknownSync(Node)(schema)
  if (properties === undefined) return false
  return additionalProperties !== false || Object.values(properties).some(isOpen)
}

const has = (values: unknown, path: string) =>
  path
    .split(".")
    .slice(1)
    .reduce<unknown>(
      (at, key) => (typeof at === "object" && at !== null ? (at as Record<string, unknown>)[key] : undefined),
      values
    ) !== undefined

describe("the chart", () => {
  it("carries definitions, dashboards and rules as they are", () => {
    expect(differences(chartFiles())).toEqual([])
  })

  it("has a default for every value that its schema knows, and refuses others", () => {
    const schema: unknown = JSON.parse(text(`${CHART}/values.schema.json`))
    const values: unknown = parse(text(`${CHART}/values.yaml`))
    // Helm's own, and claims, which hardly anybody has.
    const known = pathsOfSchema(schema).filter((path) => ![".global", ".resources.claims"].includes(path))
    expect(known.filter((path) => !has(values, path))).toEqual([])
    expect(isOpen(schema)).toBe(false)
  })

  it("is of the version of the product", () => {
    const { version } = Schema.decodeSync(Schema.fromJsonString(Schema.Struct({ version: Schema.String })))(
      text("package.json")
    )
    expect(parse(text(`${CHART}/Chart.yaml`))).toMatchObject({ version, appVersion: version })
  })

  it("sets only variables that there are", () => {
    const set = [...text(`${CHART}/templates/deployment.yaml`).matchAll(/- name: ([A-Z_]+)/gu)].map(
      ([, name = ""]) => name
    )
    expect(set.length).toBeGreaterThan(5)
    expect(set.filter((name) => !Object.hasOwn(settings, name))).toEqual([])
  })
})

const helm = spawnSync("helm", ["version", "--short"]).status === 0
if (!helm) process.stderr.write("left out: the chart's rendered rules (there is no helm)\n")

describe.skipIf(!helm)("the chart's rules", () => {
  const Rendered = Schema.Struct({
    kind: Schema.String,
    metadata: Schema.Struct({ name: Schema.String, annotations: Schema.optionalKey(Schema.Unknown) }),
    rules: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({
          apiGroups: Schema.Array(Schema.String),
          resources: Schema.Array(Schema.String),
          verbs: Schema.Array(Schema.String)
        })
      )
    )
  })

  it.each([
    ["in all namespaces", []],
    ["in one", ["--set", "watchNamespaces={one}"]]
  ])("are the rights that the intake names, %s", (_, sets) => {
    const args = ["template", "driftless", CHART, "--show-only", "templates/rbac.yaml", ...sets]
    const { stdout } = spawnSync("helm", args, { encoding: "utf8" })
    const given = parseAllDocuments(stdout)
      .map((document) => Schema.decodeUnknownSync(Rendered)(document.toJS()))
      .flatMap(({ rules = [] }) => rules)
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))
        )
      )
    const wanted = rights.flatMap(({ group, resources, verbs }) =>
      resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`))
    )
    expect(given.toSorted()).toEqual(wanted.toSorted())
  })
})

describe("the image", () => {
  it("needs bases that are named in full", () => {
    const bases = [...text("Dockerfile").matchAll(/^FROM (.+)$/gmu)].map(([, base]) => base)
    expect(bases.length).toBeGreaterThan(0)
    for (const base of bases) expect(base).toMatch(/^(?:node|debian):[a-z0-9.-]+(?: AS \w+)?$/u)
  })
})
