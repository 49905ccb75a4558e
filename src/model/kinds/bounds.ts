/**
 * How much of a body is judged at all. A schema judges every item and every key before it judges how many there are,
 * and each mistake takes memory and words: a body of a few megabytes would be millions of them. So what is far too
 * much is refused before any schema sees it, by one look at the lengths.
 */
import { type Mistake, notAllowed, pathText } from "./mistakes.ts"

/** No schema of ours takes a longer list. */
export const MOST_ITEMS = 1000

/** More than any object of ours has, so that a few too many labels are still told in the words of their schema. */
export const MOST_KEYS = 100

/** Deeper than any schema of ours looks: what stands below belongs to a field that nobody knows. */
const DEEPEST = 6

/** The first list or object of the input that is far too long. */
export function oversized(input: unknown, deepest = DEEPEST): Mistake | undefined {
  return beyond(input, [], deepest)
}

function beyond(input: unknown, path: ReadonlyArray<PropertyKey>, levels: number): Mistake | undefined {
  if (typeof input !== "object" || input === null || levels === 0) return undefined
  if (Array.isArray(input) && input.length > MOST_ITEMS) {
    return notAllowed(pathText(path), `holds ${input.length} items; no list holds more than ${MOST_ITEMS}`)
  }
  const keys = Array.isArray(input) ? [] : Object.keys(input)
  if (keys.length > MOST_KEYS) {
    return notAllowed(pathText(path), `has ${keys.length} keys; no object has more than ${MOST_KEYS}`)
  }
  for (const [key, value] of Object.entries(input)) {
    const found = beyond(value, [...path, key], levels - 1)
    if (found !== undefined) return found
  }
  return undefined
}
