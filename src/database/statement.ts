/**
 * Kysely's `sql`, for statements that are sent all the time and whose only parts are parameters: the text is put
 * together once, where `sql` makes and compiles a tree of nodes at each call.
 */
import { CompiledQuery } from "kysely"
import type { Connection } from "./database.ts"

export const statement =
  <Row>(db: Connection) =>
  (parts: TemplateStringsArray, ...parameters: ReadonlyArray<string | number>) =>
    db.executeQuery<Row>(CompiledQuery.raw(textOf(parts), [...parameters]))

/** By the place in the source, which has one array of parts for good. */
const known = new WeakMap<TemplateStringsArray, string>()

const textOf = (parts: TemplateStringsArray): string => {
  const before = known.get(parts)
  if (before !== undefined) return before
  const text = parts.reduce((start, part, i) => `${start}$${i}${part}`)
  known.set(parts, text)
  return text
}
