/**
 * The end of an object: its rows are asked to be gone, and the finalizer goes when they are, which is when the
 * provider has confirmed it. A person may let it go before, by the annotation that its status names.
 */
import { Clock, Duration, Effect } from "effect"
import { Wakes } from "../../database/wake.ts"
import type { Claim } from "../../database/work.ts"
import { Kubernetes, type KubeObject } from "../../providers/kubernetes.ts"
import { abandon } from "../dns/store/abandon.ts"
import { finishDeletion } from "../dns/store/manifest-deletions.ts"
import { markDeleted, markRowsAbsent } from "../dns/store/manifest-table.ts"
import { Next } from "../pass.ts"
import { ABANDON, FINALIZER, fingerprintOf, isAnnotated, isHeld, type ObjectKey, placeOf } from "./objects.ts"
import type { Objects } from "./reflectors.ts"
import { deletingFor, PATIENCE } from "./status.ts"
import { fenced, forget, type Known, quiet, remember } from "./store.ts"
import { tell } from "./tell.ts"

/** `object` is null when it is gone without our leave. */
export const leave = Effect.fn("kubernetes.leave")(function* (
  claim: Claim,
  objects: Objects,
  key: ObjectKey,
  before: Known | undefined,
  object: KubeObject | null
) {
  const manifestId = before === undefined ? null : yield* fenced(claim, "leave", askToGo(key, before, object))
  if (manifestId === null) {
    if (object !== null) yield* letGo(key, object)
    if (before !== undefined) yield* fenced(claim, "forget", forget(key))
    return Next.Settled({})
  }
  if (object === null) return Next.Recheck({ delay: GONE_RECHECK })
  yield* tell(claim, objects, key, object, { manifestId, problem: undefined })
  const waited = deletingFor(object, yield* Clock.currentTimeMillis) ?? 0
  return Next.Recheck({ delay: waited < PATIENCE ? Duration.millis(PATIENCE - waited) : GONE_RECHECK })
})

/** Answers what of it is still there. */
const askToGo = Effect.fnUntraced(function* (key: ObjectKey, before: Known, object: KubeObject | null) {
  const wakes = yield* Wakes
  const { manifestId } = before
  let isGone = manifestId === null
  if (manifestId !== null) {
    yield* markDeleted(manifestId)
    yield* markRowsAbsent(manifestId)
    if (object !== null && isAnnotated(object, ABANDON)) yield* abandon(key.kind, manifestId)
    isGone = yield* finishDeletion(manifestId)
    yield* wakes.send("dns")
  }
  const left = isGone ? null : manifestId
  if (object !== null && before.fingerprint !== fingerprintOf(object)) yield* remember(key, object, undefined)
  yield* quiet(left)
  return left
})

/** Whoever else has a finalizer on it has a word of their own. */
const letGo = Effect.fnUntraced(function* (key: ObjectKey, object: KubeObject) {
  if (!isHeld(object)) return
  const { finalizers = [], resourceVersion, uid } = object.metadata
  const rest = finalizers.filter((each) => each !== FINALIZER)
  const body = { metadata: { resourceVersion, uid, finalizers: rest.length === 0 ? null : rest } }
  yield* (yield* Kubernetes).patch(placeOf(key), { how: "merge", body })
})

const GONE_RECHECK = Duration.minutes(1)
