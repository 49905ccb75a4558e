/**
 * A Kubernetes API server in memory, as strict as the real one in what a controller depends on: versions, uids,
 * generations, conflicts, finalizers, the status subresource with its managers, pages of one moment, bookmarks and a
 * history that is forgotten. For tests and the simulation, which put their faults into `before` and `tells`.
 */
import { isDeepStrictEqual } from "node:util"
import { type Owners, statusApplied } from "./kubernetes-memory-apply.ts"
import { layerOf, type MemoryOptions, type Watcher } from "./kubernetes-memory-layer.ts"
import {
  compareVersions,
  Conflict,
  failure,
  FIELD_MANAGER,
  Gone,
  Invalid,
  type KubernetesError,
  type KubeObject,
  NotFound,
  type ObjectMeta,
  type Page,
  type PageRequest,
  type Patch,
  type Place,
  type Scope,
  type WatchEvent,
  type WatchRequest
} from "./kubernetes.ts"
import { merged } from "./merge-patch.ts"

interface Told {
  readonly plural: string
  readonly version: string
  readonly event: Exclude<WatchEvent, { readonly type: "BOOKMARK" }>
}

type Loose = Readonly<Record<string, unknown>>

export class MemoryCluster {
  /** What each write is done with; tests set faults in it. */
  options: MemoryOptions
  readonly #objects = new Map<string, KubeObject>()
  readonly #history: Array<Told> = []
  readonly #watchers = new Map<Watcher, Scope>()
  /** What stood at the first page, for those that follow it. */
  readonly #pages = new Map<string, ReadonlyArray<KubeObject>>()
  /** By uid: who has applied what of a status. */
  readonly #owners = new Map<string, Owners>()
  #version = 100
  #kept = "0"
  #uids = 0

  constructor(options: MemoryOptions = {}) {
    this.options = options
  }

  get layer() {
    return layerOf(this)
  }

  get version(): string {
    return String(this.#version)
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
    const [version = this.version, offset = "0"] = from?.split(" ") ?? []
    const id = `${version} ${scope.resource.plural} ${scope.namespace ?? ""} ${JSON.stringify(labels)}`
    const all = from === undefined ? this.all(scope).filter((object) => bears(object, labels)) : this.#pages.get(id)
    if (all === undefined) throw failure(new Gone({ message: "the continue token is too old" }))
    const end = Number(offset) + limit
    if (end < all.length) this.#pages.set(id, all)
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

  /** Applied by force, as controllers do; without it, what another manager has applied otherwise is a conflict. */
  patch(place: Place, { body, how, subresource }: Patch, manager = FIELD_MANAGER, force = true): KubeObject {
    const before = this.find(place)
    if (before === undefined && how === "apply" && subresource === undefined) return this.create(place, body)
    const existing = this.#existing(place)
    const given = bodyOf(body)
    this.#expect(existing, given, false)
    if (subresource === "status") {
      const owners = this.#owners.get(existing.metadata.uid) ?? new Map()
      this.#owners.set(existing.metadata.uid, owners)
      const status = statusApplied(existing.status, given["status"], { owners, manager, force })
      return this.#update(place, existing, { ...existing, status }, true)
    }
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
    const watchers = [...this.#watchers.keys()]
    this.#watchers.clear()
    for (const { end } of watchers) end(error)
  }

  /** Forgets the history: whoever watches from an older version is told 410. */
  compact(): void {
    this.#history.length = 0
    this.#pages.clear()
    this.#kept = this.version
  }

  bookmark(): void {
    const event: WatchEvent = { type: "BOOKMARK", resourceVersion: this.version, initialEnd: false }
    for (const { hear } of this.#watchers.keys()) hear([event])
  }

  /** Answers how to end it. What is to be told at first is heard before this returns. */
  watch(request: WatchRequest, watcher: Watcher): () => void {
    const { resourceVersion } = request
    if (resourceVersion === undefined && this.options.initialEvents === false) {
      throw failure(new Invalid({ message: "sendInitialEvents is forbidden for watch" }))
    }
    const first = resourceVersion === undefined ? this.#initial(request) : this.since(request, resourceVersion)
    if (first.length > 0) watcher.hear(first)
    this.#watchers.set(watcher, request)
    return () => void this.#watchers.delete(watcher)
  }

  #initial(scope: Scope): ReadonlyArray<WatchEvent> {
    const end: WatchEvent = { type: "BOOKMARK", resourceVersion: this.version, initialEnd: true }
    return [...this.all(scope).map((object): WatchEvent => ({ type: "ADDED", object })), end]
  }

  /** Refused with Gone where that is not known any more. */
  since(scope: Scope, version: string): ReadonlyArray<WatchEvent> {
    if (compareVersions(version, this.#kept) < 0) {
      throw failure(new Gone({ message: `too old resource version: ${version} (${this.#kept})` }))
    }
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
    if (place.resource.group === "events.k8s.io" && !isDeepStrictEqual(fixedOf(object), fixedOf(before))) {
      throw failure(new Invalid({ message: "field is immutable" }))
    }
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
    this.#owners.delete(object.metadata.uid)
    this.#tell(place.resource.plural, { type: "DELETED", object: this.#next(object) })
  }

  #next(object: KubeObject): KubeObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } }
  }

  #tell(plural: string, event: Told["event"]): void {
    if (this.options.tells?.(event) === false) return
    const told = { plural, version: event.object.metadata.resourceVersion, event }
    this.#history.push(told)
    for (const [{ hear }, scope] of this.#watchers) if (concerns(scope, told)) hear([event])
  }

  #now(): string {
    return this.options.now?.() ?? new Date().toISOString()
  }
}

/** The HTTP status that a server answers a refusal with. */
export const codeOf = ({ reason }: KubernetesError): number => CODES[reason._tag]

const CODES = {
  Gone: 410,
  Conflict: 409,
  NotFound: 404,
  Unauthorized: 401,
  Forbidden: 403,
  Throttled: 429,
  Invalid: 422,
  Unavailable: 503
}

const idOf = ({ name, namespace, resource }: Place) => `${resource.plural}/${namespace}/${name}`

const concerns = ({ namespace, resource }: Scope, { event, plural }: Told) =>
  plural === resource.plural && (namespace === undefined || event.object.metadata.namespace === namespace)

/** What of an Event nobody may change. */
const fixedOf = ({ metadata: _metadata, series: _series, ...rest }: KubeObject & { readonly series?: unknown }) => rest

const bears = ({ metadata }: KubeObject, labels: Readonly<Record<string, string>>) =>
  Object.entries(labels).every(([name, value]) => metadata.labels?.[name] === value)

const bodyOf = (body: unknown): Loose => JSON.parse(JSON.stringify(body)) as Loose
