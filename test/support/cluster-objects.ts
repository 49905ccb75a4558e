/** Objects of our kinds on a cluster in memory, as a person with kubectl makes, edits and deletes them. */
import { vi } from "vitest"
import type { Condition } from "../../src/model/conditions.ts"
import { type KindName } from "../../src/model/kinds/kinds.ts"
import { API_VERSION } from "../../src/model/kinds/metadata.ts"
import type { MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import type { KubeObject } from "../../src/providers/kubernetes.ts"
import { EVENTS, placeOf, SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"

/** How long a test waits for what it expects, on a loaded machine. */
export const BOUND = { timeout: 30_000, interval: 20 }

export interface Status {
  readonly observedGeneration?: number
  readonly conditions?: ReadonlyArray<Condition>
  readonly records?: Readonly<Record<string, number>>
  readonly problems?: ReadonlyArray<Readonly<Record<string, unknown>>>
}

export const statusOf = (object: KubeObject | undefined): Status => (object?.status ?? {}) as Status

export const ready = (object: KubeObject | undefined) =>
  statusOf(object).conditions?.find(({ type }) => type === "Ready")

export const condition = (object: KubeObject | undefined, wanted: Condition["type"]) =>
  statusOf(object).conditions?.find(({ type }) => type === wanted)

/** True of the generation that the object has now. */
export const isReady = (object: KubeObject | undefined): boolean => {
  const found = ready(object)
  return found?.status === "True" && found.observedGeneration === object?.metadata.generation
}

export const objectsOf = (cluster: MemoryCluster, namespace: string) => {
  const place = (kind: KindName, name: string) => placeOf({ kind, namespace, name })
  const get = (kind: KindName, name: string) => cluster.find(place(kind, name))
  return {
    get,
    /** As `kubectl apply`. */
    put: (kind: KindName, name: string, spec: object, metadata: object = {}) => {
      const body = { apiVersion: API_VERSION, kind, metadata, spec }
      if (get(kind, name) === undefined) cluster.create(place(kind, name), body)
      else cluster.patch(place(kind, name), { how: "merge", body })
    },
    annotate: (kind: KindName, name: string, annotations: Readonly<Record<string, string>>) =>
      void cluster.patch(place(kind, name), { how: "merge", body: { metadata: { annotations } } }),
    remove: (kind: KindName, name: string) => cluster.delete(place(kind, name)),
    secret: (name: string, token: string, key = "token") => {
      const at = { resource: SECRETS, namespace, name }
      const body = { metadata: {}, data: { [key]: Buffer.from(token).toString("base64") } }
      if (cluster.find(at) === undefined) cluster.create(at, body)
      else cluster.patch(at, { how: "merge", body })
    },
    removeSecret: (name: string) => cluster.delete({ resource: SECRETS, namespace, name }),
    events: () => cluster.all({ resource: EVENTS, namespace }),
    /** Waits until it is so, and answers the object. */
    until: (kind: KindName, name: string, isSo: (object: KubeObject | undefined) => boolean) =>
      vi.waitFor(() => {
        const object = get(kind, name)
        if (!isSo(object)) throw new Error(`${kind} ${namespace}/${name} is still ${JSON.stringify(object, null, 1)}`)
        return object
      }, BOUND),
    /** A Secret, a Credential and a Domain of that zone, as most tests begin. */
    zone: (domain: string, token: string) => {
      const objects = objectsOf(cluster, namespace)
      objects.secret("cloudflare", token)
      objects.put("Credential", "cloudflare", aCredential)
      objects.put("Domain", "example", aDomain(domain))
    }
  }
}

export type Objects = ReturnType<typeof objectsOf>

export const aCredential = { provider: "cloudflare", tokenFrom: { secretRef: { name: "cloudflare", key: "token" } } }
export const aDomain = (domain: string, spec: object = {}) => ({
  domain,
  credentialRef: { name: "cloudflare" },
  ...spec
})
export const aRecord = (name: string, values: ReadonlyArray<string> = ["192.0.2.1"], spec: object = {}) => ({
  domainRef: { name: "example" },
  type: "A",
  name,
  values,
  ...spec
})
