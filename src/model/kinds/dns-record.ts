/** `DnsRecord`: the records of one name and type in a zone, present or absent. */
import { Option, Result, Schema } from "effect"
import { readComment } from "../dns/comment.ts"
import { normaliseName } from "../dns/names.ts"
import { PROXIABLE, RecordType, Ttl } from "../dns/record.ts"
import { canonicalText, parseDesired } from "../dns/value.ts"
import { CONTROL } from "../plain.ts"
import { rules, withDefault } from "./annotations.ts"
import { malformed, type Mistake, notAllowed } from "./mistakes.ts"
import { Reference } from "./metadata.ts"
import { formRules, nameRule } from "./record-forms.ts"

export const RecordName = Schema.String.check(Schema.isMaxLength(255, { expected: "255 characters at most" })).annotate(
  {
    description: `The name relative to the zone: "@" for the zone itself, "www", "a.b", "*.a". Other scripts are kept as Punycode.`
  }
)

export const RecordValue = Schema.String.check(
  Schema.isBetweenLength(1, 2048, { expected: "1 to 2048 characters" })
).annotate({
  description: "One value, written as in a zone file; of a TXT record the plain text, without quotes."
})

/** The mark of ownership is added when it is written to the provider. */
export const RecordComment = Schema.String.check(
  Schema.isMaxLength(500, { expected: "500 characters at most" })
).annotate({
  description:
    "Your own words about the record, on one line, kept at the provider beside the mark of Driftless. The zone's plan may leave room for less."
})

export const DesiredState = Schema.Literals(["present", "absent"]).annotate({
  description:
    "present: the records are there. absent: those that this object made are deleted, and the object stays; records of others are never touched."
})

const commentRules = rules(
  {
    rule: String.raw`!self.matches(r'\p{Cc}')`,
    message: "holds a line break or another control character; write it on one line"
  },
  {
    rule: String.raw`!self.matches(r'\[driftless:[0-9a-f]{12}\]')`,
    message: "holds a mark of Driftless; leave it out, it is added by itself"
  }
)

const specRules = rules(
  ...formRules,
  {
    rule: "self.type != 'CNAME' || size(self.values) == 1",
    message: "a CNAME has one value: a name cannot be the alias of two",
    fieldPath: ".values"
  },
  {
    // To compare more of them would cost more than an API server gives; the controller compares them all.
    rule: "size(self.values) > 50 || self.values.all(v, self.values.exists_one(w, w == v))",
    message: "holds the same value twice; leave it out",
    fieldPath: ".values"
  },
  {
    rule: `!self.proxied || self.type in [${PROXIABLE.map((type) => `'${type}'`).join(", ")}]`,
    message: `is true, but only ${PROXIABLE.join(", ")} can be proxied`,
    fieldPath: ".proxied"
  }
)

export const DnsRecordSpec = Schema.Struct({
  domainRef: Reference.annotate({ description: "The Domain, in the same namespace, whose zone the records stand in." }),
  type: RecordType.annotate({ description: "The type of the records." }),
  name: RecordName.annotate(rules(nameRule)),
  values: Schema.Array(RecordValue)
    .check(Schema.isBetweenLength(1, 100, { expected: "a list of 1 to 100 values" }))
    .annotate({
      description: "One record for each value. A value that changes is changed in place at the provider.",
      "x-kubernetes-list-type": "atomic"
    }),
  ttl: withDefault(
    Ttl.annotate({
      description:
        "How long resolvers may keep the records, in seconds: 60 to 86400 (from 30 on Enterprise), or 1 for automatic. Ignored while they are proxied.",
      ...rules({
        rule: "self == 1 || self >= 30",
        message: "a ttl is 1 (automatic) or 60 to 86400 seconds (from 30 on Enterprise)"
      })
    }),
    120
  ),
  proxied: withDefault(
    Schema.Boolean.annotate({
      description: "Whether Cloudflare stands in front of the address; only with the types A, AAAA and CNAME."
    }),
    false
  ),
  comment: Schema.optionalKey(RecordComment.annotate(commentRules)),
  state: withDefault(DesiredState, "present")
}).annotate({ description: "What is asked for.", ...specRules })
export type DnsRecordSpec = typeof DnsRecordSpec.Type

export interface RecordFields {
  readonly type?: unknown
  readonly name?: unknown
  readonly value?: unknown
  readonly values?: unknown
  readonly proxied?: unknown
  readonly comment?: unknown
}

const asType = Schema.decodeUnknownOption(RecordType)

/**
 * Mistakes that the schema does not see, of whatever fields can be judged at all, so that they are told together with
 * the schema's. `zone` is undefined where it is not known yet: the name is judged by its form alone then.
 */
export function recordMistakes(fields: RecordFields, zone?: string): ReadonlyArray<Mistake> {
  const type = Option.getOrUndefined(asType(fields.type))
  return [
    ...nameMistakes(fields.name, zone),
    ...(type === undefined ? [] : [...valueMistakes(type, fields), ...proxyMistakes(type, fields.proxied)]),
    ...commentMistakes(fields.comment)
  ]
}

function nameMistakes(name: unknown, zone = "<zone>"): ReadonlyArray<Mistake> {
  if (typeof name !== "string") return []
  const normal = normaliseName(name, zone)
  return Result.isFailure(normal) ? [malformed("name", normal.failure.message)] : []
}

function valueMistakes(type: RecordType, { value, values }: RecordFields): ReadonlyArray<Mistake> {
  if (Array.isArray(values)) return listMistakes(type, values)
  if (typeof value !== "string" || value === "") return []
  const parsed = parseDesired(type, value)
  return Result.isFailure(parsed) ? [malformed("value", parsed.failure.message)] : []
}

function listMistakes(type: RecordType, values: ReadonlyArray<unknown>): ReadonlyArray<Mistake> {
  if (type === "CNAME" && values.length > 1) {
    return [notAllowed("values", "holds more than one value, but a name cannot be the alias of two; write one")]
  }
  const first = new Map<string, number>()
  return values.slice(0, MOST_VALUES).flatMap((value, index) => {
    if (typeof value !== "string" || value === "") return []
    const parsed = parseDesired(type, value)
    if (Result.isFailure(parsed)) return [malformed(`values[${index}]`, parsed.failure.message)]
    const text = canonicalText(parsed.success)
    const before = first.get(text)
    if (before !== undefined) return [notAllowed(`values[${index}]`, `is the same as values[${before}]; leave it out`)]
    first.set(text, index)
    return []
  })
}

function proxyMistakes(type: RecordType, proxied: unknown): ReadonlyArray<Mistake> {
  if (proxied !== true || PROXIABLE.some((each) => each === type)) return []
  return [notAllowed("proxied", `is true, but a ${type} record cannot be proxied; only ${PROXIABLE.join(", ")} can`)]
}

function commentMistakes(comment: unknown): ReadonlyArray<Mistake> {
  if (typeof comment !== "string") return []
  if (CONTROL.test(comment)) {
    return [malformed("comment", "holds a line break or another control character; write it on one line")]
  }
  if (readComment(comment).instance === null) return []
  return [notAllowed("comment", "holds a mark of Driftless; leave it out, it is added by itself")]
}

/** More are refused by the schema; none of them needs to be read. */
const MOST_VALUES = 100
