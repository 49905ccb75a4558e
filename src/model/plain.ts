/**
 * Texts that can be kept and shown: on one line, and whole. PostgreSQL keeps no NUL; half of a surrogate pair it
 * refuses in JSON, and elsewhere it becomes another character on the way.
 */
import { Schema } from "effect"

/** Finds a line break or another control character, or half of a surrogate pair. */
export const CONTROL = /\p{Cc}|\p{Cs}/u

export const onOneLine = Schema.isPattern(/^[^\p{Cc}\p{Cs}]*$/u, {
  expected: "text on one line, without control characters"
})

/** Of texts that may have several lines. */
export const keepable = Schema.isPattern(/^[^\0\p{Cs}]*$/u, {
  expected: "text without NUL and without half of a surrogate pair"
})
