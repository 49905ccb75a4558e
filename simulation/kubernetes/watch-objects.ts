/**
 * What must hold of every object of a cluster:
 *
 *   K2  nothing is made of it before its finalizer stands, nor once it was let go; it is not let go while what it made
 *       stands at the provider, or is known
 *   K3  no status is about a generation that was not looked at, or goes back; none is Ready for what did not stand
 */
import { Duration } from "effect"
import { LEASE } from "../../src/database/work.ts"
import type { KindName } from "../../src/model/kinds/kinds.ts"
import type { Call } from "../../src/providers/kubernetes-http.ts"
import type { KubeObject } from "../../src/providers/kubernetes.ts"
import { ABANDON, isAnnotated, isHeld, resourceOf } from "../../src/reconcilers/kubernetes/objects.ts"
import { DEADLINE } from "../../src/reconcilers/kubernetes/reconcile.ts"
import type { Kernel } from "../kernel.ts"
import type { RecordRow } from "../rows.ts"
import type { Change, Row } from "../store.ts"
import { contentOf, identity, type ProviderWatch } from "../watch-provider.ts"
import type { StoreWatch } from "../watch-store.ts"
import type { Api } from "./api.ts"

export interface ObjectFacts {
  readonly kernel: Kernel
  readonly api: Api
  readonly store: StoreWatch
  readonly provider: ProviderWatch
  /** The records of ours that stand in a zone. */
  readonly ours: (
    zone: string
  ) => ReadonlyArray<{ readonly id: string; readonly type: string; readonly name: string; readonly content: string }>
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
  /** It bore the finalizer, whether or not somebody took it off since. */
  wasHeld: boolean
  /** Gone from the API server, by our leave. */
  isOver: boolean
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
  readonly proxied?: boolean
  readonly comment?: string
  readonly state?: string
}

export class ObjectWatch {
  readonly known = new Map<string, KnownObject>()
  readonly #lives = new Map<string, Life>()
  readonly #facts: ObjectFacts
  /** When the tables were put back: what is on its way rests on what they held before. */
  #resetAt = Number.NEGATIVE_INFINITY

  constructor(facts: ObjectFacts) {
    this.#facts = facts
    facts.api.follow((kind, type, object) => this.#saw(kind, type, object))
  }

  #saw(kind: KindName, type: string, object: KubeObject): void {
    const { generation = 0, uid } = object.metadata
    const life: Life = this.#lives.get(uid) ?? {
      kind,
      generations: new Map(),
      made: new Set(),
      last: object,
      told: 0,
      isStripped: false,
      wasHeld: false,
      isOver: false
    }
    this.#lives.set(uid, life)
    if (type === "DELETED") return this.#checkGone(life)
    if (!life.generations.has(generation)) {
      life.generations.set(generation, { spec: object.spec, at: this.#facts.kernel.now })
    }
    life.last = object
    life.wasHeld ||= isHeld(object)
  }

  /** Somebody else takes the finalizer off: what the object made is cleaned up after it. */
  stripped(uid: string): void {
    const life = this.#lives.get(uid)
    if (life !== undefined) life.isStripped = true
  }

  /** After a fail-over. */
  reset(rows: ReadonlyArray<{ readonly table: string; readonly row: Row }>): void {
    this.#resetAt = this.#facts.kernel.now
    this.known.clear()
    this.#note(rows.map(({ row, table }) => ({ table, old: null, new: row })))
  }

  commit(changes: ReadonlyArray<Pick<Change, "table" | "old" | "new">>): void {
    this.#note(changes)
    for (const { new: after, old, table } of changes) {
      if (after === null || typeof after["manifest_id"] !== "number") continue
      if (table === "kubernetes_objects") {
        const isNew = old?.["manifest_id"] !== after["manifest_id"] || old["uid"] !== after["uid"]
        if (isNew) this.#checkMade(String(after["uid"]), `${String(after["kind"])} ${String(after["name"])}`)
      } else if (
        table === "dns_records" &&
        after["desired_state"] === "present" &&
        old?.["desired_state"] !== "present"
      ) {
        const owner = this.#ownerOf(after)
        if (owner !== undefined)
          this.#checkMade(owner.uid, `the row ${String(after["name"])} ${String(after["value"])}`)
      }
    }
  }

  #ownerOf(row: Row): KnownObject | undefined {
    return [...this.known.values()].find(({ manifestId }) => manifestId === row["manifest_id"])
  }

  #note(changes: ReadonlyArray<Pick<Change, "table" | "old" | "new">>): void {
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
      const owner = this.#ownerOf(after)
      const row = this.#facts.store.records.get(Number(after["id"]))
      if (owner !== undefined && row !== undefined) this.#lives.get(owner.uid)?.made.add(this.#identityOf(row))
    }
  }

  /**
   * What was claimed before an object was let go is fenced, and what is claimed after that has to ask the API server: so
   * this holds at once, however stale a cache is. An object that somebody stripped went without our leave.
   */
  #checkMade(uid: string, what: string): void {
    const life = this.#lives.get(uid)
    const { kernel } = this.#facts
    if (life === undefined) return kernel.fail("K2", `${what} is made of an object that never was`)
    if (life.isOver)
      return this.#isDisturbed ? undefined : kernel.fail("K2", `${what} is made of an object that was let go`)
    if (!isHeld(life.last) && !(life.wasHeld && life.isStripped))
      kernel.fail("K2", `${what} is made before the finalizer of its object stands`)
  }

  #identityOf(row: RecordRow): string {
    return identity(row.type, this.#facts.provider.fqdn(row), contentOf(row))
  }

  get #isDisturbed(): boolean {
    return this.#facts.kernel.now - this.#resetAt < DISTURBED
  }

  /** A status that was written. */
  told({ body, path }: Call): void {
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
    const known = [...this.known.values()].find(({ uid }) => uid === metadata.uid)
    const ready = conditions.find(({ type }) => type === "Ready")
    const seen = life.generations.get(observedGeneration)
    if (seen === undefined || (!this.#isDisturbed && (known?.generation ?? 0) < observedGeneration))
      return kernel.fail(
        "K3",
        `the status of ${path} is about generation ${observedGeneration}, which was not looked at`
      )
    if (ready?.observedGeneration !== observedGeneration)
      return kernel.fail(
        "K3",
        `${path} is about generation ${observedGeneration}, Ready about ${ready?.observedGeneration}`
      )
    if (ready.status !== "True") return
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
    const { comment = null, domainRef, name, proxied = false, state, ttl = 120, type, values } = spec as RecordSpec
    const domain = this.#facts.store.domainOf(this.#zoneNamed(namespace, domainRef.name))
    return state === "absent" || domain === undefined
      ? []
      : values.map((value) => ({ domainId: domain, type, name, value, ttl, proxied, comment }))
  }

  #zoneNamed(namespace: string, name: string): string {
    const found = this.#facts.api.memory.find({ resource: resourceOf("Domain"), namespace, name })
    return ((found?.spec ?? {}) as { readonly domain?: string }).domain ?? ""
  }

  #checkGone(life: Life): void {
    const { isStripped, kind, last, made } = life
    const { kernel, ours, store } = this.#facts
    const { name, namespace = "" } = last.metadata
    const isLetGo = isHeld(last) && !isStripped
    life.isOver = isLetGo
    if (!isLetGo || isAnnotated(last, ABANDON)) return
    const what = `${kind} ${namespace}/${name}`
    const known = this.known.get(`${kind}/${namespace}/${name}`)
    const rows = [...store.records.values()]
    if (this.#isDisturbed) return
    if (known?.manifestId !== undefined && known.uid === last.metadata.uid)
      return kernel.fail("K2", `${what} was let go, and what it made is still known`)
    const wanted = new Set(rows.map((row) => this.#identityOf(row)))
    const { domain } = (last.spec ?? {}) as { readonly domain?: string }
    const zones = kind === "Domain" ? [domain ?? ""] : kind === "DnsRecord" ? [...store.domains.values()] : []
    for (const zone of new Set(zones)) {
      for (const record of ours(zone)) {
        const id = identity(record.type, record.name, record.content)
        if (wanted.has(id) || (kind === "DnsRecord" && !made.has(id))) continue
        if (this.#facts.provider.isUndone(record.id, zone)) continue
        kernel.fail("K2", `${what} was let go, and ${id} stands at the provider`)
      }
    }
  }
}

export interface Told {
  readonly observedGeneration?: number
  readonly conditions?: ReadonlyArray<{
    readonly type: string
    readonly status: string
    readonly reason: string
    readonly observedGeneration?: number
  }>
}

export interface Wanted {
  readonly domainId: number
  readonly type: string
  readonly name: string
  readonly value: string
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
}

/** So long a pass may go on with what it read before the tables were put back, and who claimed it then hold it. */
const DISTURBED = Duration.toMillis(DEADLINE) + Duration.toMillis(LEASE)
