/**
 * Values of TXT records. People write the plain text. Cloudflare holds quoted strings of at most 255 bytes, and
 * returns some records without the quotes; both read as the same text.
 */
import { Result } from "effect"
import { CONTROL } from "../plain.ts"
import { type Invalid, invalid } from "./invalid.ts"
import { fromBytes, joinedStrings, MAX_UINT8 } from "./presentation.ts"

export interface TextValue {
  readonly type: "TXT"
  readonly text: string
}

/** The whole of `text` is the value: quotes in it are part of it. */
export function desiredText(text: string): Result.Result<TextValue, Invalid> {
  if (text === "") return invalid("a TXT value is empty; write at least one character")
  // Surrogates without their pair have no UTF-8; the others would not show what is really there.
  if (CONTROL.test(text)) return invalid("a TXT value holds a line break or another control character")
  const size = Buffer.byteLength(text)
  if (size > MAX_BYTES) return invalid(`a TXT value has ${size} bytes; Cloudflare takes ${MAX_BYTES}`)
  return Result.succeed({ type: "TXT", text })
}

/** https://developers.cloudflare.com/dns/manage-dns-records/reference/dns-record-types/ */
const MAX_BYTES = 2048

/** Fails where the record holds what no text can: such a record equals nothing that could be asked for. */
export function observedText(content: string): Result.Result<TextValue, Invalid> {
  const strings = joinedStrings(content)
  const text = strings === null ? content : fromBytes(strings)
  // PostgreSQL's text has no U+0000.
  if (text === null || text.includes("\0")) return invalid("the TXT record at the provider holds binary data")
  return Result.succeed({ type: "TXT", text })
}

/** The text in quotes, cut between characters into strings of at most 255 bytes. */
export function quotedText(text: string): string {
  const strings: Array<string> = []
  let current = ""
  let size = 0
  for (const character of text) {
    const bytes = Buffer.byteLength(character)
    if (size + bytes > MAX_UINT8) {
      strings.push(current)
      current = ""
      size = 0
    }
    current += character
    size += bytes
  }
  return [...strings, current].map((string) => `"${string.replace(/["\\]/gu, "\\$&")}"`).join(" ")
}
