/** The names that objects of a cluster and we agree on. Each kind's resource follows from its row in the model. */
import { API_GROUP } from "../../model/kinds/metadata.ts"
import { KIND_NAMES, type KindName, kinds } from "../../model/kinds/kinds.ts"
import type { KubeObject, Place, Resource } from "../../providers/kubernetes.ts"

/** While an object has it, what the object made outside is not confirmed to be gone. */
export const FINALIZER = `${API_GROUP}/cleanup`

/** `"true"`: take over what was made over HTTP, by SQL or by `driftless apply`, and is asked for by this object. */
export const ADOPT = `${API_GROUP}/adopt`

/** `"true"` on an object that is being deleted: let it go, and leave the provider as it is. */
export const ABANDON = `${API_GROUP}/abandon`

/** The fence of the last pass that went on after one that failed: written for no one to read, to give the object a new version. */
export const FENCE = `${API_GROUP}/fence`

export const resourceOf = (kind: KindName): Resource => ({
  group: API_GROUP,
  version: "v1alpha1",
  plural: kinds[kind].plural
})

export const SECRETS: Resource = { group: "", version: "v1", plural: "secrets" }
export const EVENTS: Resource = { group: "events.k8s.io", version: "v1", plural: "events" }
export const LEASES: Resource = { group: "coordination.k8s.io", version: "v1", plural: "leases" }

/** Which object; its text is the key in the work table. */
export interface ObjectKey {
  readonly kind: KindName
  readonly namespace: string
  readonly name: string
}

export const textOf = ({ kind, name, namespace }: ObjectKey): string => `${kind}/${namespace}/${name}`

/** Undefined for what no object of ours can be called. */
export function parseKey(text: string): ObjectKey | undefined {
  const [word, namespace, name, ...rest] = text.split("/")
  const kind = KIND_NAMES.find((each) => each === word)
  return kind === undefined || namespace === undefined || name === undefined || rest.length > 0
    ? undefined
    : { kind, namespace, name }
}

export const placeOf = ({ kind, name, namespace }: ObjectKey): Place => ({
  resource: resourceOf(kind),
  namespace,
  name
})

export const isDeleting = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp !== undefined

export const isHeld = ({ metadata }: KubeObject): boolean => metadata.finalizers?.includes(FINALIZER) === true

export const isAnnotated = ({ metadata }: KubeObject, annotation: string): boolean =>
  metadata.annotations?.[annotation] === "true"

/**
 * What of an object can make work: who it is, what it asks for, and how it is held. Our own statuses do not change
 * it, nor does anybody's label. Equal for two states that ask for the same.
 */
export const fingerprintOf = (object: KubeObject): string => {
  const { generation = 0, uid } = object.metadata
  const flags = [isDeleting(object), isHeld(object), isAnnotated(object, ADOPT), isAnnotated(object, ABANDON)]
  return `${uid} ${generation} ${flags.map((flag) => (flag ? "1" : "0")).join("")}`
}
