/**
 * The content of TXT records. Text is kept as a string of bytes (one character each, 0–255).
 *
 * Quoted input is a list of character-strings; unquoted input is the text itself and, while it is short, comes back
 * unquoted, as the API has been seen to do. What is longer than 255 bytes is split and comes back quoted.
 */
import { Buffer } from "node:buffer"
import { invalid, UNKNOWN_REASON } from "./envelope.ts"
import { MAX_TXT } from "./plans.ts"

const CHUNK = 255

export interface Txt {
  /** As the API returns it. */
  readonly content: string
  /** The joined bytes: two records with the same are identical, however they are written. */
  readonly text: string
}

export const txt = (input: unknown): Txt => {
  if (typeof input !== "string" || input.trim() === "") throw bad("it is empty")
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  if (/[\u0000-\u001f\u007f]/u.test(input)) throw bad("it has control characters")
  const quoted = input.trimStart().startsWith('"')
  const strings = quoted ? characterStrings(input.trim()) : [Buffer.from(input, "utf8").toString("latin1")]
  const text = strings.join("")
  if (text === "") throw bad("it is empty")
  if (text.length > MAX_TXT) throw bad(`it is longer than ${MAX_TXT} bytes`)
  if (!quoted && text.length <= CHUNK) return { content: input, text }
  return { content: strings.flatMap(split).map(quote).join(" "), text }
}

const bad = (why: string) => invalid(UNKNOWN_REASON, `Content for TXT record is invalid: ${why}.`)

const split = (text: string): ReadonlyArray<string> => {
  const chunks: Array<string> = []
  for (let at = 0; at < text.length; at += CHUNK) chunks.push(text.slice(at, at + CHUNK))
  return chunks
}

const characterStrings = (input: string): ReadonlyArray<string> => {
  const bytes = Buffer.from(input, "utf8").toString("latin1")
  const pattern = /"((?:[^"\\]|\\\d{3}|\\\D)*)"\s*/uy
  const strings: Array<string> = []
  while (pattern.lastIndex < bytes.length) {
    const match = pattern.exec(bytes)
    if (match === null) throw bad("a quoted string is not closed, or text stands outside quotes")
    strings.push(unescape(match[1] ?? ""))
  }
  return strings
}

const unescape = (text: string) =>
  text.replace(/\\(\d{3}|\D)/gu, (_, escaped: string) => {
    if (escaped.length === 1) return escaped
    if (Number(escaped) > 255) throw bad(`\\${escaped} is not a byte`)
    return String.fromCodePoint(Number(escaped))
  })

/** UTF-8 stays readable; bytes that are not UTF-8 (a character cut in two by the split) are written as `\DDD`. */
const quote = (bytes: string) => {
  const escaped = bytes.replace(/["\\]/gu, "\\$&").replace(/[^ -~\u0080-\u00ff]/gu, decimal)
  const utf8 = Buffer.from(escaped, "latin1").toString("utf8")
  return `"${utf8.includes("\uFFFD") ? escaped.replace(/[\u0080-\u00ff]/gu, decimal) : utf8}"`
}

const decimal = (byte: string) => `\\${String(byte.codePointAt(0)).padStart(3, "0")}`
