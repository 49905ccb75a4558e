/**
 * People with kubectl. What the API server does not take now they try again; a deletion is waited for, and only then
 * do they go on with the object of that name.
 */
import { KubernetesError, type KubeObject, type Place } from "../../src/providers/kubernetes.ts"
import { API_VERSION } from "../../src/model/kinds/metadata.ts"
import { KIND_NAMES } from "../../src/model/kinds/kinds.ts"
import { FINALIZER, placeOf, resourceOf, SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"
import type { Kernel } from "../kernel.ts"
import { type Step, wordsOf } from "../steps.ts"
import { type Api, withDefaults } from "./api.ts"
import type { Told } from "./end.ts"

export type KubectlStep = Extract<Step, { readonly do: `kubectl ${string}` }>
export const isKubectl = (step: Step): step is KubectlStep => step.do.startsWith("kubectl ")

export interface UserFacts {
  readonly kernel: Kernel
  readonly api: Api
  readonly isAway: () => boolean
  readonly stripped: (uid: string) => void
  readonly tokens: ReadonlyArray<string>
}

/** Between two tries, in milliseconds. */
const PATIENCE = 1_000
/** Of all that is made here unless it says otherwise. */
export const NAMESPACE = "team"

export class Users {
  /** Wishes that are not fulfilled yet. */
  open = 0
  readonly #facts: UserFacts
  /** By object, in order; the first is under way. */
  readonly #wishes = new Map<string, Array<KubectlStep>>()

  constructor(facts: UserFacts) {
    this.#facts = facts
  }

  ask(step: KubectlStep): void {
    this.open++
    const wishes = this.#wishes.get(nameOf(step)) ?? []
    this.#wishes.set(nameOf(step), [...wishes, step])
    if (wishes.length === 0) this.#try(step)
  }

  #try(step: KubectlStep): void {
    const { kernel } = this.#facts
    if (!this.#attempt(step)) return void kernel.after(PATIENCE, () => this.#try(step))
    kernel.say(`${wordsOf(step)}: done`)
    this.open--
    const [, ...rest] = this.#wishes.get(nameOf(step)) ?? []
    this.#wishes.set(nameOf(step), rest)
    if (rest[0] !== undefined) this.#try(rest[0])
  }

  /** Whether it stands. */
  #attempt(step: KubectlStep): boolean {
    if (this.#facts.isAway()) return false
    try {
      return this.#act(step)
    } catch (error) {
      if (error instanceof KubernetesError) return false
      throw error
    }
  }

  #act(step: KubectlStep): boolean {
    const { api, stripped, tokens } = this.#facts
    const { memory } = api
    const { namespace = NAMESPACE } = step
    switch (step.do) {
      case "kubectl apply": {
        const place = placeOf({ ...step, namespace })
        if (step.onceReady !== undefined && !this.#isReady({ ...place, name: step.onceReady })) return false
        const body = { apiVersion: API_VERSION, kind: step.kind, spec: step.spec }
        const found = memory.find(place)
        // The wish would go with the object.
        if (found?.metadata.deletionTimestamp !== undefined) return false
        if (found === undefined) api.create(place, body)
        else memory.replace(place, { ...found, ...(withDefaults(step.kind, body) as Partial<KubeObject>) })
        return true
      }
      case "kubectl annotate": {
        const body = { metadata: { annotations: { [step.annotation]: "true" } } }
        memory.patch(placeOf({ ...step, namespace }), { how: "merge", body })
        return true
      }
      case "kubectl strip": {
        const place = placeOf({ ...step, namespace })
        const found = memory.find(place)
        if (found === undefined) return true
        stripped(found.metadata.uid)
        const finalizers = (found.metadata.finalizers ?? []).filter((each) => each !== FINALIZER)
        memory.patch(place, { how: "merge", body: { metadata: { finalizers } } })
        return true
      }
      case "kubectl delete": {
        const place = placeOf({ ...step, namespace })
        if (memory.find(place) !== undefined) memory.delete(place)
        return memory.find(place) === undefined
      }
      case "kubectl secret": {
        const place = { resource: SECRETS, namespace, name: step.name }
        const isThere = memory.find(place) !== undefined
        if (step.token === null) {
          if (isThere) memory.delete(place)
          return true
        }
        const body = { data: { token: Buffer.from(tokens[step.token] ?? "").toString("base64") } }
        if (isThere) memory.patch(place, { how: "merge", body })
        else api.create(place, body)
        return true
      }
      case "kubectl delete namespace":
        return this.#endNamespace(namespace)
    }
  }

  #isReady(place: Place): boolean {
    const { conditions = [] } = (this.#facts.api.memory.find(place)?.status ?? {}) as Told
    return conditions.some(({ status, type }) => type === "Ready" && status === "True")
  }

  /** All in it is deleted, in no order that anybody could rely on. */
  #endNamespace(namespace: string): boolean {
    const { api } = this.#facts
    api.ending.add(namespace)
    const resources = [SECRETS, ...KIND_NAMES.map(resourceOf)]
    const all = resources.flatMap((resource) =>
      api.memory.all({ resource, namespace }).map((each) => ({ each, resource }))
    )
    for (const { each, resource } of all) api.memory.delete({ resource, namespace, name: each.metadata.name })
    const isEmpty = resources.every((resource) => api.memory.all({ resource, namespace }).length === 0)
    if (isEmpty) api.ending.delete(namespace)
    return isEmpty
  }
}

const nameOf = (step: KubectlStep): string => {
  const namespace = step.namespace ?? NAMESPACE
  return "kind" in step ? `${namespace}/${step.kind}/${step.name}` : `${namespace}/${step.do}`
}
