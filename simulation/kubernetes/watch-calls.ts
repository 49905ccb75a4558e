/**
 * What must hold of every call to the API server of a cluster:
 *
 *   K4  at rest nothing is written but the Lease
 *   K5  a Secret that no Credential refers to is not read, and nothing is asked for that the chart's rules do not give
 *   K6  who lost the Lease writes nothing any more once it can know
 *   S10 no token is in what is written
 */
import { Duration } from "effect"
import { KIND_NAMES } from "../../src/model/kinds/kinds.ts"
import type { Call } from "../../src/providers/kubernetes-http.ts"
import { RENEW_DEADLINE } from "../../src/reconcilers/kubernetes/lease.ts"
import { EVENTS, LEASES, resourceOf, SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"
import { rights } from "../../src/reconcilers/kubernetes/rbac.ts"
import { secretRefOf } from "../../src/reconcilers/kubernetes/secret.ts"
import type { Kernel, Process } from "../kernel.ts"
import { type Api, type Asked, askedOf, type Reply } from "./api.ts"
import { SLOW } from "./carrier.ts"
import type { StoreWatch } from "../watch-store.ts"
import type { Told } from "./watch-objects.ts"

export interface CallFacts {
  readonly kernel: Kernel
  readonly api: Api
  readonly settledAt: () => number | undefined
  readonly store: StoreWatch
  /** When a process last stood still, or lost a call. */
  readonly disturbedAt: (process: Process) => number
  readonly secrets: ReadonlyArray<string>
  /** Is told of each status that was written. */
  readonly told: (call: Call) => void
}

export class CallWatch {
  /** Secrets that a Credential has referred to, ever. */
  readonly #referred = new Set<string>()
  readonly #facts: CallFacts
  #holder = { name: "", since: 0 }

  constructor(facts: CallFacts) {
    this.#facts = facts
    facts.api.follow((_kind, _type, object) => {
      const secret = secretRefOf(object)
      if (secret !== undefined) this.#referred.add(`${object.metadata.namespace}/${secret.name}`)
    })
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
    const told = asked.subresource === "status" ? ` ${toldBy(call)}` : ""
    kernel.say(`cluster answers ${process.name} ${call.method} ${what}${told} with ${reply.status}`)
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
    // A pass after one that failed, or was not heard to end, makes up for what that one may have left behind.
    const isExcused =
      asked.resource.plural === EVENTS.plural
        ? settled !== undefined && kernel.now - settled <= LAST_EVENTS
        : (this.#facts.store.work.get(keyOf(asked))?.attempts ?? 0) > 1
    if (settled !== undefined && !isExcused) {
      kernel.fail("K4", `${process.name} writes ${call.path} although all had converged: ${JSON.stringify(call.body)}`)
    }
    const since = Math.max(this.#holder.since, disturbedAt(process))
    if (this.#holder.name !== process.name && kernel.now - since > KNOWS) {
      kernel.fail("K6", `${process.name} writes ${call.path}; the Lease is ${this.#holder.name}'s since ${since}`)
    }
    if (asked.subresource === "status") this.#facts.told(call)
  }
}

/** In the work table. */
const keyOf = ({ name, namespace, resource: { plural } }: Asked) =>
  `${KIND_NAMES.find((kind) => resourceOf(kind).plural === plural)}/${namespace}/${name}`

const toldBy = ({ body }: Call): string => {
  const { conditions = [], observedGeneration } = (body as { readonly status: Told }).status
  const ready = conditions.find(({ type }) => type === "Ready")
  return `(generation ${observedGeneration}, Ready ${ready?.status} ${ready?.reason})`
}

/** Events are told one after the other, at a bounded pace, and the first may be a slow call. */
const LAST_EVENTS = SLOW[1] + 10_000
/** Renewals fail for so long at most before who holds the Lease gives up; what it sent may take as long as a slow call. */
const KNOWS = Duration.toMillis(RENEW_DEADLINE) + SLOW[1]
