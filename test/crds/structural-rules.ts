/**
 * The rules that an API server has for the schema of a definition, as far as it refuses or silently weakens one:
 * https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema
 * It is written against those pages and not against the generator.
 */
type Node = Readonly<Record<string, unknown>>

const KEYWORDS = new Set(
  [
    "description type format default enum minimum maximum minLength maxLength pattern minItems maxItems required",
    "properties items anyOf nullable x-kubernetes-validations x-kubernetes-int-or-string x-kubernetes-list-type",
    "x-kubernetes-list-map-keys"
  ].flatMap((line) => line.split(" "))
)
const TYPES = ["object", "array", "string", "integer", "number", "boolean"]

/** A sentence for each rule that is broken, with the path. */
export function violations(schema: unknown, path = ""): ReadonlyArray<string> {
  if (!isNode(schema)) return [`${path}: is no schema`]
  return [
    ...Object.keys(schema).flatMap((key) => (KEYWORDS.has(key) ? [] : [`${path}: keyword ${key}`])),
    ...typeViolations(schema, path),
    ...boundViolations(schema, path),
    ...junctorViolations(schema, path),
    ...ruleViolations(schema, path),
    ...inner(schema, path).flatMap(([name, each]) => violations(each, name))
  ]
}

function inner(schema: Node, path: string): ReadonlyArray<readonly [string, unknown]> {
  const properties = isNode(schema["properties"]) ? Object.entries(schema["properties"]) : []
  return [
    ...properties.map(([key, value]) => [`${path}.${key}`, value] as const),
    ...(schema["items"] === undefined ? [] : [[`${path}[]`, schema["items"]] as const])
  ]
}

function typeViolations(schema: Node, path: string): ReadonlyArray<string> {
  const either = schema["x-kubernetes-int-or-string"] === true
  if (either) return schema["type"] === undefined ? [] : [`${path}: a type beside int-or-string`]
  if (typeof schema["type"] !== "string" || !TYPES.includes(schema["type"])) return [`${path}: not one known type`]
  return []
}

function boundViolations(schema: Node, path: string): ReadonlyArray<string> {
  const needs = (key: string) => (schema[key] === undefined ? [`${path}: no ${key}`] : [])
  switch (schema["type"]) {
    case "string":
      return schema["enum"] === undefined && schema["format"] === undefined && path.split(".").length > 2
        ? needs("maxLength")
        : []
    case "array":
      return [...needs("maxItems"), ...needs("items")]
    case "object":
      return path === ".metadata" ? [] : needs("properties")
    default:
      return []
  }
}

/** Only validation may stand in a junctor, and none of it may name what is not there outside. */
function junctorViolations(schema: Node, path: string): ReadonlyArray<string> {
  const branches = Array.isArray(schema["anyOf"]) ? schema["anyOf"] : []
  const allowed = schema["x-kubernetes-int-or-string"] === true ? `[{"type":"integer"},{"type":"string"}]` : "[]"
  return JSON.stringify(branches) === allowed ? [] : [`${path}: anyOf`]
}

function ruleViolations(schema: Node, path: string): ReadonlyArray<string> {
  const rules = Array.isArray(schema["x-kubernetes-validations"]) ? schema["x-kubernetes-validations"] : []
  return rules.flatMap((rule: unknown) => {
    if (!isNode(rule) || typeof rule["rule"] !== "string" || typeof rule["message"] !== "string") {
      return [`${path}: a rule without its words`]
    }
    const at = rule["fieldPath"]
    const known = isNode(schema["properties"]) ? Object.keys(schema["properties"]).map((key) => `.${key}`) : []
    return [
      ...(rule["message"].includes("\n") ? [`${path}: a message of several lines`] : []),
      ...(at === undefined || known.some((each) => each === at) ? [] : [`${path}: a rule at ${JSON.stringify(at)}`]),
      ...(/\(\?[=!<]/u.test(rule["rule"]) ? [`${path}: RE2 has no look-around`] : [])
    ]
  })
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value)
