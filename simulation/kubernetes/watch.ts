/**
 * What must hold of every call to the API server of a cluster, and of every object that leaves it:
 *
 *   K2  no object is let go while what it made stands at the provider, or has rows
 *   K3  never Ready for a generation that was not looked at and did not stand; no status goes back
 *   K4  at rest nothing is written but the Lease
 *   K5  a Secret that no Credential refers to is not read, and nothing is asked for that the chart's rules do not give
 *   K6  who lost the Lease writes nothing any more once it can know
 *   S10 no token is in what is written
 */
import { KIND_NAMES, type KindName } from "../../src/model/kinds/kinds.ts"
import type { Call } from "../../src/providers/kubernetes-http.ts"
import type { KubeObject } from "../../src/providers/kubernetes.ts"
import {
  ABANDON,
  FINALIZER,
  isAnnotated,
  LEASES,
  EVENTS,
  SECRETS,
  resourceOf
} from "../../src/reconcilers/kubernetes/objects.ts"
import { rights } from "../../src/reconcilers/kubernetes/rbac.ts"
import { secretRefOf } from "../../src/reconcilers/kubernetes/secret.ts"
import type { Kernel, Process } from "../kernel.ts"
import type { Change, Row } from "../store.ts"
import { contentOf, identity, type ProviderWatch } from "../watch-provider.ts"
import type { RecordRow } from "../rows.ts"
import type { StoreWatch } from "../watch-store.ts"
import { type Api, type Asked, askedOf, type Reply } from "./api.ts"

export interface ClusterWatchFacts {
  readonly kernel: Kernel
  readonly api: Api
  readonly store: StoreWatch
  readonly provider: ProviderWatch
  readonly ours: (
    zone: string
  ) => ReadonlyArray<{ readonly type: string; readonly name: string; readonly content: string }>
  readonly settledAt: () => number | undefined
  /** When a process last stood still, or lost a call. */
  readonly disturbedAt: (process: Process) => number
  readonly secrets: ReadonlyArray<string>
}

/** One object from its making to its end. */
interface Life {
  readonly kind: KindName
  readonly generations: Map<number, { readonly spec: unknown; readonly at: number }>
  /** What it made, as type, name and content. */
  readonly made: Set<string>
  last: KubeObject
  told: number
  isStripped: boolean
}

/** A row of what is known of objects. */
export interface KnownObject {
  readonly key: string
  readonly uid: string
  readonly generation: number
  readonly manifestId: number | undefined
}

interface RecordSpec {
  readonly domainRef: { readonly name: string }
  readonly type: string
  readonly name: string
  readonly values: ReadonlyArray<string>
  readonly ttl?: number
  readonly state?: string
}

export class ClusterWatch {
  readonly known = new Map<string, KnownObject>()
  readonly #lives = new Map<string, Life>()
  readonly #referred = new Set<string>()
  readonly #facts: ClusterWatchFacts
  #holder = { name: "", since: 0 }

  constructor(facts: ClusterWatchFacts) {
    this.#facts = facts
    const { memory } = facts.api
    for (const kind of KIND_NAMES) {
      memory.watch(
        { resource: resourceOf(kind), resourceVersion: memory.version, timeoutSeconds: 0 },
        {
          hear: (events) => {
            for (const event of events) if (event.type !== "BOOKMARK") this.#saw(kind, event.type, event.object)
          },
          end: () => undefined
        }
      )
    }
  }

  #saw(kind: KindName, type: string, object: KubeObject): void {
    const { generation = 0, namespace = "", uid } = object.metadata
    const life: Life = this.#lives.get(uid) ?? {
      kind,
      generations: new Map(),
      made: new Set(),
      last: object,
      told: 0,
      isStripped: false
    }
    this.#lives.set(uid, life)
    if (type === "DELETED") return this.#checkGone(life)
    if (!life.generations.has(generation)) {
      life.generations.set(generation, { spec: object.spec, at: this.#facts.kernel.now })
    }
    const secret = secretRefOf(object)
    if (secret !== undefined) this.#referred.add(`${namespace}/${secret.name}`)
    life.last = object
  }

  /** Somebody else takes the finalizer off: what the object made is cleaned up after it. */
  stripped(uid: string): void {
    const life = this.#lives.get(uid)
    if (life !== undefined) life.isStripped = true
  }

  /** After a fail-over. */
  reset(rows: ReadonlyArray<{ readonly table: string; readonly row: Row }>): void {
    this.known.clear()
    this.commit(rows.map(({ row, table }) => ({ table, old: null, new: row })))
  }

  commit(changes: ReadonlyArray<Pick<Change, "table" | "old" | "new">>): void {
    for (const { new: after, old, table } of changes) {
      if (table !== "kubernetes_objects") continue
      const row = after ?? old ?? {}
      const key = `${String(row["kind"])}/${String(row["namespace"])}/${String(row["name"])}`
      if (after === null) this.known.delete(key)
      else {
        const manifestId = typeof row["manifest_id"] === "number" ? row["manifest_id"] : undefined
        this.known.set(key, { key, uid: String(row["uid"]), generation: Number(row["generation"]), manifestId })
      }
    }
    for (const { new: after, table } of changes) {
      if (table !== "dns_records" || after === null || typeof after["manifest_id"] !== "number") continue
      const owner = [...this.known.values()].find(({ manifestId }) => manifestId === after["manifest_id"])
      const row = this.#facts.store.records.get(Number(after["id"]))
      if (owner !== undefined && row !== undefined) this.#lives.get(owner.uid)?.made.add(this.#identityOf(row))
    }
  }

  #identityOf(row: RecordRow): string {
    return identity(row.type, this.#facts.provider.fqdn(row), contentOf(row))
  }

  opening(process: Process, call: Call): void {
    const asked = askedOf(call)
    this.#checkRights(call, asked)
    const { kernel } = this.#facts
    kernel.say(
      `cluster hears ${process.name} watch ${asked.resource.plural} from ${call.query?.["resourceVersion"] ?? "now"}`
    )
  }

  /** Around a call that is carried out. */
  landing(process: Process, call: Call, carryOut: () => Reply): Reply {
    const asked = askedOf(call)
    const { kernel, secrets } = this.#facts
    this.#checkRights(call, asked)
    if (asked.resource.plural === SECRETS.plural && !this.#referred.has(`${asked.namespace}/${asked.name}`)) {
      kernel.fail("K5", `${process.name} reads the Secret ${asked.namespace}/${asked.name}, which nobody refers to`)
    }
    if (call.method !== "GET") {
      const text = JSON.stringify(call.body)
      if (secrets.some((secret) => text.includes(secret))) kernel.fail("S10", `a token is written to ${call.path}`)
    }
    const reply = carryOut()
    const what = asked.resource.plural === EVENTS.plural ? "an event" : call.path.split("/").slice(4).join("/")
    kernel.say(`cluster answers ${process.name} ${call.method} ${what} with ${reply.status}`)
    if (asked.resource.plural === LEASES.plural) this.#noteHolder()
    else if (call.method !== "GET" && reply.status === 200) this.#checkWrite(process, call, asked)
    return reply
  }

  #checkRights({ method, path, query }: Call, { name, resource, subresource }: Asked): void {
    const read = query?.["watch"] === "true" ? "watch" : name === undefined ? "list" : "get"
    const verb = ({ GET: read, POST: "create", PUT: "update", PATCH: "patch" } as const)[method]
    const what = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`
    const isGiven = rights.some(
      ({ group, resources, verbs }) => group === resource.group && resources.includes(what) && verbs.includes(verb)
    )
    if (!isGiven) this.#facts.kernel.fail("K5", `${verb} ${path} is not in the chart's rules`)
  }

  #noteHolder(): void {
    const [lease] = this.#facts.api.memory.all({ resource: LEASES })
    const { holderIdentity: name = "" } = (lease?.spec ?? {}) as { readonly holderIdentity?: string }
    if (name !== this.#holder.name) this.#holder = { name, since: this.#facts.kernel.now }
  }

  #checkWrite(process: Process, call: Call, asked: Asked): void {
    const { disturbedAt, kernel, settledAt } = this.#facts
    const settled = settledAt()
    if (settled !== undefined && (asked.resource.plural !== EVENTS.plural || kernel.now - settled > LAST_EVENTS)) {
      kernel.fail("K4", `${process.name} writes ${call.path} although all had converged: ${JSON.stringify(call.body)}`)
    }
    const since = Math.max(this.#holder.since, disturbedAt(process))
    if (this.#holder.name !== process.name && kernel.now - since > KNOWS) {
      kernel.fail("K6", `${process.name} writes ${call.path}; the Lease is ${this.#holder.name}'s since ${since}`)
    }
    if (asked.subresource === "status") this.#checkStatus(call)
  }

  #checkStatus({ body, path }: Call): void {
    const { kernel, provider } = this.#facts
    const { metadata, status } = body as { readonly metadata: { readonly uid: string }; readonly status: Told }
    const life = this.#lives.get(metadata.uid)
    if (life === undefined) return kernel.fail("K3", `${path} gets a status of an object that never was`)
    const { conditions = [], observedGeneration = 0 } = status
    const { generation = 0 } = life.last.metadata
    if (observedGeneration < life.told)
      kernel.fail("K3", `the status of ${path} goes back from generation ${life.told} to ${observedGeneration}`)
    if (observedGeneration > generation)
      kernel.fail("K3", `the status of ${path} is about generation ${observedGeneration} of ${generation}`)
    life.told = observedGeneration
    const ready = conditions.find(({ type }) => type === "Ready")
    const seen = life.generations.get(ready?.observedGeneration ?? 0)
    if (ready?.status !== "True") return
    const known = [...this.known.values()].find(({ uid }) => uid === metadata.uid)
    if (
      seen === undefined ||
      ready.observedGeneration !== observedGeneration ||
      (known?.generation ?? 0) < observedGeneration
    )
      return kernel.fail("K3", `${path} is Ready for generation ${observedGeneration}, which was not looked at`)
    provider.look()
    for (const row of this.#rowsOf(life, seen.spec)) {
      if (provider.wasSeen(row, seen.at)) continue
      kernel.fail(
        "K3",
        `${path} is Ready for generation ${observedGeneration}; ${row.type} ${row.name} ${row.value} never stood`
      )
    }
  }

  /** The rows that a DnsRecord asks for; none where its Domain is not there. */
  #rowsOf({ kind, last }: Life, spec: unknown): ReadonlyArray<Wanted> {
    return kind === "DnsRecord" ? this.wanted(last.metadata.namespace ?? "", spec) : []
  }

  wanted(namespace: string, spec: unknown): ReadonlyArray<Wanted> {
    const { domainRef, name, state, ttl = 120, type, values } = spec as RecordSpec
    const domain = this.#facts.store.domainOf(this.#zoneNamed(namespace, domainRef.name))
    return state === "absent" || domain === undefined
      ? []
      : values.map((value) => ({ domainId: domain, type, name, value, ttl }))
  }

  #zoneNamed(namespace: string, name: string): string {
    const found = this.#facts.api.memory.find({ resource: resourceOf("Domain"), namespace, name })
    return ((found?.spec ?? {}) as { readonly domain?: string }).domain ?? ""
  }

  #checkGone({ isStripped, kind, last, made }: Life): void {
    const { kernel, ours, store } = this.#facts
    const { name, namespace = "" } = last.metadata
    const isLetGo = last.metadata.finalizers?.includes(FINALIZER) === true && !isStripped
    if (!isLetGo || isAnnotated(last, ABANDON)) return
    const what = `${kind} ${namespace}/${name}`
    const known = this.known.get(`${kind}/${namespace}/${name}`)
    const rows = [...store.records.values()]
    if (known?.manifestId !== undefined && known.uid === last.metadata.uid)
      return kernel.fail("K2", `${what} was let go, and what it made is still known`)
    const wanted = new Set(rows.map((row) => this.#identityOf(row)))
    const { deletionPolicy, domain } = (last.spec ?? {}) as {
      readonly deletionPolicy?: string
      readonly domain?: string
    }
    if (deletionPolicy === "Retain") return
    const zones = kind === "Domain" ? [domain ?? ""] : kind === "DnsRecord" ? [...store.domains.values()] : []
    for (const zone of new Set(zones)) {
      for (const record of ours(zone)) {
        const id = identity(record.type, record.name, record.content)
        if (wanted.has(id) || (kind === "DnsRecord" && !made.has(id))) continue
        kernel.fail("K2", `${what} was let go, and ${id} stands at the provider`)
      }
    }
  }
}

interface Told {
  readonly observedGeneration?: number
  readonly conditions?: ReadonlyArray<{
    readonly type: string
    readonly status: string
    readonly observedGeneration?: number
  }>
}

export interface Wanted {
  readonly domainId: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly ttl: number
}

/** An Event is told after the status, at a bounded pace. */
const LAST_EVENTS = 10_000
/** A renewal fails for ten seconds at most before who holds the Lease gives up; what it sent may take as long as a slow call. */
const KNOWS = 10_000 + 26_000
