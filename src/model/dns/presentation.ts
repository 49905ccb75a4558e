/**
 * The notation of zone files (RFC 1035, section 5.1), as far as values need it: fields between blanks, strings in
 * quotes, escapes. Decoded text is a string of bytes (one character, U+0000 to U+00FF, for each), because escapes and
 * the splitting into 255-byte strings know bytes only.
 */
import { Result } from "effect"
import { cite, type Invalid, invalid } from "./invalid.ts"

/** A record's content as the provider returns it. Structured types come with `data`, MX and older SRV with `priority`. */
export interface ObservedContent {
  readonly content?: string | null | undefined
  readonly data?: unknown
  readonly priority?: number | null | undefined
}

/** Asking is strict, reading is lenient: what exists at the provider is read even where we would not write it. */
export type Notation = "desired" | "observed"

/** At most `count` fields; the last one holds all that is left, blanks included. */
export function fieldsOf(text: string, count: number): ReadonlyArray<string> {
  const fields: Array<string> = []
  let rest = text.trim()
  while (rest !== "" && fields.length < count - 1) {
    const field = /^\S+/u.exec(rest)?.[0] ?? rest
    fields.push(field)
    rest = rest.slice(field.length).trimStart()
  }
  return rest === "" ? fields : [...fields, rest]
}

/**
 * The fields of a structured record: from `data` where it has all of them, else from `content`. Cloudflare has left
 * the priority out of `content` (MX always, SRV at times), and has returned a null target as `false`.
 */
export function observedFields(record: ObservedContent, keys: ReadonlyArray<string>): ReadonlyArray<string> {
  const { data, priority } = record
  if (isObject(data)) {
    const values = keys.map((key) => scalar(data[key] ?? (key === "priority" ? priority : undefined)))
    if (values.every((value) => value !== null)) return values
  }
  const fields = fieldsOf(record.content ?? "", keys.length)
  const short = keys[0] === "priority" && typeof priority === "number" && fields.length === keys.length - 1
  return short ? [String(priority), ...fields] : fields
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

function scalar(value: unknown): string | null {
  if (value === false) return "."
  return typeof value === "string" || typeof value === "number" ? String(value) : null
}

/** A whole number from 0 to `maximum`. */
export function integer(field: string, maximum: number, what: string): Result.Result<number, Invalid> {
  const value = /^\d{1,10}$/u.test(field) ? Number(field) : Number.NaN
  if (value <= maximum) return Result.succeed(value)
  return invalid(`the ${what} ${cite(field)} is not a whole number from 0 to ${maximum}`)
}

export const MAX_UINT16 = 65_535
export const MAX_UINT8 = 255

const STRINGS = /^\s*(?:"(?:[^"\\]|\\.)*"\s*)+$/su

/** The strings of `"one" "two"`, decoded and joined; null where `text` is not made of quoted strings alone. */
export function joinedStrings(text: string): string | null {
  if (!STRINGS.test(text)) return null
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"/gsu)].map(([, inner]) => decode(inner ?? "")).join("")
}

/** `\"` → `"`, `\065` → `A`. */
export function decode(escaped: string): string {
  return toBytes(escaped).replace(/\\(\d{3}|.)/gsu, (_, escape: string) =>
    escape.length === 3 && Number(escape) <= MAX_UINT8 ? String.fromCharCode(Number(escape)) : escape
  )
}

/** Printable ASCII that stands between quotes and decodes to `bytes`. */
export function encode(bytes: string): string {
  return bytes.replace(/["\\]|[^ -~]/gsu, (byte) =>
    byte === `"` || byte === "\\" ? `\\${byte}` : `\\${String(byte.charCodeAt(0)).padStart(3, "0")}`
  )
}

export const toBytes = (text: string): string => Buffer.from(text, "utf8").toString("latin1")

/** Null where the bytes are not UTF-8. */
export function fromBytes(bytes: string): string | null {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  try {
    return decoder.decode(Buffer.from(bytes, "latin1"))
  } catch {
    return null
  }
}
