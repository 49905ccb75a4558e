/**
 * The documents of a request, read: those that are right by themselves, and all mistakes of the others, until there
 * are more than will be told.
 */
import { Result } from "effect"
import { clusterMistakes } from "../../../model/kinds/credential.ts"
import { type Document, type KindName, parseDocument } from "../../../model/kinds/kinds.ts"
import { type Mistake, MOST_TOLD, notAllowed } from "../../../model/kinds/mistakes.ts"

export interface Key {
  readonly kind: KindName
  readonly namespace: string
  readonly name: string
}

export const keyText = ({ kind, name, namespace }: Key): string => `${kind} ${namespace} ${name}`

export interface Entry {
  /** Its place in the request. */
  readonly index: number
  readonly key: Key
  readonly document: Document
}

/** An object as it is stored. */
export interface Stored extends Key {
  readonly id: number
  readonly spec: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
  readonly generation: number
  readonly deleting: boolean
  /** Made by an object of a cluster, and kept equal to it. */
  readonly inCluster: boolean
}

/** What becomes of an object. */
export interface Put extends Entry {
  /** Undefined where it is new. */
  readonly id: number | undefined
  readonly metadata: Readonly<Record<string, unknown>>
  readonly action: "created" | "configured" | "unchanged"
  readonly generation: number
}

export const at = (index: number, mistake: Mistake): Mistake => ({
  ...mistake,
  path: `documents[${index}]${mistake.path === "" ? "" : `.${mistake.path}`}`
})

/** `inCluster`: what the documents name may be what only a cluster has. */
export function read(
  documents: ReadonlyArray<unknown>,
  inCluster = false
): {
  readonly entries: ReadonlyArray<Entry>
  readonly mistakes: ReadonlyArray<Mistake>
} {
  const entries: Array<Entry> = []
  const mistakes: Array<Mistake> = []
  const first = new Map<string, number>()
  for (const [index, input] of documents.entries()) {
    if (mistakes.length > MOST_TOLD) break
    const parsed = parseDocument(input)
    if (Result.isFailure(parsed)) {
      mistakes.push(...parsed.failure.map((mistake) => at(index, mistake)))
      continue
    }
    const document = parsed.success
    const key = { kind: document.kind, namespace: document.metadata.namespace, name: document.metadata.name }
    const before = first.get(keyText(key))
    if (before !== undefined) {
      mistakes.push(at(index, notAllowed("metadata.name", `is the same object as documents[${before}]; give it once`)))
    }
    first.set(keyText(key), before ?? index)
    if (document.kind === "Credential" && !inCluster) {
      mistakes.push(...clusterMistakes(document.spec).map((each) => at(index, { ...each, path: `spec.${each.path}` })))
    }
    entries.push({ index, key, document })
  }
  return { entries, mistakes }
}
