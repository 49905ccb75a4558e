/**
 * One pass of an object of a cluster, of whatever kind: its rows, and the status that they come to.
 *
 *   the object is                                | the pass
 *   ---------------------------------------------|-----------------------------------------------------------
 *   there                                        | holds it by the finalizer, writes its rows, tells its status
 *   being deleted                                | asks for its rows to be gone; when they are, lets it go
 *   being deleted, and abandoned by a person     | drops its rows, leaves the provider as it is, lets it go
 *   gone without our leave                       | as deleted, once the API server itself has said so
 *   in a namespace that cannot be read           | leaves all as it is, and looks again
 *
 * The cache is never believed where that could lose or raise something: an object that is not in it, is older there
 * than what was looked at before, or was held and is not known any more, is read from the API server. Every write of
 * rows ends with the fence of the work table.
 */
import { Duration, Effect } from "effect"
import { Kubernetes, compareVersions, type KubernetesError, type KubeObject } from "../../providers/kubernetes.ts"
import type { Claim } from "../../database/work.ts"
import { backoff, Next, NotYet, type Pass, type Reconciler } from "../pass.ts"
import { leave } from "./cleanup.ts"
import { type IntakeOptions, take } from "./intake.ts"
import { FINALIZER, fingerprintOf, isDeleting, isHeld, type ObjectKey, parseKey, placeOf } from "./objects.ts"
import { Lookups } from "./lookups.ts"
import type { Objects } from "./reflectors.ts"
import { followSecret, type SecretOptions, secretRefOf } from "./secret.ts"
import { fenced, find, type Known, note, type Problem, settled } from "./store.ts"
import { tell } from "./tell.ts"

export interface KubernetesOptions extends IntakeOptions, SecretOptions {
  /** Objects that one process works on at a time. */
  readonly concurrency: number
}

/** Passes in a row, by key, that ended because somebody else wrote first. */
type Conflicts = Map<string, number>

export const kubernetesReconciler = (options: KubernetesOptions, objects: Objects) => {
  const conflicts: Conflicts = new Map()
  return {
    name: "kubernetes",
    concurrency: options.concurrency,
    deadline: DEADLINE,
    resync: Duration.hours(1),
    reconcile: (pass: Pass) =>
      onePass(options, objects, pass).pipe(
        Effect.tap(() => Effect.sync(() => conflicts.delete(pass.claim.key))),
        Effect.catchTag("KubernetesError", (error) => afterFailure(objects, conflicts, pass.claim, error))
      )
  } satisfies Reconciler<unknown, unknown>
}

const onePass = Effect.fn("kubernetes.reconcileObject")(function* (
  options: KubernetesOptions,
  objects: Objects,
  { claim }: Pass
) {
  const key = parseKey(claim.key)
  // Of a namespace that is not watched any more, or of a newer program.
  if (key === undefined || !objects.covers(key.namespace)) return Next.Settled({})
  if (!objects.isKnown(key)) return yield* unread(claim)
  const before = yield* (yield* Lookups).known(key)
  const object = yield* current(objects, key, before)
  if (object === null || isDeleting(object)) return yield* leave(claim, objects, key, before, object)
  const isEdited = before !== undefined && before.fingerprint !== fingerprintOf(object)
  // Less than nothing where the database's clock was put back: how long ago it was is not known then.
  const early = isEdited && before.age >= 0 ? EDITS_TOGETHER - before.age : 0
  if (early > 0) return Next.Recheck({ delay: Duration.millis(early) })
  return yield* keep(options, objects, claim, key, object, before)
})

/** That a pass before this one failed must not be forgotten meanwhile: what it sent may still come. */
const unread = Effect.fnUntraced(function* ({ attempts }: Claim) {
  if (attempts === 1) return Next.Recheck({ delay: UNKNOWN_RECHECK })
  const message = "the objects of its kind were not read yet"
  return yield* new NotYet({ reason: "ClusterUnavailable", message, after: UNKNOWN_RECHECK })
})

/** The object as it is, from the cache where that is surely good enough. */
const current = Effect.fnUntraced(function* (objects: Objects, key: ObjectKey, before: Known | undefined) {
  const cached = objects.get(key)
  const isBehind =
    cached !== undefined &&
    before !== undefined &&
    compareVersions(cached.metadata.resourceVersion, before.resourceVersion) < 0
  // Who stood still may have it long after another replica let it go.
  const mayBeOver = cached !== undefined && before === undefined && isHeld(cached)
  if (cached !== undefined && !isBehind && !mayBeOver) return cached
  // Nothing of it is anywhere: it was let go. One that was made since is told.
  if (cached === undefined && before === undefined) return null
  const object = yield* (yield* Kubernetes).get(placeOf(key))
  if (object !== null) yield* objects.observe(key, object)
  return object
})

const keep = Effect.fnUntraced(function* (
  options: KubernetesOptions,
  objects: Objects,
  claim: Claim,
  key: ObjectKey,
  found: KubeObject,
  before: Known | undefined
) {
  const object = yield* hold(objects, key, found)
  const first = yield* take(options, claim, key, object, before)
  // What it waits for may have come before it was written down that it waits, and would not tell again.
  const isNews = first.problem !== undefined && first.problem.reason !== before?.problem?.reason
  if (isNews) yield* settled()
  const { manifestId, problem: taken } = isNews ? yield* take(options, claim, key, object, yield* find(key)) : first
  const secret = key.kind === "Credential" ? secretRefOf(object) : undefined
  const problem =
    secret === undefined || manifestId === null || (taken !== undefined && !isOfSecret(taken))
      ? taken
      : yield* withSecret(options, claim, key, secret, manifestId)
  yield* tell(claim, objects, key, object, { manifestId, problem })
  if (secret !== undefined) return Next.Settled({ again: SECRET_EVERY })
  return problem === undefined ? Next.Settled({}) : Next.Recheck({ delay: PROBLEM_RECHECK })
})

/** Before the first row: what an object has made must never be left behind by its deletion. */
const hold = Effect.fnUntraced(function* (objects: Objects, key: ObjectKey, object: KubeObject) {
  if (isHeld(object)) return object
  const { finalizers = [], resourceVersion, uid } = object.metadata
  const body = { metadata: { resourceVersion, uid, finalizers: [...finalizers, FINALIZER] } }
  const held = yield* (yield* Kubernetes).patch(placeOf(key), { how: "merge", body })
  yield* objects.observe(key, held)
  return held
})

const withSecret = Effect.fnUntraced(function* (
  options: KubernetesOptions,
  claim: Claim,
  key: ObjectKey,
  secret: { readonly name: string; readonly key: string },
  manifestId: number
) {
  const problem = yield* followSecret(options, claim, key.namespace, secret, manifestId)
  yield* fenced(claim, "note", note(key, problem))
  return problem
})

const isOfSecret = ({ reason }: Problem) =>
  reason === "TokenMissing" || reason === "TokenUnreadable" || reason === "NotAllowed"

/** Somebody else wrote first: look at what they wrote. Anything else is the API server's trouble, and passes. */
const afterFailure = Effect.fnUntraced(function* (
  objects: Objects,
  conflicts: Conflicts,
  claim: Claim,
  error: KubernetesError
) {
  const { reason } = error
  if (reason._tag === "Conflict" || reason._tag === "NotFound") {
    const inARow = conflicts.get(claim.key) ?? 0
    conflicts.set(claim.key, inARow + 1)
    const key = parseKey(claim.key)
    if (key !== undefined) yield* objects.refresh(key)
    return Next.Recheck({ delay: Duration.millis(Math.min(CONFLICT_RECHECK * 2 ** inARow, MOST_RECHECK)) })
  }
  conflicts.delete(claim.key)
  return yield* new NotYet({
    reason: "ClusterUnavailable",
    message: error.message,
    ...(reason._tag === "Throttled" ? { after: Duration.max(reason.retryAfter, backoff(claim.attempts)) } : {})
  })
})

/** Of a pass of an object. */
export const DEADLINE = Duration.seconds(45)
/** Milliseconds: of many edits in a row only one in this time is taken in, and the last. One after a pause is at once. */
const EDITS_TOGETHER = 1000
/** How often a Secret is read; at once when the provider refuses the token. */
const SECRET_EVERY = Duration.seconds(10)
/** What it waits for makes it due; this is for what was not told. */
const PROBLEM_RECHECK = Duration.minutes(1)
/** All that is told when it can be read makes its object due; this is for what was due before. */
const UNKNOWN_RECHECK = Duration.seconds(10)
/** Milliseconds, the first time; twice as long each time that it happens again. */
const CONFLICT_RECHECK = 100
const MOST_RECHECK = 60_000
