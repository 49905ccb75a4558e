/**
 * The cluster's API server as it is seen on the wire: paths, verbs, answers and lines of watches, over the product's
 * double of one. Beside what that is strict in: defaults, namespaces that end, Secrets that nobody may list, an hour
 * in which it is away, and what a server would say that is behind.
 */
import { Schema } from "effect"
import { KIND_NAMES, kinds, type KindName } from "../../src/model/kinds/kinds.ts"
import type { Call } from "../../src/providers/kubernetes-http.ts"
import { codeOf, MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import {
  Forbidden,
  failure,
  KubernetesError,
  type KubeObject,
  NotFound,
  type Place,
  type Scope,
  type WatchEvent
} from "../../src/providers/kubernetes.ts"
import { resourceOf } from "../../src/reconcilers/kubernetes/objects.ts"

export interface Reply {
  readonly status: number
  readonly body: unknown
  readonly retryAfter?: string
}

/** What a path and a query ask for. */
export interface Asked extends Scope {
  readonly name: string | undefined
  readonly subresource: "status" | undefined
}

/** The other end of a watch. */
export interface Client {
  readonly hear: (lines: string) => void
  readonly end: () => void
}

/** What stood at a time. */
export interface Past {
  readonly at: number
  readonly version: string
  readonly objects: ReadonlyArray<readonly [plural: string, object: KubeObject]>
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<subresource>status))?$/u

export const askedOf = ({ path }: Call): Asked => {
  const { group = "", name, namespace, plural = "", subresource, version = "" } = PATH.exec(path)?.groups ?? {}
  return {
    resource: { group, version, plural },
    ...(namespace === undefined ? {} : { namespace }),
    name,
    subresource: subresource === "status" ? "status" : undefined
  }
}

const PLURALS: ReadonlyMap<string, KindName> = new Map(KIND_NAMES.map((kind) => [kinds[kind].plural, kind]))
export const kindOf = (plural: string): KindName | undefined => PLURALS.get(plural)

export class Api {
  readonly memory: MemoryCluster
  /** Namespaces that are being deleted: nothing new is made in them. */
  readonly ending = new Set<string>()
  readonly past: Array<Past> = []
  readonly #now: () => number

  constructor(now: () => number, initialEvents: boolean) {
    this.#now = now
    // As on the real server to the second.
    const seconds = () => new Date(now()).toISOString().replace(/\.\d+Z$/u, "Z")
    this.memory = new MemoryCluster({ now: seconds, initialEvents })
    this.#remember()
    this.follow(() => this.#remember())
  }

  /** Hears of each change of an object of ours, there and then. */
  follow(hear: (kind: KindName, type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject) => void): void {
    for (const kind of KIND_NAMES) {
      const from = { resource: resourceOf(kind), resourceVersion: this.memory.version, timeoutSeconds: 0 }
      const tell = (events: ReadonlyArray<WatchEvent>) => {
        for (const event of events) if (event.type !== "BOOKMARK") hear(kind, event.type, event.object)
      }
      this.memory.watch(from, { hear: tell, end: () => undefined })
    }
  }

  #remember(): void {
    const objects = KIND_NAMES.flatMap((kind) => {
      const resource = resourceOf(kind)
      return this.memory.all({ resource }).map((object) => [resource.plural, object] as const)
    })
    this.past.push({ at: this.#now(), version: this.memory.version, objects })
  }

  /** As it was at that time. */
  asOf(at: number): Past {
    return this.past.findLast((past) => past.at <= at) ?? { at, version: "1", objects: [] }
  }

  /** The last events of it that are still known. */
  recent(scope: Scope): ReadonlyArray<WatchEvent> {
    try {
      return this.memory.since(scope, this.past.at(-6)?.version ?? "0")
    } catch {
      return []
    }
  }

  handle(call: Call, past?: Past): Reply {
    try {
      return { status: 200, body: this.#answer(call, askedOf(call), past) }
    } catch (error) {
      if (error instanceof KubernetesError) return refusal(codeOf(error), error.message)
      throw error
    }
  }

  #answer({ body, contentType, method, query = {} }: Call, asked: Asked, past: Past | undefined): unknown {
    const place: Place = { ...asked, namespace: asked.namespace ?? "", name: asked.name ?? nameIn(body) }
    switch (method) {
      case "GET": {
        if (asked.name !== undefined) return this.memory.find(place) ?? missing(place)
        if (past !== undefined) return listOf(within(past, asked), past.version, undefined)
        const page = this.memory.page(asked, { limit: Number(query["limit"]), continue: query["continue"] })
        return listOf(page.items, page.resourceVersion, page.continue)
      }
      case "POST":
        return this.create(place, body)
      case "PUT":
        return this.memory.replace(place, body)
      case "PATCH": {
        const how = contentType?.includes("apply") === true ? "apply" : "merge"
        const { subresource } = asked
        return this.memory.patch(place, { how, body, ...(subresource === undefined ? {} : { subresource }) })
      }
    }
  }

  create(place: Place, body: unknown): KubeObject {
    if (this.ending.has(place.namespace)) {
      const message = `${place.resource.plural} is forbidden: namespace ${place.namespace} is being terminated`
      throw failure(new Forbidden({ message }))
    }
    const kind = kindOf(place.resource.plural)
    return this.memory.create(place, kind === undefined ? body : withDefaults(kind, body))
  }

  /** Answers how to end it, or the refusal. A server that is behind tells what came since to `later`. */
  open(call: Call, client: Client, past?: { readonly from: Past; readonly later: (tell: () => void) => void }) {
    const { timeoutSeconds, resourceVersion } = call.query ?? {}
    const asked = askedOf(call)
    const hear = (events: ReadonlyArray<WatchEvent>) => client.hear(events.map(lineOf).join(""))
    const end = (error: KubernetesError | undefined) => {
      if (error !== undefined) client.hear(errorLine(codeOf(error), error.message))
      client.end()
    }
    const watch = (version: string | undefined) =>
      this.memory.watch({ ...asked, resourceVersion: version, timeoutSeconds: Number(timeoutSeconds) }, { hear, end })
    try {
      if (past === undefined || resourceVersion !== undefined) return watch(resourceVersion)
      const { from, later } = past
      const objects = within(from, asked)
      hear([
        ...objects.map((object): WatchEvent => ({ type: "ADDED", object })),
        { type: "BOOKMARK", resourceVersion: from.version, initialEnd: true }
      ])
      let stop = () => undefined as void
      later(() => {
        try {
          stop = watch(from.version)
        } catch (error) {
          end(error instanceof KubernetesError ? error : undefined)
        }
      })
      return () => stop()
    } catch (error) {
      if (error instanceof KubernetesError) return refusal(codeOf(error), error.message)
      throw error
    }
  }
}

const within = ({ objects }: Past, { namespace, resource }: Scope) =>
  objects
    .filter(
      ([plural, { metadata }]) => plural === resource.plural && (namespace ?? metadata.namespace) === metadata.namespace
    )
    .map(([, object]) => object)

const listOf = (items: ReadonlyArray<KubeObject>, resourceVersion: string, next: string | undefined) => ({
  kind: "List",
  metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) },
  items
})

const missing = ({ name, resource }: Place): never => {
  throw failure(new NotFound({ message: `${resource.plural} "${name}" not found` }))
}

/** What its definition fills in. */
export const withDefaults = (kind: KindName, body: unknown): unknown => {
  const { spec, ...rest } = body as { readonly spec: unknown }
  const schema = kinds[kind].spec as Schema.Codec<unknown, unknown>
  return { ...rest, spec: Schema.encodeSync(schema)(Schema.decodeUnknownSync(schema)(spec)) }
}

export const refusal = (code: number, message: string): Reply => ({
  status: code,
  body: { kind: "Status", status: "Failure", message, code },
  ...(code === 429 ? { retryAfter: "2" } : {})
})

export const errorLine = (code: number, message: string) =>
  `${JSON.stringify({ type: "ERROR", object: refusal(code, message).body })}\n`

export const lineOf = (event: WatchEvent): string => {
  if (event.type !== "BOOKMARK") return `${JSON.stringify(event)}\n`
  const annotations = event.initialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {}
  const object = { metadata: { resourceVersion: event.resourceVersion, ...annotations } }
  return `${JSON.stringify({ type: event.type, object })}\n`
}

const nameIn = (body: unknown): string => {
  const { metadata } = (body ?? {}) as { readonly metadata?: { readonly name?: string } }
  return metadata?.name ?? ""
}
