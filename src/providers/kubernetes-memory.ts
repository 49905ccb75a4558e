/**
 * A Kubernetes API server in memory, as strict as the real one in what a controller depends on: versions, uids,
 * generations, conflicts, finalizers, the status subresource, pages, bookmarks and a history that is forgotten. For
 * tests and the simulation, which put their faults into `before` and `tells`.
 */
import { Cause, Effect, Layer, Queue, Stream } from "effect"
import { isDeepStrictEqual } from "node:util"
import {
  compareVersions,
  Conflict,
  failure,
  Gone,
  Invalid,
  Kubernetes,
  KubernetesError,
  type KubeObject,
  NotFound,
  type ObjectMeta,
  type Page,
  type PageRequest,
  type Patch,
  type Place,
  type Resource,
  type Scope,
  type WatchEvent,
  type WatchRequest
} from "./kubernetes.ts"
import { merged } from "./merge-patch.ts"

export type Verb = "list" | "watch" | "get" | "create" | "replace" | "patch"

export interface MemoryOptions {
  /** ISO 8601. */
  readonly now?: () => string
  /** Whether a watch may begin with what is there. */
  readonly initialEvents?: boolean
  /** Runs before each call; what it fails with is the answer. */
  readonly before?: (verb: Verb, resource: Resource, name: string | undefined) => Effect.Effect<void, KubernetesError>
  /** False keeps an event from all watches: a fault that the real server is not known to have. */
  readonly tells?: (event: WatchEvent) => boolean
}

interface Told {
  readonly plural: string
  readonly version: string
  readonly event: Exclude<WatchEvent, { readonly type: "BOOKMARK" }>
}

type Watcher = Queue.Queue<ReadonlyArray<WatchEvent>, KubernetesError | Cause.Done>
type Loose = Readonly<Record<string, unknown>>

export class MemoryCluster {
  /** What each write is done with; tests set faults in it. */
  options: MemoryOptions
  readonly #objects = new Map<string, KubeObject>()
  readonly #history: Array<Told> = []
  readonly #watchers = new Map<Watcher, Scope>()
  #version = 100
  #kept = "0"
  #uids = 0

  constructor(options: MemoryOptions = {}) {
    this.options = options
  }

  get layer() {
    const asked = <A>(
      verb: Verb,
      resource: Resource,
      name: string | undefined,
      run: () => A
    ): Effect.Effect<A, KubernetesError> =>
      Effect.suspend(() => this.options.before?.(verb, resource, name) ?? Effect.void).pipe(
        Effect.andThen(Effect.try({ try: run, catch: asFailure }))
      )
    return Layer.succeed(Kubernetes, {
      list: (scope, page) => asked("list", scope.resource, undefined, () => this.page(scope, page)),
      get: (place) => asked("get", place.resource, place.name, () => this.find(place) ?? null),
      create: (place, body) => asked("create", place.resource, place.name, () => this.create(place, body)),
      replace: (place, body) => asked("replace", place.resource, place.name, () => this.replace(place, body)),
      patch: (place, patch) => asked("patch", place.resource, place.name, () => this.patch(place, patch)),
      watch: (request) =>
        Stream.unwrap(
          asked("watch", request.resource, undefined, () => request).pipe(
            Effect.andThen(Effect.suspend(() => this.#watch(request)))
          )
        )
    })
  }

  find(place: Place): KubeObject | undefined {
    return this.#objects.get(idOf(place))
  }

  all({ namespace, resource }: Scope): ReadonlyArray<KubeObject> {
    return [...this.#objects]
      .filter(
        ([id, { metadata }]) =>
          id.startsWith(`${resource.plural}/`) && (namespace === undefined || metadata.namespace === namespace)
      )
      .map(([, object]) => object)
  }

  page(scope: Scope, { continue: from, labels = {}, limit }: PageRequest): Page {
    const [version = String(this.#version), offset = "0"] = from?.split(" ") ?? []
    if (from !== undefined && compareVersions(version, this.#kept) < 0)
      throw failure(new Gone({ message: "the continue token is too old" }))
    const all = this.all(scope).filter((object) => bears(object, labels))
    const end = Number(offset) + limit
    return {
      items: all.slice(Number(offset), end),
      resourceVersion: version,
      continue: end < all.length ? `${version} ${end}` : undefined
    }
  }

  create(place: Place, body: unknown): KubeObject {
    if (this.find(place) !== undefined) throw failure(new Conflict({ message: `${place.name} already exists` }))
    const { metadata, status: _status, ...rest } = bodyOf(body)
    const given = metadata as Partial<ObjectMeta> | undefined
    return this.#put(place, "ADDED", {
      ...rest,
      metadata: {
        ...given,
        name: place.name,
        namespace: place.namespace,
        uid: `uid-${++this.#uids}`,
        generation: 1,
        creationTimestamp: this.#now(),
        resourceVersion: ""
      }
    })
  }

  replace(place: Place, body: unknown): KubeObject {
    const before = this.#existing(place)
    const next = bodyOf(body)
    this.#expect(before, next, true)
    return this.#update(place, before, {
      ...before,
      ...next,
      status: before.status,
      metadata: next["metadata"] as ObjectMeta
    })
  }

  patch(place: Place, { body, how, subresource }: Patch): KubeObject {
    const before = this.find(place)
    if (before === undefined && how === "apply" && subresource === undefined) return this.create(place, body)
    const existing = this.#existing(place)
    const given = bodyOf(body)
    this.#expect(existing, given, false)
    // All fields of a status are ours, so to apply it is to put it in place.
    if (subresource === "status") return this.#update(place, existing, { ...existing, status: given["status"] }, true)
    const { status: _status, ...wanted } = given
    return this.#update(place, existing, merged(existing, wanted) as KubeObject)
  }

  /** As `kubectl delete`: marked while a finalizer holds it, gone else. */
  delete(place: Place): void {
    const before = this.#existing(place)
    const { metadata } = before
    if ((metadata.finalizers ?? []).length === 0) return this.#drop(place, before)
    if (metadata.deletionTimestamp !== undefined) return
    const marked = { ...metadata, deletionTimestamp: this.#now(), generation: (metadata.generation ?? 0) + 1 }
    this.#put(place, "MODIFIED", { ...before, metadata: marked })
  }

  /** Ends all watches, as a server that closes them; with an error, as one that fails. */
  breakWatches(error?: KubernetesError): void {
    for (const queue of this.#watchers.keys()) Queue.failCauseUnsafe(queue, Cause.fail(error ?? Cause.Done()))
    this.#watchers.clear()
  }

  /** Forgets the history: whoever watches from an older version is told 410. */
  compact(): void {
    this.#history.length = 0
    this.#kept = String(this.#version)
  }

  bookmark(): void {
    const event: WatchEvent = { type: "BOOKMARK", resourceVersion: String(this.#version), initialEnd: false }
    for (const queue of this.#watchers.keys()) Queue.offerUnsafe(queue, [event])
  }

  #watch(request: WatchRequest) {
    const { resourceVersion } = request
    if (resourceVersion === undefined && this.options.initialEvents === false) {
      return Effect.fail(failure(new Invalid({ message: "sendInitialEvents is forbidden for watch" })))
    }
    if (resourceVersion !== undefined && compareVersions(resourceVersion, this.#kept) < 0) {
      return Effect.fail(failure(new Gone({ message: `too old resource version: ${resourceVersion} (${this.#kept})` })))
    }
    return Effect.gen({ self: this }, function* () {
      const queue: Watcher = yield* Queue.unbounded<ReadonlyArray<WatchEvent>, KubernetesError | Cause.Done>()
      const first = resourceVersion === undefined ? this.#initial(request) : this.#since(request, resourceVersion)
      if (first.length > 0) Queue.offerUnsafe(queue, first)
      this.#watchers.set(queue, request)
      yield* Effect.addFinalizer(() => Effect.sync(() => this.#watchers.delete(queue)))
      return Stream.fromQueue(queue)
    })
  }

  #initial(scope: Scope): ReadonlyArray<WatchEvent> {
    const end: WatchEvent = { type: "BOOKMARK", resourceVersion: String(this.#version), initialEnd: true }
    return [...this.all(scope).map((object): WatchEvent => ({ type: "ADDED", object })), end]
  }

  #since(scope: Scope, version: string): ReadonlyArray<WatchEvent> {
    return this.#history
      .filter((told) => compareVersions(told.version, version) > 0 && concerns(scope, told))
      .map(({ event }) => event)
  }

  #existing(place: Place): KubeObject {
    const object = this.find(place)
    if (object === undefined)
      throw failure(new NotFound({ message: `${place.resource.plural} "${place.name}" not found` }))
    return object
  }

  #expect(before: KubeObject, body: Loose, always: boolean): void {
    const given = (body["metadata"] ?? {}) as Partial<ObjectMeta>
    const version = given.resourceVersion ?? (always ? "" : undefined)
    const isOther = given.uid !== undefined && given.uid !== before.metadata.uid
    if (isOther || (version !== undefined && version !== before.metadata.resourceVersion)) {
      throw failure(new Conflict({ message: "the object has been modified" }))
    }
  }

  #update(place: Place, before: KubeObject, next: KubeObject, isStatus = false): KubeObject {
    const { creationTimestamp, deletionTimestamp, generation = 0, name, ...known } = before.metadata
    const { namespace = "", resourceVersion, uid } = known
    const metadata = {
      ...(isStatus ? before.metadata : next.metadata),
      name,
      namespace,
      uid,
      resourceVersion,
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      generation: isDeepStrictEqual(before.spec, next.spec) ? generation : generation + 1
    }
    const object = { ...next, metadata }
    if (isDeepStrictEqual(object, before)) return before
    if (deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0) {
      this.#drop(place, object)
      return object
    }
    return this.#put(place, "MODIFIED", object)
  }

  #put(place: Place, type: "ADDED" | "MODIFIED", object: KubeObject): KubeObject {
    const stored = this.#next(object)
    this.#objects.set(idOf(place), stored)
    this.#tell(place.resource.plural, { type, object: stored })
    return stored
  }

  #drop(place: Place, object: KubeObject): void {
    this.#objects.delete(idOf(place))
    this.#tell(place.resource.plural, { type: "DELETED", object: this.#next(object) })
  }

  #next(object: KubeObject): KubeObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }
  }

  #tell(plural: string, event: Told["event"]): void {
    if (this.options.tells?.(event) === false) return
    const told = { plural, version: event.object.metadata.resourceVersion, event }
    this.#history.push(told)
    for (const [queue, scope] of this.#watchers) if (concerns(scope, told)) Queue.offerUnsafe(queue, [event])
  }

  #now(): string {
    return this.options.now?.() ?? new Date().toISOString()
  }
}

const idOf = ({ name, namespace, resource }: Place) => `${resource.plural}/${namespace}/${name}`

const concerns = ({ namespace, resource }: Scope, { event, plural }: Told) =>
  plural === resource.plural && (namespace === undefined || event.object.metadata.namespace === namespace)

const bears = ({ metadata }: KubeObject, labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value)

const bodyOf = (body: unknown): Loose => JSON.parse(JSON.stringify(body)) as Loose

const asFailure = (cause: unknown) => {
  if (cause instanceof KubernetesError) return cause
  throw cause
}
