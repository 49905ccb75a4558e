/**
 * Many writes in one transaction. Deletes run first, then patches, puts and posts, each list in its own order; the first
 * refusal undoes everything and is the only error answered, without saying which operation it was.
 */
import type { JsonObject } from "./envelope.ts"
import { invalid, isObject, UNKNOWN_REASON } from "./envelope.ts"
import { LIMITS } from "./plans.ts"
import type { WriteContext } from "./records.ts"
import { create, overwrite, remove, update } from "./records.ts"
import type { StoredRecord, ZoneStore } from "./zone-store.ts"

export const BATCH_LISTS = ["deletes", "patches", "puts", "posts"] as const
export type BatchList = (typeof BATCH_LISTS)[number]

export const batch = (
  zone: ZoneStore,
  body: JsonObject,
  context: WriteContext
): Readonly<Record<BatchList, ReadonlyArray<StoredRecord>>> => {
  const deletes = operations(body, "deletes")
  const patches = operations(body, "patches")
  const puts = operations(body, "puts")
  const posts = operations(body, "posts")
  const count = deletes.length + patches.length + puts.length + posts.length
  const limit = LIMITS[zone.settings.plan].batch
  if (count > limit) {
    throw invalid(UNKNOWN_REASON, `The batch has ${count} changes, exceeding the limit of ${limit}.`)
  }
  return zone.transaction(() => ({
    deletes: deletes.map((operation) => remove(zone, idOf(operation))),
    patches: patches.map((operation) => update(zone, idOf(operation), operation, context)),
    puts: puts.map((operation) => overwrite(zone, idOf(operation), operation, context)),
    posts: posts.map((operation) => create(zone, operation, context))
  }))
}

const operations = (body: JsonObject, list: BatchList): ReadonlyArray<JsonObject> => {
  const given = body[list] ?? []
  if (!Array.isArray(given)) throw invalid(UNKNOWN_REASON, `${list} must be a list.`)
  return given.map((operation: unknown) => {
    if (!isObject(operation)) throw invalid(UNKNOWN_REASON, `${list} must be a list of objects.`)
    return operation
  })
}

const idOf = ({ id }: JsonObject): string => {
  if (typeof id !== "string") throw invalid(9101, "id is a required field.")
  return id
}
