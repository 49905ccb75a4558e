/**
 * The port to a Kubernetes API server: lists by pages, watches, and the few writes that a controller makes. A failure
 * says what the caller may conclude from it; what no answer came to is `Unavailable`, and may have been done.
 */
import { Context, type Effect, Schema, type Stream } from "effect"

/** The resource version that was asked for is not kept any more: list anew. */
export class Gone extends Schema.TaggedError<Gone>()("Gone", { message: Schema.String }) {}
/** Somebody else wrote the object meanwhile, or it is there already. */
export class Conflict extends Schema.TaggedError<Conflict>()("Conflict", { message: Schema.String }) {}
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", { message: Schema.String }) {}
/** The token is not good (any more); it was read again once before this is said. */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", { message: Schema.String }) {}
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", { message: Schema.String }) {}
/** No call may start before `retryAfter`. */
export class Throttled extends Schema.TaggedError<Throttled>()("Throttled", {
  retryAfter: Schema.Duration,
  message: Schema.String
}) {}
/** The server read the request and refused it: the same again is useless. */
export class Invalid extends Schema.TaggedError<Invalid>()("Invalid", { message: Schema.String }) {}
/** An outage, a lost answer, a timeout. */
export class Unavailable extends Schema.TaggedError<Unavailable>()("Unavailable", { message: Schema.String }) {}

export class KubernetesError extends Schema.TaggedError<KubernetesError>()("KubernetesError", {
  reason: Schema.Union([Gone, Conflict, NotFound, Unauthorized, Forbidden, Throttled, Invalid, Unavailable])
}) {
  override get message() {
    return this.reason.message
  }
}

export type Reason = KubernetesError["reason"]

export const failure = (reason: Reason) => new KubernetesError({ reason })

export interface Resource {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
}

export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid: string
  /** A decimal number of any length; a later state of an object has a greater one. */
  readonly resourceVersion: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly finalizers?: ReadonlyArray<string>
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface KubeObject {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: ObjectMeta
  readonly spec?: unknown
  readonly status?: unknown
  readonly data?: unknown
}

export interface Place {
  readonly resource: Resource
  readonly namespace: string
  readonly name: string
}

/** A part of a list. */
export interface PageRequest {
  /** Objects at most. */
  readonly limit: number
  readonly continue: string | undefined
  /** Only objects that bear all of these. */
  readonly labels?: Readonly<Record<string, string>>
}

/** All namespaces where none is named. */
export interface Scope {
  readonly resource: Resource
  readonly namespace?: string
}

export interface Page {
  readonly items: ReadonlyArray<KubeObject>
  readonly resourceVersion: string
  /** Asks for the next page; undefined on the last. */
  readonly continue: string | undefined
}

export interface WatchRequest extends Scope {
  /** Undefined begins with what is there: each object as ADDED, then a bookmark with `initialEnd`. */
  readonly resourceVersion: string | undefined
  /** After which the server ends the watch; the client gives up five seconds later. */
  readonly timeoutSeconds: number
}

export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string; readonly initialEnd: boolean }

export interface Patch {
  /** `apply` is server-side apply under our field manager; `merge` is RFC 7386, with `resourceVersion` as condition. */
  readonly how: "apply" | "merge"
  readonly body: unknown
  readonly subresource?: "status"
}

type Answer<A> = Effect.Effect<A, KubernetesError>

export class Kubernetes extends Context.Service<
  Kubernetes,
  {
    /** What was committed when it was asked, never older. */
    list(scope: Scope, page: PageRequest): Answer<Page>
    /** Ends when the server closes it; an ERROR event is a failure. As many events at a time as came together. */
    watch(request: WatchRequest): Stream.Stream<ReadonlyArray<WatchEvent>, KubernetesError>
    /** What is committed now; null where there is none. */
    get(place: Place): Answer<KubeObject | null>
    create(place: Place, body: unknown): Answer<KubeObject>
    /** Refused with Conflict unless `metadata.resourceVersion` of the body is the present one. */
    replace(place: Place, body: unknown): Answer<KubeObject>
    patch(place: Place, patch: Patch): Answer<KubeObject>
  }
>()("driftless/providers/Kubernetes") {}

/** The owner of the fields that we apply. */
export const FIELD_MANAGER = "driftless"

/** Negative, zero or positive as `a` is older than, the same as or newer than `b`. The empty one is the oldest. */
export const compareVersions = (a: string, b: string): number =>
  a.length === b.length ? (a < b ? -1 : a > b ? 1 : 0) : a.length - b.length

/** An object of an answer; undefined where it is none. */
export function asObject(input: unknown): KubeObject | undefined {
  if (typeof input !== "object" || input === null || !("metadata" in input)) return undefined
  const { metadata } = input
  if (typeof metadata !== "object" || metadata === null) return undefined
  const { name, resourceVersion, uid } = metadata as Partial<ObjectMeta>
  return typeof name === "string" && typeof uid === "string" && typeof resourceVersion === "string"
    ? (input as KubeObject)
    : undefined
}

/** The path of a collection, or of one object. */
export function pathOf({ name, namespace, resource, subresource }: Partial<Place> & Scope & { subresource?: string }) {
  const { group, plural, version } = resource
  const parts = [
    ...(group === "" ? ["api"] : ["apis", group]),
    version,
    ...(namespace === undefined ? [] : ["namespaces", namespace]),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource])
  ]
  return `/${parts.map(encodeURIComponent).join("/")}`
}
