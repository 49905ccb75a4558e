/** Tells an object how far it is: its status where that differs, and an Event where its reason has changed. */
import { Clock, Effect } from "effect"
import type { Claim } from "../../database/work.ts"
import { Conflict, failure, Kubernetes, type KubeObject } from "../../providers/kubernetes.ts"
import { API_VERSION } from "../../model/kinds/metadata.ts"
import { ownersNamed } from "../dns/store/record-owners.ts"
import { Notices } from "./events.ts"
import { Lookups } from "./lookups.ts"
import { FENCE, type ObjectKey, placeOf } from "./objects.ts"
import type { Objects } from "./reflectors.ts"
import { deletingFor, isTold, readyOf, type Shown, type Status, statusOf } from "./status.ts"
import { type Problem, zoneCondition } from "./store.ts"

/** What was made of the state of an object that is told about. */
export interface Outcome {
  readonly manifestId: number | null
  readonly problem: Problem | undefined
}

/** `object` is the state that was looked at; the status is about its generation. */
export const tell = Effect.fn("kubernetes.tell")(function* (
  claim: Claim,
  objects: Objects,
  key: ObjectKey,
  object: KubeObject,
  { manifestId, problem }: Outcome
) {
  const now = yield* Clock.currentTimeMillis
  const row = manifestId === null ? undefined : yield* (yield* Lookups).view(manifestId)
  const deleting = deletingFor(object, now)
  const facts = {
    key,
    generation: object.metadata.generation ?? 1,
    shown: row === undefined ? undefined : yield* named(row.view.status),
    problem,
    deletingFor: deleting,
    zone: deleting === undefined || row?.domainId == null ? undefined : yield* zoneCondition(row.domainId)
  }
  const status = statusOf(facts, object.status, new Date(now).toISOString().replace(/\.\d+Z$/u, "Z"))
  if (isTold(status, object.status)) {
    return claim.attempts > 1 ? yield* outdate(claim, objects, key, object) : yield* stillSo(key, object)
  }
  const { name, namespace, resourceVersion, uid } = object.metadata
  const written = yield* (yield* Kubernetes).patch(placeOf(key), {
    how: "apply",
    subresource: "status",
    // The version makes it a condition: nobody's newer status is overwritten with an older one.
    body: { apiVersion: API_VERSION, kind: key.kind, metadata: { name, namespace, resourceVersion, uid }, status }
  })
  yield* objects.observe(key, written)
  yield* announce(key, object, status)
})

/**
 * A pass before this one may have sent another status, and not have heard that it was written: while the object stays as
 * it was then, that may still come. So the object moves on, and what was sent for an older version is refused.
 */
const outdate = Effect.fnUntraced(function* (claim: Claim, objects: Objects, key: ObjectKey, object: KubeObject) {
  const { resourceVersion, uid } = object.metadata
  const body = { metadata: { resourceVersion, uid, annotations: { [FENCE]: String(claim.fence) } } }
  yield* objects.observe(key, yield* (yield* Kubernetes).patch(placeOf(key), { how: "merge", body }))
})

/**
 * Who stood still may believe a cache that another replica's status never reached, and nothing else would come to look
 * for an hour. Where something is written, the version in it says so.
 */
const stillSo = Effect.fnUntraced(function* (key: ObjectKey, { metadata }: KubeObject) {
  const there = yield* (yield* Kubernetes).get(placeOf(key))
  if (there?.metadata.resourceVersion !== metadata.resourceVersion) {
    return yield* failure(new Conflict({ message: "the object has changed since it was looked at" }))
  }
})

/** A Conflict names the object that was first, not its record. */
const named = Effect.fnUntraced(function* (status: Shown) {
  const { conditions, problems = [] } = status
  if (!problems.some(({ reason }) => reason === "Conflict")) return status
  const rename = yield* ownersNamed(problems.map(({ message }) => message))
  const renamed = <A extends { readonly message: string }>(each: A): A => ({ ...each, message: rename(each.message) })
  return { ...status, conditions: conditions.map(renamed), problems: problems.map(renamed) }
})

/** What is on its way is told by the status alone. */
const announce = Effect.fnUntraced(function* (key: ObjectKey, object: KubeObject, status: Status) {
  const [before, after] = [readyOf(object.status), readyOf(status)]
  if (after === undefined || QUIET.has(after.reason)) return
  if (before?.reason === after.reason && before.status === after.status) return
  const type = after.status === "True" ? "Normal" : "Warning"
  yield* (yield* Notices).tell({ key, object, type, reason: after.reason, note: after.message })
})

const QUIET = new Set(["Pending", "Converging", "Deleting", "ReferenceMissing"])
