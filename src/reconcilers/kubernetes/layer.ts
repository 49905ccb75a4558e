/**
 * The intake as a layer. The replica that holds the Lease watches the objects, makes due what stands otherwise than it
 * was looked at last, and runs their passes; the others wait. When it begins, it compares everything once, so nothing
 * that happened while nobody watched is missed; and again when the database has failed over, since what it had been told
 * last may be lost.
 */
import { Duration, Effect, Layer, Schedule } from "effect"
import { Wakes } from "../../database/wake.ts"
import { run } from "../loop.ts"
import { Notices } from "./events.ts"
import { type LeaseOptions, whileHeld } from "./lease.ts"
import { Lookups } from "./lookups.ts"
import { type KubernetesOptions, kubernetesReconciler } from "./reconcile.ts"
import { type Objects, reflectAll, type Reflectors } from "./reflectors.ts"
import { epoch, knownKeys, makeDue, sweep } from "./store.ts"
import type { Tuning } from "./tuning.ts"

export interface KubernetesLayerOptions extends KubernetesOptions {
  /** Whose objects are taken in; empty is all namespaces. */
  readonly watchNamespaces: ReadonlyArray<string>
  readonly lease: LeaseOptions
  readonly tuning?: Partial<Tuning>
}

export const layer = (options: KubernetesLayerOptions) =>
  Layer.effectDiscard(Effect.forkScoped(whileHeld(options.lease, Effect.scoped(intake(options)))))

const intake = Effect.fn("kubernetes.intake")(function* (options: KubernetesLayerOptions) {
  const { lease, tuning, watchNamespaces } = options
  // Before anything is written: a fail-over from here on is seen.
  const began = yield* epoch().pipe(Effect.retry(AGAIN))
  const reflectors = yield* reflectAll({ namespaces: watchNamespaces, ...(tuning === undefined ? {} : { tuning }) })
  yield* Effect.forkScoped(Effect.forever(passOn(reflectors)))
  for (const collection of reflectors.collections) yield* Effect.forkScoped(missLost(collection, reflectors.objects))
  yield* reflectors.answered
  yield* Effect.forkScoped(
    sweep().pipe(
      Effect.catch((error) => Effect.logInfo("work of objects that are gone was not swept; it is later", error)),
      Effect.repeat(Schedule.spaced(SWEEP_EVERY))
    )
  )
  yield* Effect.forkScoped(followEpoch(reflectors, began))
  const wakes = yield* Wakes
  const loop = run(kubernetesReconciler(options, reflectors.objects), { owner: lease.owner })
  yield* Layer.build(
    loop.pipe(
      Layer.provide([Notices.layer(lease.owner), Lookups.layer]),
      // What the database itself makes due gives no hint: the loop looks every second.
      Layer.provide(Layer.succeed(Wakes, { ...wakes, healthy: Effect.succeed(false) }))
    )
  )
  return yield* Effect.never
})

/** What was heard becomes work, in batches; it is kept until the database has it. */
const passOn = Effect.fnUntraced(function* ({ heard }: Reflectors) {
  const wakes = yield* Wakes
  const batch = yield* heard
  for (let i = 0; i < batch.length; i += BATCH) {
    yield* makeDue(batch.slice(i, i + BATCH)).pipe(
      Effect.tapError((error) => Effect.logWarning("changes of objects were not written down, trying again", error)),
      Effect.retry(AGAIN)
    )
  }
  yield* wakes.send("kubernetes")
  yield* Effect.sleep(TOGETHER)
})

/** Objects that went while nobody watched; known once all that is there can be read. */
const missLost = Effect.fnUntraced(function* (
  { kind, namespaces, synced }: Reflectors["collections"][number],
  objects: Objects
) {
  const wakes = yield* Wakes
  yield* synced
  const compare = Effect.gen(function* () {
    const lost = (yield* knownKeys(kind, namespaces)).filter((key) => objects.get(key) === undefined)
    if (lost.length > 0) yield* makeDue(lost.map((key) => ({ ...key, fingerprint: undefined })))
  })
  yield* Effect.retry(compare, AGAIN)
  yield* wakes.send("kubernetes")
})

/** What was written before a fail-over may not be there after it, and no object tells of that. */
const followEpoch = Effect.fnUntraced(function* ({ collections, objects }: Reflectors, began: string) {
  let known = began
  for (;;) {
    yield* Effect.sleep(EPOCH_EVERY)
    const now = yield* epoch().pipe(Effect.retry(AGAIN))
    if (now === known) continue
    yield* Effect.logWarning("the database has failed over: all objects are compared with what it knows")
    for (const collection of collections) {
      yield* collection.retell
      yield* Effect.forkScoped(missLost(collection, objects))
    }
    known = now
  }
})

const BATCH = 1000
const AGAIN = Schedule.spaced("1 second")
/** Events that come together are written together. */
const TOGETHER = Duration.millis(20)
const SWEEP_EVERY = Duration.hours(1)
const EPOCH_EVERY = Duration.seconds(5)
