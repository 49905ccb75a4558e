/**
 * The API server for a replica: the product's own HTTP adapter, with this where its sockets are. Calls and the openings
 * of watches meet faults as all calls do; what befalls a watch later comes some seconds after it was opened.
 */
import type { Answer, Call, Send } from "../../src/providers/kubernetes-http.ts"
import { EVENTS, LEASES, SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"
import type { FaultKind } from "../faults.ts"
import type { Process } from "../kernel.ts"
import type { Outside } from "../outside.ts"
import { type Api, type Asked, askedOf, errorLine, lineOf, type Past, refusal, type Reply } from "./api.ts"
import { Connection } from "./connection.ts"

export interface ClusterFacts {
  readonly outside: Outside
  readonly api: Api
  readonly connections: Set<Connection>
  readonly isAway: () => boolean
  /** Is told of each call around its being carried out. */
  readonly landing: (process: Process, call: Call, carryOut: () => Reply) => Reply
  /** Is told of each watch that is asked for. */
  readonly opening: (process: Process, call: Call) => void
  /** Somebody else writes that object. */
  readonly meddle: (asked: Asked) => void
}

/** One way, in milliseconds; and longer than the adapter waits for an answer. */
const WAY = [1, 60] as const
export const SLOW = [15_500, 25_000] as const
/** Until something befalls a watch that was opened, in milliseconds. */
const LATER = [100, 25_000] as const
/** What a server that is behind does not know yet, in milliseconds. */
const BEHIND = [1_000, 59_000] as const

export const sendOf =
  (world: ClusterFacts, process: Process): Send =>
  async (call, signal) => {
    signal.throwIfAborted()
    return call.query?.["watch"] === "true" ? watch(world, process, call, signal) : answer(world, process, call)
  }

const answer = async (world: ClusterFacts, process: Process, call: Call): Promise<Answer> => {
  const { api, outside } = world
  const site = siteOf(call)
  const land = (carryOut: () => Reply) => () => {
    if (world.isAway()) throw reset()
    return world.landing(process, call, carryOut)
  }
  const reply = await outside.make<Reply>({
    site,
    process,
    way: WAY,
    slow: SLOW,
    broken: reset,
    perform: land(() => api.handle(call)),
    instead: {
      throttled: land(() => refusal(429, "too many requests")),
      gone: land(() => (call.query?.["continue"] === undefined ? api.handle(call) : refusal(410, "too old"))),
      stale: land(() => api.handle(call, call.query?.["continue"] === undefined ? before(world) : undefined)),
      conflict: land(() => {
        world.meddle(askedOf(call))
        return api.handle(call)
      })
    }
  })
  return {
    statusCode: reply.status,
    headers: { "retry-after": reply.retryAfter },
    destroy: () => undefined,
    async *[Symbol.asyncIterator]() {
      yield JSON.stringify(reply.body)
    }
  }
}

const watch = async (world: ClusterFacts, process: Process, call: Call, signal: AbortSignal): Promise<Answer> => {
  const { api, outside } = world
  const open = (befalls?: FaultKind) => (): Connection | Reply => {
    if (world.isAway()) throw reset()
    world.opening(process, call)
    const refused = befalls === "throttled" ? 429 : befalls === "gone" ? 410 : undefined
    if (refused !== undefined) return refusal(refused, "not now")
    const connection = new Connection(outside, process)
    const later = (tell: () => void) => void outside.kernel.after(outside.time(LATER), tell)
    const past = befalls === "stale" ? { from: before(world), later } : undefined
    const client = { hear: (lines: string) => connection.send(lines), end: () => connection.end() }
    const end = api.open(call, client, past)
    if (typeof end !== "function") return end
    keep(world, connection, end, Number(call.query?.["timeoutSeconds"]))
    if (befalls !== undefined && befalls !== "stale") later(() => befall(world, connection, call, befalls))
    signal.addEventListener("abort", () => connection.destroy(), { once: true })
    return connection
  }
  const opened = await outside.make<Connection | Reply>({
    site: siteOf(call),
    process,
    way: WAY,
    slow: SLOW,
    broken: reset,
    perform: open(),
    instead: Object.fromEntries(BEFALLS.map((kind) => [kind, open(kind)]))
  })
  if (opened instanceof Connection) return opened
  return {
    statusCode: opened.status,
    headers: { "retry-after": opened.retryAfter },
    destroy: () => undefined,
    async *[Symbol.asyncIterator]() {
      yield JSON.stringify(opened.body)
    }
  }
}

const BEFALLS = ["throttled", "gone", "stale", "expired", "closed", "cut", "silent", "replayed"] as const

/** As long as the client asked for. */
const keep = (world: ClusterFacts, connection: Connection, end: () => void, seconds: number): void => {
  world.connections.add(connection)
  connection.onClose = () => {
    world.connections.delete(connection)
    end()
  }
  world.outside.kernel.after(seconds * 1000, () => connection.end())
}

const befall = (world: ClusterFacts, connection: Connection, call: Call, kind: FaultKind): void => {
  if (!connection.isOpen) return
  world.outside.kernel.say(`a watch of ${askedOf(call).resource.plural} meets ${kind}`)
  if (kind === "closed") connection.end()
  else if (kind === "silent") connection.silence()
  else if (kind === "cut") {
    connection.send('{"type":"MODI')
    connection.end(reset())
  } else if (kind === "expired") {
    connection.send(errorLine(410, "too old resource version"))
    connection.end()
  } else if (kind === "replayed") {
    const events = world.api.recent(askedOf(call))
    if (events.length > 0) connection.send(events.map(lineOf).join(""))
  }
}

const before = ({ api, outside }: ClusterFacts): Past => api.asOf(outside.kernel.now - outside.time(BEHIND))

export const reset = () => Object.assign(new Error("the connection was reset"), { code: "ECONNRESET" })

const siteOf = (call: Call): string => {
  const { name, resource, subresource } = askedOf(call)
  if (call.query?.["watch"] === "true") return "cluster.watch"
  if (resource.plural === EVENTS.plural) return "cluster.event"
  if (resource.plural === LEASES.plural) return call.method === "GET" ? "cluster.lease" : "cluster.renew"
  if (resource.plural === SECRETS.plural) return "cluster.secret"
  if (call.method === "GET") return name === undefined ? "cluster.list" : "cluster.get"
  return subresource === "status" ? "cluster.status" : "cluster.hold"
}
