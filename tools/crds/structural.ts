/**
 * JSON Schema as Effect writes it → the structural schema that a CustomResourceDefinition must have: no references,
 * one type for each field, nothing but validation in a junctor. What has no such form fails here, by its path, and
 * not at an API server.
 *
 *   JSON Schema                              | structural schema
 *   -----------------------------------------|-------------------------------------------------------------
 *   allOf of checks                          | merged into the field
 *   a pattern with words ("expected")        | the pattern, and a rule that says the words
 *   anyOf of one                             | that one
 *   anyOf of integer and text                | x-kubernetes-int-or-string; its bounds are rules of the field
 *   properties and additionalProperties      | properties alone: an API server drops, or refuses, the others
 *   the bounds of JavaScript's safe integers | none; format int64
 */
import type { JsonSchema } from "effect"

/** A schema in OpenAPI 3.0, as https://kubernetes.io/docs/reference/kubernetes-api/ has `JSONSchemaProps`. */
export type Structural = { readonly [keyword: string]: unknown }

type Node = { readonly [keyword: string]: unknown }

const KEPT = [
  "description",
  "type",
  "format",
  "default",
  "enum",
  "minimum",
  "maximum",
  "minLength",
  "maxLength",
  "pattern",
  "minItems",
  "maxItems",
  "required"
]

export function structural({ schema }: JsonSchema.Document<"draft-2020-12">): Structural {
  return field(schema, "")
}

function field(input: unknown, path: string): Structural {
  const node = merged(asNode(input, path))
  const [only, ...others] = listOf(node["anyOf"])
  if (only !== undefined) {
    const { anyOf: _, ...rest } = node
    if (others.length === 0) return field({ ...merged(asNode(only, path)), ...rest }, path)
    return intOrString([only, ...others], rest, path)
  }
  const result = kept(node)
  if (node["type"] === "object") result["properties"] = properties(node, path)
  if (node["type"] === "array") result["items"] = field(node["items"], `${path}[]`)
  if (typeof node["type"] !== "string") throw new Error(`${path}: has no single type`)
  if (node["description"] === undefined) throw new Error(`${path}: has no description for kubectl explain`)
  if (node["type"] === "string" && node["enum"] === undefined && node["maxLength"] === undefined && !isTime(node)) {
    throw new Error(`${path}: has no maxLength; an unbounded text has no bounded cost`)
  }
  if (node["type"] === "array" && node["maxItems"] === undefined) throw new Error(`${path}: has no maxItems`)
  return result
}

const isTime = (node: Node) => node["format"] === "date-time"

function properties(node: Node, path: string): Structural {
  const own = node["properties"]
  if (own === undefined) throw new Error(`${path}: an object of any keys has no form here; name its properties`)
  return Object.fromEntries(
    Object.entries(asNode(own, path)).map(([key, value]) => [key, field(value, `${path}.${key}`)])
  )
}

/** The checks of one field: each adds its keywords; rules add up. */
function merged(node: Node): Node {
  const { allOf, ...rest } = node
  const parts = [rest, ...listOf(allOf).map((part) => asNode(part, "allOf"))]
  const validations = parts.flatMap((part) => [...wordsOf(part), ...listOf(part[RULES])])
  return Object.assign({}, ...parts, validations.length === 0 ? {} : { [RULES]: validations })
}

const RULES = "x-kubernetes-validations"

/** An API server shows a pattern that is not met; these words say what it means. */
function wordsOf({ expected, pattern }: Node): ReadonlyArray<Node> {
  if (typeof pattern !== "string" || typeof expected !== "string") return []
  return [{ rule: `self.matches(r'${pattern}')`, message: `must be ${expected}` }]
}

function intOrString(alternatives: ReadonlyArray<unknown>, rest: Node, path: string): Structural {
  const types = alternatives.map((each) => asNode(each, path)["type"])
  if (types.length !== 2 || !types.includes("integer") || !types.includes("string")) {
    throw new Error(`${path}: a union of ${types.join()} has no form here`)
  }
  if (rest[RULES] === undefined) throw new Error(`${path}: the bounds of an integer or a text must be rules`)
  return {
    ...kept(rest),
    "x-kubernetes-int-or-string": true,
    anyOf: [{ type: "integer" }, { type: "string" }]
  }
}

function kept(node: Node): Record<string, unknown> {
  const entries = KEPT.flatMap((key) => (node[key] === undefined ? [] : [[key, node[key]] as const]))
  const extensions = Object.entries(node).filter(([key]) => key.startsWith("x-kubernetes-"))
  const result: Record<string, unknown> = Object.fromEntries([...entries, ...extensions])
  if (result["minimum"] === Number.MIN_SAFE_INTEGER) delete result["minimum"]
  if (result["maximum"] === Number.MAX_SAFE_INTEGER) delete result["maximum"]
  if (result["type"] === "integer") result["format"] ??= "int64"
  return result
}

const listOf = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

function asNode(value: unknown, path: string): Node {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${path}: is no schema`)
  if ("$ref" in value) throw new Error(`${path}: is a reference; leave out its identifier`)
  return value as Node
}
