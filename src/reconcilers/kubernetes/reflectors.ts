/** The objects of all kinds, in all namespaces that are watched, and what was heard of them since. */
import { Clock, Effect, Queue, type Scope } from "effect"
import { monotonicMillisOf } from "../../monotonic.ts"
import { Metrics } from "../../metrics.ts"
import { KIND_NAMES, type KindName } from "../../model/kinds/kinds.ts"
import type { Kubernetes, KubernetesError, KubeObject } from "../../providers/kubernetes.ts"
import type { Change } from "./object-cache.ts"
import { fingerprintOf, type ObjectKey, placeOf, resourceOf, textOf } from "./objects.ts"
import { type Observer, reflect, type Reflector } from "./reflector.ts"
import type { Heard } from "./store.ts"
import type { Tuning } from "./tuning.ts"

/** What a pass sees of the objects. */
export interface Objects {
  get(key: ObjectKey): KubeObject | undefined
  /** Takes in the answer to a write of ours. */
  observe(key: ObjectKey, object: KubeObject): Effect.Effect<void>
  /** Reads it from the API server, which is believed also where that cannot be told by the watch for now. */
  refresh(key: ObjectKey): Effect.Effect<void, KubernetesError, Kubernetes>
  /** Whether objects of that namespace are ours to look after. */
  covers(namespace: string): boolean
  /** Whether all that is there is known; of what cannot be read nothing may be concluded. */
  isKnown(key: ObjectKey): boolean
}

export interface Reflectors {
  readonly objects: Objects
  /** Waits until all that can be read has been heard of. */
  readonly answered: Effect.Effect<void>
  /** Of one kind in one namespace, or in all of them. */
  readonly collections: ReadonlyArray<{
    readonly kind: KindName
    readonly namespaces: ReadonlyArray<string>
    /** Waits until all that is there has been heard of. */
    readonly synced: Effect.Effect<void>
    /** All of its objects are heard of once more. */
    readonly retell: Effect.Effect<void>
  }>
  /** Takes what was heard since the last time, oldest objects first; waits for something. */
  readonly heard: Effect.Effect<ReadonlyArray<Heard>>
}

export interface ReflectorsOptions {
  /** Empty is all. */
  readonly namespaces: ReadonlyArray<string>
  readonly tuning?: Partial<Tuning>
}

export const reflectAll = ({
  namespaces,
  tuning
}: ReflectorsOptions): Effect.Effect<Reflectors, never, Kubernetes | Metrics | Scope.Scope> =>
  Effect.gen(function* () {
    const metrics = yield* Metrics
    const signal = yield* Queue.sliding<void>(1)
    const heard = new Map<string, Heard & { readonly created: string }>()
    const hear = (kind: KindName) => (changes: ReadonlyArray<Change>) => {
      for (const { after, before, key } of changes) {
        const [namespace = "", name = ""] = key.split("/")
        const object = { kind, namespace, name }
        const created = (after ?? before)?.metadata.creationTimestamp ?? ""
        heard.set(textOf(object), {
          ...object,
          created,
          fingerprint: after === undefined ? undefined : fingerprintOf(after)
        })
      }
      Queue.offerUnsafe(signal, undefined)
    }
    const all = new Map<string, Reflector>()
    const collections: Array<Reflectors["collections"][number]> = []
    for (const kind of KIND_NAMES) {
      for (const namespace of namespaces.length === 0 ? [undefined] : namespaces) {
        const collection = { resource: resourceOf(kind), ...(namespace === undefined ? {} : { namespace }) }
        const options = { collection, onChanges: hear(kind), observer: observerOf(metrics, kind) }
        const reflector = yield* reflect({ ...options, ...(tuning === undefined ? {} : { tuning }) })
        all.set(`${kind}/${namespace ?? ""}`, reflector)
        collections.push({
          kind,
          namespaces: namespace === undefined ? [] : [namespace],
          synced: reflector.synced,
          retell: Effect.sync(() =>
            hear(kind)(Array.from(reflector.cache.entries(), ([key, after]) => ({ key, before: undefined, after })))
          )
        })
      }
    }
    yield* observe(all)
    const of = ({ kind, namespace }: ObjectKey) => all.get(`${kind}/${namespaces.length === 0 ? "" : namespace}`)
    return {
      objects: objectsOf(of, namespaces),
      answered: Effect.forEach(all.values(), ({ answered }) => answered, { discard: true }),
      collections,
      heard: Effect.map(Queue.take(signal), () => {
        const batch = [...heard.values()].sort((a, b) => (a.created < b.created ? -1 : a.created > b.created ? 1 : 0))
        heard.clear()
        return batch
      })
    }
  })

const objectsOf = (of: (key: ObjectKey) => Reflector | undefined, namespaces: ReadonlyArray<string>): Objects => ({
  get: (key) => of(key)?.cache.get(`${key.namespace}/${key.name}`),
  isKnown: (key) => of(key)?.hasSynced() === true,
  covers: (namespace) => namespaces.length === 0 || namespaces.includes(namespace),
  observe: (key, object) => of(key)?.observe(object) ?? Effect.void,
  refresh: (key) => of(key)?.refresh(placeOf(key)) ?? Effect.void
})

const observerOf = (metrics: Metrics["Service"], kind: KindName): Observer => ({
  failed: (reason) => metrics.kubernetesWatchErrors.inc({ kind, reason }),
  listed: (why) => metrics.kubernetesLists.inc({ kind, why }),
  diverged: (objects) => metrics.kubernetesDivergences.inc({ kind }, objects)
})

/** Gauges of the replica that runs the intake; on the others they are absent. */
const observe = Effect.fnUntraced(function* (all: ReadonlyMap<string, Reflector>) {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  const open = { is: true }
  for (const kind of KIND_NAMES) metrics.kubernetesDivergences.inc({ kind }, 0)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      open.is = false
      metrics.kubernetesObjects.reset()
      metrics.kubernetesLastSign.reset()
    })
  )
  metrics.onScrape(
    Effect.sync(() => {
      if (!open.is) return
      const now = monotonicMillisOf(clock)
      for (const kind of KIND_NAMES) {
        const own = [...all].filter(([id]) => id.startsWith(`${kind}/`)).map(([, reflector]) => reflector)
        metrics.kubernetesObjects.set(
          { kind },
          own.reduce((sum, { cache }) => sum + cache.size(), 0)
        )
        metrics.kubernetesLastSign.set({ kind }, Math.max(0, ...own.map(({ lastSign }) => (now - lastSign()) / 1000)))
      }
    })
  )
})
