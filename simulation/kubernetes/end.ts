/**
 * What must stand at the end of a run with a cluster:
 *
 *   K1  each object is told about at its latest generation, and its rows are what its spec asks for
 *   K2  nothing is known, and no row is there, of an object that is gone
 */
import { KIND_NAMES } from "../../src/model/kinds/kinds.ts"
import type { KubeObject } from "../../src/providers/kubernetes.ts"
import { isDeleting, isHeld, resourceOf } from "../../src/reconcilers/kubernetes/objects.ts"
import { isRefused, type RecordRow } from "../rows.ts"
import type { StoreWatch } from "../watch-store.ts"
import type { Cluster } from "./cluster.ts"
import type { Wanted } from "./watch-objects.ts"

export interface Told {
  readonly observedGeneration?: number
  readonly conditions?: ReadonlyArray<{ readonly type: string; readonly status: string; readonly reason: string }>
}

const objectsOf = ({ api }: Cluster) =>
  KIND_NAMES.flatMap((kind) =>
    api.memory.all({ resource: resourceOf(kind) }).map((object) => ({ kind, object, name: textOf(kind, object) }))
  )

const textOf = (kind: string, { metadata: { name, namespace = "" } }: KubeObject) => `${kind}/${namespace}/${name}`

const readyOf = ({ status }: KubeObject) =>
  ((status ?? {}) as Told).conditions?.find(({ type }) => type === "Ready") ?? { status: "Unknown", reason: "none" }

/** What keeps the objects from being done; nothing when they are. `isFromBefore`: zones where a fault may yet be heard of. */
export const clusterProblems = (
  cluster: Cluster,
  store: StoreWatch,
  isFromBefore: (zone: string) => boolean
): ReadonlyArray<string> => {
  const objects = objectsOf(cluster)
  const found: Array<string> = []
  for (const { kind, name, object } of objects) {
    const known = cluster.objects.known.get(name)
    const { generation, namespace = "", uid } = object.metadata
    const { observedGeneration } = (object.status ?? {}) as Told
    const { reason, status } = readyOf(object)
    if (isDeleting(object)) found.push(`${name} is still being deleted`)
    else if (known?.uid !== uid || known.generation !== generation) found.push(`${name} was not looked at`)
    else if (!isHeld(object)) found.push(`${name} is not held`)
    else if (observedGeneration !== generation)
      found.push(`${name} is told about ${observedGeneration} of ${generation}`)
    else if (status !== "True" && !isExplained(reason, name, objects) && !isOfARecord(reason, object, store))
      found.push(`${name} is not ready: ${reason}`)
    else if (kind === "Domain" && isFromBefore(zoneOf(object)))
      found.push(`${name} may yet tell of a fault that befell the pass of its zone`)
    else if (status === "True" && isDue(store, name)) found.push(`${name} is about to be told about anew`)
    else if (status === "True" && kind === "DnsRecord") {
      const rows = [...store.records.values()].filter(({ manifestId }) => manifestId === known.manifestId)
      const wanted = cluster.objects.wanted(namespace, object.spec).map(rowText).toSorted().join(" | ")
      const standing = rows.map(rowText).toSorted().join(" | ")
      if (wanted !== standing) found.push(`${name} asks for ${wanted}, and its rows are ${standing}`)
    }
  }
  const names = new Map(objects.map(({ name, object }) => [name, object.metadata.uid]))
  const manifests = new Set([...cluster.objects.known.values()].map(({ manifestId }) => manifestId))
  for (const { key, uid } of cluster.objects.known.values()) {
    if (names.get(key) !== uid) found.push(`${key} is known, and is gone`)
  }
  for (const row of store.records.values()) {
    if (row.manifestId !== undefined && !manifests.has(row.manifestId))
      found.push(`${rowText(row)} is a row of no object`)
  }
  return found
}

/** What its status counts may have changed, although it stays Ready. */
const isDue = (store: StoreWatch, name: string): boolean => {
  const work = store.work.get(name)
  return work !== undefined && work.observed !== work.generation
}

/** Refused as it should be: what it needs is not there, or another one keeps what it asks for. */
const isExplained = (reason: string, name: string, objects: ReturnType<typeof objectsOf>): boolean => {
  const own = objects.find((one) => one.name === name)
  if (own === undefined) return false
  const { object } = own
  const namespace = object.metadata.namespace ?? ""
  const { credentialRef, domain, domainRef } = (object.spec ?? {}) as {
    readonly domain?: string
    readonly credentialRef?: { readonly name: string }
    readonly domainRef?: { readonly name: string }
  }
  const readyAt = (kind: string, at: string | undefined) => {
    const found = objects.find((one) => one.name === `${kind}/${namespace}/${at}`)
    return found === undefined ? undefined : readyOf(found.object)
  }
  const [above] = [readyAt("Domain", domainRef?.name) ?? readyAt("Credential", credentialRef?.name)]
  switch (reason) {
    case "ReferenceMissing":
      return above === undefined || above.status !== "True"
    case "Conflict":
    case "HeldBySomeoneElse":
      return (
        objects.some(
          (one) => one.name !== name && ((one.object.spec ?? {}) as { readonly domain?: string }).domain === domain
        ) || domainRef !== undefined
      )
    case "TokenMissing":
      return above === undefined || above.status !== "True"
    case "Converging":
      // What the records beside it are refused for keeps nothing waiting.
      return above !== undefined && above.status !== "True" && above.reason !== "Conflict"
    default:
      return above !== undefined && above.status !== "True"
  }
}

/** A Domain tells why a record in it is refused. */
const isOfARecord = (reason: string, object: KubeObject, store: StoreWatch): boolean => {
  const id = store.domainOf(zoneOf(object))
  return [...store.records.values()].some((row) => row.domainId === id && isRefused(row) && row.reason === reason)
}

const zoneOf = ({ spec }: KubeObject) => ((spec ?? {}) as { readonly domain?: string }).domain ?? ""

const rowText = ({ comment, name, proxied, ttl, type, value }: Pick<RecordRow, keyof Wanted>) =>
  `${type} ${name} ${value} ${ttl}${proxied ? " proxied" : ""}${comment === null ? "" : `, ${comment}`}`

/** Without uids, times and generations: equal for two runs that come to the same. */
export const clusterState = (cluster: Cluster): ReadonlyArray<string> =>
  objectsOf(cluster)
    .map(({ name, object }) => `${name} ${readyOf(object).status} ${readyOf(object).reason}`)
    .toSorted()

/** What asks for all this at once: Secrets first, then the objects in the order in which they were made. */
export const stepsOf = (cluster: Cluster) => {
  const secrets = cluster.secrets().map((each) => ({ ...each, do: "kubectl secret" as const }))
  const objects = objectsOf(cluster)
    .filter(({ object }) => !isDeleting(object))
    .toSorted((a, b) => number(a.object) - number(b.object))
    .map(({ kind, object }) => ({
      do: "kubectl apply" as const,
      kind,
      name: object.metadata.name,
      namespace: object.metadata.namespace ?? "",
      spec: object.spec as object
    }))
  // Far enough from each other for the server's clock to tell which one was first.
  return [...secrets, ...objects].map((step, index) => ({ ...step, at: 1 + 2 * index }))
}

const number = ({ metadata: { uid } }: KubeObject) => Number(uid.replace("uid-", ""))
