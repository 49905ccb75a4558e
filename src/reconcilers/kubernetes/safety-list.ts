/**
 * Lists by pages, and the list that guards the watch: what the watch should have told by now is compared with what is
 * there, and each difference with the object itself. A server that keeps its word never makes it find anything.
 */
import { Effect } from "effect"
import { Kubernetes, type KubeObject, type Scope as Collection } from "../../providers/kubernetes.ts"
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
  const kubernetes = yield* Kubernetes
  const { items } = yield* allPages(collection, limit)
  const listed = new Map(items.map((object) => [keyOf(object), object]))
  const suspects = [
    ...[...listed].filter(
      ([key, { metadata }]) => cache.get(key)?.metadata.resourceVersion !== metadata.resourceVersion
    ),
    ...[...cache.entries()].filter(([key]) => !listed.has(key))
  ]
  const missed: Array<Change> = []
  if (suspects.length === 0) return missed
  // The watch may be a moment behind.
  yield* Effect.sleep(PATIENCE)
  for (const [key, { metadata }] of suspects) {
    const { name, namespace = "" } = metadata
    const before = cache.get(key)
    const now = yield* kubernetes.get({ resource: collection.resource, namespace, name })
    // What moved while we asked, the watch has told.
    if (cache.get(key) !== before || before?.metadata.resourceVersion === now?.metadata.resourceVersion) continue
    missed.push(...cache.correct(key, now ?? undefined))
  }
  return missed
})

const PATIENCE = "2 seconds"
