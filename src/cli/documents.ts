/**
 * Documents as people write them, YAML or JSON, and where each field stands in its file, so that a mistake is told
 * with its line. Only the form is judged here; what a document means is judged by `src/model/kinds` at the server.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments, type Document } from "yaml"
import type { Source } from "./sources.ts"

export interface LocatedDocument {
  readonly value: unknown
  /** `records.yaml: document 2`, where the file has several. */
  readonly label: string
  /** `records.yaml:14:3: document 2`, for a path such as `spec.values[1]`; the nearest that stands there. */
  readonly locate: (path: string) => string
}

export interface ReadDocuments {
  readonly documents: ReadonlyArray<LocatedDocument>
  /** What makes the text unreadable, each with its line and column. */
  readonly mistakes: ReadonlyArray<string>
}

/** Documents that hold nothing are passed over; a `List`, as `get -o json` prints it, is read as its items. */
export function readDocuments(sources: ReadonlyArray<Source>): ReadDocuments {
  const read = sources.map(readSource)
  return { documents: read.flatMap(({ documents }) => documents), mistakes: read.flatMap(({ mistakes }) => mistakes) }
}

function readSource({ name, text }: Source): ReadDocuments {
  const lines = new LineCounter()
  const parsed = parseAllDocuments(text, { lineCounter: lines, stringKeys: true, merge: true, prettyErrors: false })
  const all: ReadonlyArray<Document> = "empty" in parsed ? [] : parsed
  const position = (offset: number) => {
    const { col, line } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  // A tag that is not known would be dropped in silence, so its warning counts as a mistake.
  const mistakes = all.flatMap(({ errors, warnings }) =>
    [...errors, ...warnings].map(({ message, pos: [offset] }) => `${position(offset)}: ${message}`)
  )
  if (mistakes.length > 0) return { documents: [], mistakes }

  const full = all.filter(({ contents }) => !isEmpty(contents))
  const documents = full.flatMap((document, index) => {
    const place = full.length === 1 ? "" : `: document ${index + 1}`
    try {
      return itemsOf(document, { name, place, position })
    } catch (error) {
      // Aliases are resolved late: one without an anchor, or a chain of them that would fill the memory.
      mistakes.push(`${name}${place}: ${error instanceof Error ? error.message : String(error)}`)
      return []
    }
  })
  return { documents, mistakes }
}

const isEmpty = (contents: unknown) => contents === null || (isScalar(contents) && contents.value === null)

interface Origin {
  readonly name: string
  readonly place: string
  readonly position: (offset: number) => string
}

function itemsOf(document: Document, { name, place, position }: Origin): ReadonlyArray<LocatedDocument> {
  const value: unknown = document.toJS({ maxAliasCount: MOST_ALIASES })
  const located = (inner: unknown, prefix: string, suffix: string): LocatedDocument => ({
    value: inner,
    label: `${name}${place}${suffix}`,
    locate: (path) => {
      const offset = offsetOf(document.contents, `${prefix}${path === "" || path.startsWith("[") ? "" : "."}${path}`)
      return `${position(offset)}${place}${suffix}`
    }
  })
  if (!isList(value)) return [located(value, "", "")]
  return value.items.map((item, index) => located(item, `items[${index}]`, `: item ${index + 1}`))
}

const isList = (value: unknown): value is { readonly items: ReadonlyArray<unknown> } =>
  typeof value === "object" &&
  value !== null &&
  "kind" in value &&
  value.kind === "List" &&
  "items" in value &&
  Array.isArray(value.items)

/** Walks as far as the path exists. Keys may hold dots, so the longest key that fits is taken. */
function offsetOf(node: unknown, path: string): number {
  const start = isNode(node) ? (node.range?.[0] ?? 0) : 0
  const rest = path.replace(/^\./u, "")
  if (rest === "" || isAlias(node)) return start
  if (isSeq(node)) {
    const [whole, index] = /^\[(\d+)\]/u.exec(rest) ?? []
    const item = node.items[Number(index)]
    return whole === undefined || item === undefined ? start : offsetOf(item, rest.slice(whole.length))
  }
  if (!isMap(node)) return start
  const [found] = node.items
    .map(({ key, value }) => ({ key, value, text: isScalar(key) ? String(key.value) : "" }))
    .filter(({ text }) => text !== "" && rest.startsWith(text) && /^($|[.[])/u.test(rest.slice(text.length)))
    .toSorted((a, b) => b.text.length - a.text.length)
  if (found === undefined) return start
  const inner = rest.slice(found.text.length)
  if (inner !== "" && (isMap(found.value) || isSeq(found.value))) return offsetOf(found.value, inner)
  return isNode(found.key) ? (found.key.range?.[0] ?? start) : start
}

const MOST_ALIASES = 100
