/**
 * The mark of ownership inside a record's comment. It holds the id of the database that the record belongs to, and
 * stands after the user's own text, which it leaves alone.
 */
import { Result } from "effect"
import { CONTROL } from "../plain.ts"
import { type Invalid, invalid } from "./invalid.ts"

export interface MarkedComment {
  /** The id of the owning database (12 hex digits), or null where no Driftless has marked the record. */
  readonly instance: string | null
  /** The user's own text, empty where there is none. */
  readonly text: string
}

/** `instanceId`: 12 lower-case hex digits. */
export const mark = (instanceId: string): string => `[driftless:${instanceId}]`

/** Of several marks the last one counts, since ours is always written last. */
export function readComment(comment: string | null | undefined): MarkedComment {
  const marks = [...(comment ?? "").matchAll(MARK)]
  return { instance: marks.at(-1)?.[1] ?? null, text: (comment ?? "").replace(MARK, "").trim() }
}

/** `limit`: characters of a comment on the zone's plan (100 free, 500 paid), for the text and the mark together. */
export function writeComment(instanceId: string, text: string, limit: number): Result.Result<string, Invalid> {
  const own = text.trim()
  // The same characters are refused as at Cloudflare, but here one record is refused and not a whole batch.
  if (CONTROL.test(own)) return invalid("the comment holds a line break or another control character")
  if (readComment(own).instance !== null) return invalid("the comment holds a mark of Driftless; leave it out")
  const marked = own === "" ? mark(instanceId) : `${own} ${mark(instanceId)}`
  if (marked.length <= limit) return Result.succeed(marked)
  const room = limit - mark(instanceId).length - 1
  return invalid(
    `the comment has ${own.length} characters; beside the ownership mark this zone's plan leaves room for ${room}`
  )
}

const MARK = /\s*\[driftless:([0-9a-f]{12})\]/gu
