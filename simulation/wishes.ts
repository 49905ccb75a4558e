/** What rows ask for. S6 rests on this: whatever changes of it makes another generation, whoever changed it. */
import type { RecordRow } from "./rows.ts"

export const wishOf = ({ comment, generation, name, present, proxied, ttl, type, value }: RecordRow) =>
  `${type} ${name} ${value}, ttl ${ttl}, proxied ${proxied}, comment ${comment}, ${present ? "present" : "absent"}, generation ${generation}`

/** It asks for something else, and its generation does not say so; or that fell. */
export const isUncounted = (old: RecordRow, row: RecordRow): boolean =>
  row.generation < old.generation || (row.generation === old.generation && wishOf(row) !== wishOf(old))
