/**
 * Cloudflare for a replica: the product's own adapter, with the simulator's engine where the SDK and its sockets are.
 * What is on its way when a caller dies or gives up may still land, though never after the time that the work row names.
 */
import { Duration, Redacted } from "effect"
import { WRITE_MARGIN } from "../src/database/work.ts"
import type { Carrier, Failed } from "../src/providers/cloudflare.ts"
import type { ApiRequest, ApiResponse } from "../src/simulator/envelope.ts"
import type { Engine } from "../src/simulator/engine.ts"
import type { Process } from "./kernel.ts"
import type { Outside } from "./outside.ts"

export interface ProviderWorld {
  readonly outside: Outside
  readonly engine: Engine
  /** Answers as the zones were a while ago. */
  readonly past: () => Engine
  /** What reads are answered by now. */
  readonly readable: () => Engine
  /** Each answer takes seconds. */
  readonly isSlow: () => boolean
  /** Is told of each call when it starts. */
  readonly starting: (process: Process, site: string, request: ApiRequest) => void
  /** Is told of each call before and after it was carried out. */
  readonly landing: (process: Process, request: ApiRequest, carryOut: () => ApiResponse) => ApiResponse
  /** Is told when an answer reached its caller. */
  readonly answered: (process: Process, request: ApiRequest, response: ApiResponse) => void
  /** Milliseconds until a write for this path can no longer land. */
  readonly lands: (path: string) => number
}

/** One way, in milliseconds; and longer than the adapter waits for any answer. */
const WAY = [5, 150] as const
/** There and back within the ten seconds that the adapter waits for. */
const LONG_WAY = [2_000, 4_900] as const
const SLOW = [30_500, 40_000] as const

export const carrierOf = (world: ProviderWorld, process: Process): Carrier => {
  const send = async (
    method: string,
    token: Redacted.Redacted<string>,
    path: string,
    query: string,
    signal: AbortSignal,
    body?: string
  ) => {
    const request: ApiRequest = {
      method,
      path: `/client/v4${path}`,
      query,
      headers: { authorization: `Bearer ${Redacted.value(token)}` },
      ...(body === undefined ? {} : { body })
    }
    const site = siteOf(path)
    world.starting(process, site, request)
    const response = await world.outside.make<ApiResponse>({
      site,
      process,
      way: world.isSlow() ? LONG_WAY : WAY,
      slow: SLOW,
      broken: () => new Broken(),
      perform: () =>
        world.landing(process, request, () => (method === "GET" ? world.readable() : world.engine).handle(request)),
      ...(method === "POST" ? { stray: { margin: MARGIN, window: () => world.lands(path), signal } } : {}),
      ...(method === "GET" ? { instead: { stale: () => world.past().handle(request) } } : {})
    })
    // The engine says how the connection ends; there is none here, so it only counts that it ends early.
    if (response.transport.cut !== "none" || response.status === 0) throw new Broken()
    // Who gave up does not hear it any more.
    if (!signal.aborted) world.answered(process, request, response)
    if (response.status >= 400) throw new Refused(response)
    return { data: readJson(response.body), headers: new Headers(response.headers) }
  }
  return {
    open: (token) => ({
      get: (path, signal, query) => send("GET", token, path, new URLSearchParams(strings(query)).toString(), signal),
      post: (path, signal, body) => send("POST", token, path, "", signal, JSON.stringify(body))
    }),
    read
  }
}

/** What was given up lands within the margin that the product allows for it. */
const MARGIN = Duration.toMillis(WRITE_MARGIN) - 1

const siteOf = (path: string) =>
  path.endsWith("/batch") ? "provider.batch" : path.endsWith("/dns_records") ? "provider.list" : "provider.zones"

const strings = (query: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(query).map(([name, value]) => [name, String(value)]))

class Broken extends Error {}

class Refused extends Error {
  readonly response: ApiResponse
  constructor(response: ApiResponse) {
    super(`HTTP ${response.status}`)
    this.response = response
  }
}

const read = (cause: unknown): Failed =>
  cause instanceof Refused
    ? {
        status: cause.response.status,
        headers: new Headers(cause.response.headers),
        body: readJson(cause.response.body),
        message: "no readable answer"
      }
    : { status: undefined, headers: undefined, body: undefined, message: "the provider could not be reached" }

/** Undefined for what is no JSON: a page of a proxy in between. */
const readJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
