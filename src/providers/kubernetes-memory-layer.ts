/** The port over a cluster in memory: each call meets what a test has put before it, and a watch is a stream. */
import { Cause, Effect, Layer, Queue, Stream } from "effect"
import {
  Kubernetes,
  KubernetesError,
  type KubeObject,
  type Page,
  type Patch,
  type Place,
  type Resource,
  type Scope,
  type WatchEvent,
  type WatchRequest
} from "./kubernetes.ts"

export type Verb = "list" | "watch" | "get" | "create" | "replace" | "patch"

export interface MemoryOptions {
  /** ISO 8601. */
  readonly now?: () => string
  /** Whether a watch may begin with what is there. */
  readonly initialEvents?: boolean
  /** Runs before each call; what it fails with is the answer. */
  readonly before?: (
    verb: Verb,
    resource: Resource,
    name: string | undefined,
    namespace: string | undefined
  ) => Effect.Effect<void, KubernetesError>
  /** False keeps an event from all watches: a fault that the real server is not known to have. */
  readonly tells?: (event: WatchEvent) => boolean
}

/** Who watches. */
export interface Watcher {
  readonly hear: (events: ReadonlyArray<WatchEvent>) => void
  /** The server ends the watch; with an error, as an ERROR event says. */
  readonly end: (error: KubernetesError | undefined) => void
}

/** What answers at once, and throws `KubernetesError` where it refuses. */
export interface Cluster {
  readonly options: MemoryOptions
  find(place: Place): KubeObject | undefined
  page(scope: Scope, page: { readonly limit: number; readonly continue: string | undefined }): Page
  create(place: Place, body: unknown): KubeObject
  replace(place: Place, body: unknown): KubeObject
  patch(place: Place, patch: Patch): KubeObject
  /** Answers how to end it. What is to be told at first is heard before this returns. */
  watch(request: WatchRequest, watcher: Watcher): () => void
}

export const layerOf = (cluster: Cluster) => {
  const asked = <A>(
    verb: Verb,
    { name, namespace, resource }: Scope & { readonly name?: string },
    run: () => A
  ): Effect.Effect<A, KubernetesError> =>
    Effect.suspend(() => cluster.options.before?.(verb, resource, name, namespace) ?? Effect.void).pipe(
      Effect.andThen(Effect.try({ try: run, catch: asFailure }))
    )
  return Layer.succeed(Kubernetes, {
    list: (scope, page) => asked("list", scope, () => cluster.page(scope, page)),
    get: (place) => asked("get", place, () => cluster.find(place) ?? null),
    create: (place, body) => asked("create", place, () => cluster.create(place, body)),
    replace: (place, body) => asked("replace", place, () => cluster.replace(place, body)),
    patch: (place, patch) => asked("patch", place, () => cluster.patch(place, patch)),
    watch: (request) =>
      Stream.unwrap(
        Effect.gen(function* () {
          const queue = yield* Queue.unbounded<ReadonlyArray<WatchEvent>, KubernetesError | Cause.Done>()
          const end = yield* asked("watch", request, () => begin(cluster, request, queue))
          yield* Effect.addFinalizer(() => Effect.sync(end))
          return Stream.fromQueue(queue)
        })
      )
  })
}

const begin = (
  cluster: Cluster,
  request: WatchRequest,
  queue: Queue.Queue<ReadonlyArray<WatchEvent>, KubernetesError | Cause.Done>
) =>
  cluster.watch(request, {
    hear: (events) => void Queue.offerUnsafe(queue, events),
    end: (error) => void Queue.failCauseUnsafe(queue, Cause.fail(error ?? Cause.Done()))
  })

const asFailure = (cause: unknown) => {
  if (cause instanceof KubernetesError) return cause
  throw cause
}
