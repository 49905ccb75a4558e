/**
 * What is wrong with a document or a body, all of it at once: each mistake has its path and a sentence that says
 * what would be right. No sentence quotes the input, since the input may be a secret.
 */
import { type Schema, SchemaIssue } from "effect"

export interface Mistake {
  /** As in `spec.values[1]`; empty for the whole. */
  readonly path: string
  readonly message: string
  /** `missing`: nothing is there; `format`: it cannot be read, or nobody knows it; `value`: it is not allowed. */
  readonly kind: "missing" | "format" | "value"
}

export const missing = (path: string, message: string): Mistake => ({ path, message, kind: "missing" })
export const malformed = (path: string, message: string): Mistake => ({ path, message, kind: "format" })
export const notAllowed = (path: string, message: string): Mistake => ({ path, message, kind: "value" })

type Path = ReadonlyArray<PropertyKey>

/** `["spec", "values", 1]` → `spec.values[1]`. */
export const pathText = (path: Path): string =>
  path.reduce<string>((text, part) => {
    const name = nameOf(String(part))
    if (/^\d+$/u.test(name)) return `${text}[${name}]`
    return text === "" ? name : `${text}.${name}`
  }, "")

/** A key that nobody knows may be anything: it is shown as far as it can be told and kept. */
const nameOf = (key: string): string =>
  `${key.slice(0, MOST_NAME)}${key.length > MOST_NAME ? "…" : ""}`.replaceAll(/\p{Cc}|\p{Cs}/gu, "\uFFFD")

const MOST_NAME = 256

/** How many mistakes of one body are told; they are enough to go on with, and no body makes an answer endless. */
export const MOST_TOLD = 100

/** What is told of them: the first, and that there are more. */
export const told = (mistakes: ReadonlyArray<Mistake>): ReadonlyArray<Mistake> =>
  mistakes.length <= MOST_TOLD
    ? mistakes
    : [...mistakes.slice(0, MOST_TOLD), malformed("", `and there are more mistakes than these ${MOST_TOLD}`)]

/** Decodes with all mistakes, and refuses fields that are not declared. */
export const STRICT = { errors: "all", onExcessProperty: "error" } as const

export const mistakesOf = (error: Schema.SchemaError): ReadonlyArray<Mistake> => unique(leaves(error.issue, []))

function leaves(issue: SchemaIssue.Issue, path: Path): ReadonlyArray<Mistake> {
  switch (issue._tag) {
    case "Pointer":
      return leaves(issue.issue, [...path, ...issue.path])
    case "Encoding":
      return leaves(issue.issue, path)
    case "Filter":
      return filtered(issue, path)
    case "Composite":
      return issue.issues.flatMap((inner) => leaves(inner, path))
    case "AnyOf":
      if (issue.issues.length > 0) return issue.issues.flatMap((inner) => leaves(inner, path))
      return issue.ast.types.every(({ _tag }) => _tag === "Literal")
        ? [notAllowed(pathText(path), sentence(issue))]
        : [malformed(pathText(path), sentence(issue))]
    case "MissingKey":
      return [missing(pathText(path), "is missing")]
    case "UnexpectedKey":
      return [malformed(pathText(path), `is not a field here; ${fieldsOf(issue)}`)]
    case "InvalidType":
      return [malformed(pathText(path), sentence(issue))]
    case "InvalidValue":
    case "Forbidden":
    case "OneOf":
      return [malformed(pathText(path), sentence(issue))]
  }
}

function filtered(issue: SchemaIssue.Filter, path: Path): ReadonlyArray<Mistake> {
  // A filter that names its own mistakes carries them inside, with their paths.
  const [own, inner] = issue.issue._tag === "Pointer" ? [issue.issue.path, issue.issue.issue] : [[], issue.issue]
  if (inner._tag === "Composite") return inner.issues.flatMap((each) => leaves(each, [...path, ...own]))
  const text = pathText([...path, ...own])
  return [judgesForm(issue) ? malformed(text, sentence(issue)) : notAllowed(text, sentence(issue))]
}

/** A pattern, or the text of a number in a path or a query. */
function judgesForm({ filter }: SchemaIssue.Filter): boolean {
  const representation: unknown = filter.annotations?.["representation"]
  if (typeof representation !== "object" || representation === null || !("id" in representation)) return false
  return /\/is(?:Pattern|String\w+)$/u.test(String(representation.id))
}

const format = SchemaIssue.makeFormatterStandardSchemaV1()

function sentence(issue: SchemaIssue.Issue): string {
  const message = format(issue).issues[0]?.message ?? "is not valid"
  const words = message.replace(/^Expected /u, "").replaceAll(" | ", " or ")
  return words === message ? message : `must be ${PLAIN.get(words) ?? words}`
}

/** Schema's names of types, as people say them. */
const PLAIN = new Map([
  ["string", "a text"],
  ["number", "a number"],
  ["boolean", "true or false"],
  ["array", "a list"],
  ["object", "an object"],
  ["an integer", "a whole number"],
  ["a string representing a finite number", "a number"]
])

function fieldsOf(issue: SchemaIssue.UnexpectedKey): string {
  const names = issue.ast._tag === "Objects" ? issue.ast.propertySignatures.map(({ name }) => String(name)) : []
  return names.length === 0 ? "none are known" : `known are ${names.join(", ")}`
}

function unique(mistakes: ReadonlyArray<Mistake>): ReadonlyArray<Mistake> {
  return [...new Map(mistakes.map((mistake) => [`${mistake.path}\u0000${mistake.message}`, mistake])).values()]
}
