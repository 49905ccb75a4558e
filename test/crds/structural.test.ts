/** The way from JSON Schema to a structural schema, rule by rule, and the checker that the definitions are held to. */
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { structural } from "../../tools/crds/structural.ts"
import { violations } from "./structural-rules.ts"

const of = (schema: Schema.Top) =>
  structural(
    Schema.toJsonSchemaDocument(schema, {
      generateDescriptions: false,
      includeAnnotationKey: (key) => key.startsWith("x-kubernetes-") || key === "expected"
    })
  )

const described = <S extends Schema.Top>(schema: S) => schema.annotate({ description: "A field." })
const text = described(Schema.String.check(Schema.isMaxLength(5)))

describe("structural", () => {
  it("merges checks, and says in a rule what a pattern means", () => {
    const name = Schema.String.check(Schema.isPattern(/^a+$/u, { expected: "all a" }), Schema.isMaxLength(5))
    expect(of(described(name))).toEqual({
      description: "A field.",
      type: "string",
      maxLength: 5,
      pattern: "^a+$",
      "x-kubernetes-validations": [{ rule: "self.matches(r'^a+$')", message: "must be all a" }]
    })
  })

  it("keeps rules of the field beside those of its patterns", () => {
    const rule = { rule: "self != 'aa'", message: "not this one" }
    const name = Schema.String.check(Schema.isPattern(/^a+$/u, { expected: "all a" }), Schema.isMaxLength(5))
    const node = of(described(name).annotate({ "x-kubernetes-validations": [rule] }))
    expect(node["x-kubernetes-validations"]).toEqual([
      { rule: "self.matches(r'^a+$')", message: "must be all a" },
      rule
    ])
  })

  it("writes one literal as an enum", () => {
    expect(of(described(Schema.Literals(["x"])))).toEqual({ description: "A field.", type: "string", enum: ["x"] })
  })

  it("leaves out the bounds that only JavaScript has", () => {
    expect(of(described(Schema.Int))).toEqual({ description: "A field.", type: "integer", format: "int64" })
  })

  it("names an object's fields and those that are required", () => {
    const schema = described(Schema.Struct({ a: text, b: Schema.optionalKey(text) }))
    expect(of(schema)).toMatchObject({ type: "object", required: ["a"], properties: { a: {}, b: {} } })
    expect(of(schema)).not.toHaveProperty("additionalProperties")
  })

  it("writes a number or a text as int-or-string when rules bound it", () => {
    const rules = { "x-kubernetes-validations": [{ rule: "true", message: "always" }] }
    const either = Schema.Union([Schema.Int, text]).annotate({ description: "Either.", ...rules })
    expect(of(either)).toEqual({
      description: "Either.",
      ...rules,
      "x-kubernetes-int-or-string": true,
      anyOf: [{ type: "integer" }, { type: "string" }]
    })
  })

  it.each<readonly [string, Schema.Top, string]>([
    ["a text without a bound", described(Schema.String), "has no maxLength"],
    ["a list without a bound", described(Schema.Array(text)), "has no maxItems"],
    ["a field without a description", Schema.String.check(Schema.isMaxLength(5)), "has no description"],
    [
      "a union of objects",
      described(Schema.Union([Schema.Struct({ a: text }), Schema.Struct({ b: text })])),
      "a union"
    ],
    ["a number or a text without rules", described(Schema.Union([Schema.Int, text])), "must be rules"],
    ["an object of any keys", described(Schema.Record(Schema.String, text)), "name its properties"],
    ["any value", described(Schema.Json), "no single type"],
    ["a reference", described(Schema.Struct({ a: text.annotate({ identifier: "Text" }) })), "is a reference"]
  ])("refuses %s by its path", (_what, schema, message) => {
    expect(() => of(described(Schema.Struct({ field: schema })))).toThrow(message)
  })
})

describe("violations", () => {
  it.each<readonly [string, object, string]>([
    ["an unknown keyword", { type: "boolean", uniqueItems: true }, ".spec.a: keyword uniqueItems"],
    ["no type", { description: "x" }, ".spec.a: not one known type"],
    ["two types", { type: ["string", "null"] }, ".spec.a: not one known type"],
    ["an unbounded text", { type: "string" }, ".spec.a: no maxLength"],
    ["an unbounded list", { type: "array", items: { type: "boolean" } }, ".spec.a: no maxItems"],
    ["a junctor", { type: "boolean", anyOf: [{ enum: [true] }] }, ".spec.a: anyOf"],
    [
      "look-around",
      { type: "boolean", "x-kubernetes-validations": [{ rule: "self.matches('(?!a)')", message: "m" }] },
      ".spec.a: RE2 has no look-around"
    ],
    [
      "a rule about no field",
      { type: "boolean", "x-kubernetes-validations": [{ rule: "self", message: "m", fieldPath: ".b" }] },
      '.spec.a: a rule at ".b"'
    ]
  ])("finds %s", (_what, field, sentence) => {
    const schema = { type: "object", properties: { spec: { type: "object", properties: { a: field } } } }
    expect(violations(schema)).toEqual([sentence])
  })
})
