/**
 * Lists by pages, and the list that guards the watch: what the watch should have told by now is compared with what is
 * there, and each difference with the object itself. A server that keeps its word never makes it find anything.
 */
import { Effect } from "effect"
import { Kubernetes, type KubeObject, type Place, type Scope as Collection } from "../../providers/kubernetes.ts"
import { type Change, keyOf, type ObjectCache } from "./object-cache.ts"

/** All pages; one that is refused in the middle fails the whole, which is then begun anew. */
export const allPages = Effect.fnUntraced(function* (collection: Collection, limit: number) {
  const kubernetes = yield* Kubernetes
  const items: Array<KubeObject> = []
  let next: string | undefined
  for (;;) {
    const page = yield* kubernetes.list(collection, { limit, continue: next })
    items.push(...page.items)
    if (page.continue === undefined) return { items, version: page.resourceVersion }
    next = page.continue
  }
})

/** Mends the cache, and answers what the watch had not told. */
export const compare = Effect.fn("kubernetes.safetyList")(function* (
  collection: Collection,
  limit: number,
  cache: ObjectCache
) {
  const { items } = yield* allPages(collection, limit)
  const listed = new Map(items.map((object) => [keyOf(object), object]))
  const suspects = [
    ...[...listed].filter(
      ([key, { metadata }]) => cache.get(key)?.metadata.resourceVersion !== metadata.resourceVersion
    ),
    ...[...cache.entries()].filter(([key]) => !listed.has(key))
  ]
  const found: Array<Change> = []
  if (suspects.length === 0) return found
  // The watch may be a moment behind.
  yield* Effect.sleep(PATIENCE)
  for (const [, { metadata }] of suspects) {
    const { name, namespace = "" } = metadata
    found.push(...(yield* missed(cache, { resource: collection.resource, namespace, name })))
  }
  return found
})

/** Asks for one object, mends the cache, and answers what the watch had not told. */
export const missed = Effect.fn("kubernetes.missed")(function* (cache: ObjectCache, place: Place) {
  const key = `${place.namespace}/${place.name}`
  const before = cache.get(key)
  const now = yield* (yield* Kubernetes).get(place)
  // What moved while we asked, the watch has told.
  if (cache.get(key) !== before || before?.metadata.resourceVersion === now?.metadata.resourceVersion) return []
  return cache.correct(key, now ?? undefined)
})

const PATIENCE = "2 seconds"
