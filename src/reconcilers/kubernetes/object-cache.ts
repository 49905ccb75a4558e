/**
 * The objects of one collection as last heard of. Pure in what it decides: each step answers what changed, and
 * nothing old takes the place of something newer, whatever order things are heard in.
 *
 *   heard                                            | then
 *   -------------------------------------------------|----------------------------------------------------
 *   an event not newer than the last one             | nothing: it is replayed
 *   an event or object not newer than what we hold   | nothing, but the version moves on with an event
 *   an object under another uid                      | the old one is deleted, then the new one is added
 *   DELETED                                          | deleted, with the last state known of it
 *   a list without an object that we hold            | deleted, with the last state known of it
 *   a list older than what was heard before          | refused: a stale server; the third in a row is believed
 *   the answer to our own write                      | as MODIFIED, unless the object is gone meanwhile
 */
import { compareVersions, type KubeObject } from "../../providers/kubernetes.ts"

export interface Change {
  /** `namespace/name`. */
  readonly key: string
  readonly before: KubeObject | undefined
  readonly after: KubeObject | undefined
}

export interface ObjectCache {
  /** Of the last event or list that was taken in whole; empty before the first list. */
  version(): string
  get(key: string): KubeObject | undefined
  entries(): IterableIterator<readonly [key: string, object: KubeObject]>
  size(): number
  /** Undefined where the list is stale. */
  replace(items: ReadonlyArray<KubeObject>, version: string): ReadonlyArray<Change> | undefined
  event(type: "ADDED" | "MODIFIED" | "DELETED", object: KubeObject): ReadonlyArray<Change>
  bookmark(version: string): void
  /** The answer to a write of ours: seen at once, before the watch tells of it. */
  observe(object: KubeObject): ReadonlyArray<Change>
  /** What was found to be so beside the watch; undefined where there is no such object. */
  correct(key: string, object: KubeObject | undefined): ReadonlyArray<Change>
  /** The server does not keep our version any more: the next watch begins with a list. */
  forget(): void
}

export const keyOf = ({ metadata: { name, namespace = "" } }: KubeObject): string => `${namespace}/${name}`

export const makeObjectCache = (): ObjectCache => {
  let objects = new Map<string, KubeObject>()
  let version = ""
  /** The newest version ever taken in; unlike `version` it outlives a 410. */
  let highest = ""
  let stale = 0

  const advance = (to: string) => {
    version = to
    if (compareVersions(to, highest) > 0) highest = to
  }
  const put = (object: KubeObject): ReadonlyArray<Change> => {
    const key = keyOf(object)
    const before = objects.get(key)
    if (before !== undefined && !isNewer(object, before)) return []
    objects.set(key, trimmed(object))
    return changesOf(key, before, object)
  }
  const drop = (object: KubeObject): ReadonlyArray<Change> => {
    const key = keyOf(object)
    const before = objects.get(key)
    // The end of one that was followed by another of the same name.
    if (before === undefined || before.metadata.uid !== object.metadata.uid) return []
    objects.delete(key)
    return [{ key, before, after: undefined }]
  }

  return {
    version: () => version,
    get: (key) => objects.get(key),
    entries: () => objects.entries(),
    size: () => objects.size,
    forget: () => {
      version = ""
    },
    bookmark: (to) => {
      if (compareVersions(to, version) > 0) advance(to)
    },
    correct: (key, object) => {
      const before = objects.get(key)
      if (object !== undefined) objects.set(key, trimmed(object))
      else objects.delete(key)
      return before === undefined && object === undefined
        ? []
        : object === undefined
          ? [{ key, before, after: undefined }]
          : changesOf(key, before, object)
    },
    observe: (object) => (objects.get(keyOf(object))?.metadata.uid === object.metadata.uid ? put(object) : []),
    event: (type, object) => {
      const { resourceVersion } = object.metadata
      if (compareVersions(resourceVersion, version) <= 0) return []
      const changes = type === "DELETED" ? drop(object) : put(object)
      advance(resourceVersion)
      return changes
    },
    replace: (items, at) => {
      if (compareVersions(at, highest) < 0 && stale < STALE_LISTS) {
        stale++
        return undefined
      }
      // A server that was restored counts anew from an older number: what it says is so, also where it is older.
      const restored = stale >= STALE_LISTS
      if (restored) highest = ""
      stale = 0
      const old = objects
      const next = new Map<string, KubeObject>()
      const changes: Array<Change> = []
      for (const object of items) {
        const key = keyOf(object)
        const before = old.get(key)
        const isSame = before !== undefined && before.metadata.uid === object.metadata.uid
        const kept = isSame && !restored && !isNewer(object, before) ? before : trimmed(object)
        next.set(key, kept)
        if (kept !== before) changes.push(...changesOf(key, before, kept))
      }
      for (const [key, before] of old) if (!next.has(key)) changes.push({ key, before, after: undefined })
      objects = next
      advance(at)
      return changes
    }
  }
}

const isNewer = (a: KubeObject, b: KubeObject) =>
  compareVersions(a.metadata.resourceVersion, b.metadata.resourceVersion) > 0

const changesOf = (key: string, before: KubeObject | undefined, after: KubeObject): ReadonlyArray<Change> =>
  before !== undefined && before.metadata.uid !== after.metadata.uid
    ? [
        { key, before, after: undefined },
        { key, before: undefined, after }
      ]
    : [{ key, before, after }]

/** Without what is large and says nothing to us. */
export const trimmed = (object: KubeObject): KubeObject => {
  const { managedFields: _managed, ...metadata } = object.metadata as KubeObject["metadata"] & {
    readonly managedFields?: unknown
  }
  const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => name !== LAST_APPLIED)
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(metadata.annotations === undefined ? {} : { annotations: Object.fromEntries(annotations) })
    }
  }
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
/** Lists in a row that may be older than what was heard before. */
const STALE_LISTS = 2
