/** A cluster in the world: its API server, people with kubectl, what watches over it, and what befalls it. */
import { Duration } from "effect"
import type { KubernetesLayerOptions } from "../../src/reconcilers/kubernetes/layer.ts"
import { SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"
import type { Process } from "../kernel.ts"
import type { Outside } from "../outside.ts"
import { type Random, randomOf } from "../random.ts"
import { type Step, wordsOf } from "../steps.ts"
import { Api, type Asked, errorLine } from "./api.ts"
import { type ClusterFacts, reset, sendOf } from "./carrier.ts"
import type { Connection } from "./connection.ts"
import { Users } from "./users.ts"
import { type CallFacts, CallWatch } from "./watch-calls.ts"
import { type ObjectFacts, ObjectWatch } from "./watch-objects.ts"

export type ClusterStep = Extract<Step, { readonly do: `cluster ${string}` }>
export const isCluster = (step: Step): step is ClusterStep => step.do.startsWith("cluster ")

export interface ClusterOptions
  extends Omit<ObjectFacts, "kernel" | "api">, Omit<CallFacts, "kernel" | "api" | "told"> {
  readonly outside: Outside
  /** The tokens that Secrets hold. */
  readonly tokens: ReadonlyArray<string>
  /** Whether a watch may begin with what is there: since Kubernetes 1.32. */
  readonly initialEvents: boolean
}

/** How the intake runs here: with waits that fit into a run. */
const TUNING = {
  watchSeconds: [20, 40],
  mostWait: Duration.seconds(10),
  healthyAfter: Duration.seconds(15),
  page: 2
} as const
/** Where the server cannot begin a watch with what is there. Elsewhere no run waits for it: the watch must do alone. */
const RELIST = Duration.minutes(1)

/** Seconds. */
const BOOKMARKS = 10

export class Cluster {
  readonly api: Api
  readonly users: Users
  readonly objects: ObjectWatch
  readonly #facts: ClusterFacts
  readonly #random: Random
  readonly #tokens: ReadonlyArray<string>
  #awayUntil = 0

  constructor({ initialEvents, outside, tokens, ...rest }: ClusterOptions) {
    const { kernel } = outside
    this.#random = randomOf(kernel.seed, "cluster")
    this.#tokens = tokens
    this.api = new Api(() => kernel.now, initialEvents)
    this.objects = new ObjectWatch({ ...rest, kernel, api: this.api })
    const calls = new CallWatch({ ...rest, kernel, api: this.api, told: (call) => this.objects.told(call) })
    const isAway = () => kernel.now < this.#awayUntil
    this.users = new Users({ kernel, api: this.api, isAway, tokens, stripped: (uid) => this.objects.stripped(uid) })
    this.#facts = {
      outside,
      api: this.api,
      connections: new Set<Connection>(),
      isAway,
      landing: (process, call, carryOut) => calls.landing(process, call, carryOut),
      opening: (process, call) => calls.opening(process, call),
      meddle: (asked) => this.#meddle(asked)
    }
    const bookmark = () => {
      this.api.memory.bookmark()
      kernel.after(BOOKMARKS * 1000, bookmark)
    }
    kernel.after(BOOKMARKS * 1000, bookmark)
  }

  sendOf(process: Process) {
    return sendOf(this.#facts, process)
  }

  intakeOf(process: Process): KubernetesLayerOptions {
    return {
      concurrency: 4,
      credentialSources: [],
      watchNamespaces: [],
      secretNamespaces: [],
      lease: { namespace: "driftless", name: "driftless", owner: process.name },
      tuning: this.api.memory.options.initialEvents === true ? TUNING : { ...TUNING, relistEvery: RELIST }
    }
  }

  /** Another controller says something of its own: a label, or a condition in the status. */
  #meddle({ name, namespace = "", resource }: Asked): void {
    const { memory } = this.api
    const place = { resource, namespace, name: name ?? "" }
    if (memory.find(place) === undefined) return
    const text = String(this.#random.between(1, 1_000_000))
    if (resource.group === "driftless.dev" && this.#random.chance(0.5)) {
      const body = { status: { conditions: [{ type: "Audited", status: "True", reason: `R${text}` }] } }
      memory.patch(place, { how: "apply", subresource: "status", body }, "auditor")
    } else memory.patch(place, { how: "merge", body: { metadata: { labels: { audit: text } } } })
  }

  happen(step: ClusterStep): void {
    const { kernel } = this.#facts.outside
    kernel.say(wordsOf(step))
    switch (step.do) {
      case "cluster away":
        this.#awayUntil = kernel.now + step.seconds * 1000
        return this.#cut()
      case "cluster forgets":
        this.api.memory.compact()
        return this.#cut()
      case "cluster expires":
        this.api.memory.compact()
        for (const connection of this.#facts.connections) {
          connection.send(errorLine(410, "too old resource version"))
          connection.end()
        }
        return
      case "cluster closes":
        for (const connection of this.#facts.connections) connection.end()
        return
      case "cluster meddles":
        for (const [plural, { metadata }] of this.api.past.at(-1)?.objects ?? []) {
          const resource = { group: "driftless.dev", version: "v1alpha1", plural }
          const { name, namespace = "" } = metadata
          this.#meddle({ resource, namespace, name, subresource: undefined })
        }
    }
  }

  #cut(): void {
    for (const connection of this.#facts.connections) connection.end(reset())
  }

  /** Those with a token, which is told by its number. */
  secrets() {
    return this.api.memory.all({ resource: SECRETS }).map(({ data, metadata: { name, namespace = "" } }) => {
      const { token = "" } = data as { readonly token?: string }
      return { name, namespace, token: this.#tokens.indexOf(Buffer.from(token, "base64").toString()) }
    })
  }

  becalm(): void {
    this.#awayUntil = 0
  }
}
