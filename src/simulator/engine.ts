/**
 * The simulated API as a pure machine: a call in, an answer out, and time and ids from whoever runs it. It opens no
 * socket, sets no timer and reads no clock, so a server can carry it, and so can a simulation on virtual time.
 *
 * A call goes through: size → who calls → request limit → route → faults → the endpoint. What is refused on the way
 * changes nothing.
 */
import { authenticate, type Headers } from "./auth.ts"
import type { Kind, OperationCounts } from "./calls.ts"
import type { Control } from "./control.ts"
import { makeControl } from "./control.ts"
import { controlAnswer } from "./control-api.ts"
import type { ApiRequest, ApiResponse } from "./envelope.ts"
import { answerBody, errorBody, parseBody, Refusal, UNDISTURBED, UNKNOWN_REASON } from "./envelope.ts"
import { BATCH_LISTS } from "./batch.ts"
import type { Mishap } from "./faults.ts"
import type { Endpoint } from "./routes.ts"
import { findRoute } from "./routes.ts"
import type { EngineOptions } from "./state.ts"
import { SimulatorState } from "./state.ts"

export type { EngineOptions } from "./state.ts"

export interface Engine {
  handle(request: ApiRequest): ApiResponse
  readonly control: Control
}

/** Bytes; a batch of 3,500 records with long comments stays well below. */
export const MAX_BODY = 16 * 1024 * 1024

export const makeEngine = (options: EngineOptions): Engine => {
  const state = new SimulatorState(options)
  const control = makeControl(state)
  return {
    control,
    handle: (request) =>
      request.path.startsWith("/control") ? controlAnswer(control, request) : answerCall(state, request)
  }
}

/** A call on its way through; what is known of it so far decides its headers and its line in the log. */
interface Passage {
  readonly request: ApiRequest
  readonly method: string
  readonly endpoint: Endpoint | undefined
  credential: string
  mishap: Mishap
}

const NOTHING_HAPPENS: Mishap = { delayMs: 0, edits: [] }

const answerCall = (state: SimulatorState, request: ApiRequest): ApiResponse => {
  const method = request.method.toUpperCase()
  const route = findRoute(request.path)
  const passage: Passage = {
    request,
    method,
    endpoint: route.endpoints[method],
    credential: "",
    mishap: NOTHING_HAPPENS
  }
  const response = answered(state, passage, () => {
    if ((request.body?.length ?? 0) > MAX_BODY) throw new Refusal(413, UNKNOWN_REASON, "Request body is too large.")
    const caller = authenticate(
      lowerCased(request.headers),
      state.tokens,
      state.options.userKey,
      passage.endpoint?.kind === "verify"
    )
    passage.credential = caller.credential
    limitCalls(state, passage)
    const { endpoint } = passage
    if (endpoint === undefined) throw noRoute(passage, Object.keys(route.endpoints).length > 0)
    passage.mishap = state.faults.meet({
      kind: endpoint.kind,
      method,
      path: request.path,
      query: request.query ?? "",
      body: request.body ?? ""
    })
    if (passage.mishap.answer !== undefined) return injected(passage.mishap.answer)
    if (passage.mishap.lose?.when === "before") return { status: 0, headers: {}, body: "" }
    const query = new URLSearchParams(request.query ?? "")
    const call = { state, caller, ids: route.ids, query, body: request.body, page: passage.mishap.page }
    const answer = endpoint.run(call)
    for (const edit of passage.mishap.edits) makeControl(state).edit(edit)
    return json(200, answerBody(answer))
  })
  state.calls.add({
    at: state.options.now(),
    kind: passage.endpoint?.kind ?? "none",
    method,
    path: request.path,
    query: request.query ?? "",
    operations: operationsOf(passage.endpoint?.kind, request.body),
    status: response.status,
    lost: response.transport.cut !== "none"
  })
  return response
}

type Plain = Pick<ApiResponse, "status" | "headers" | "body">

const answered = (state: SimulatorState, passage: Passage, work: () => Plain): ApiResponse => {
  const plain = refusable(state, work)
  const { delayMs, lose } = passage.mishap
  const transport = lose === undefined ? { ...UNDISTURBED, delayMs } : { delayMs, cut: lose.how ?? "close" }
  const limit = state.limiter.headers(passage.credential, state.options.now())
  return { ...plain, headers: { ...plain.headers, ...limit }, transport }
}

const refusable = (state: SimulatorState, work: () => Plain): Plain => {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const { body, headers, status } = json(error.status, errorBody(error, state.dialect.errorStyle))
    return { status, body, headers: { ...headers, ...error.headers } }
  }
}

const json = (status: number, body: string): Plain => ({
  status,
  headers: { "Content-Type": "application/json" },
  body
})

const limitCalls = ({ limiter, options }: SimulatorState, { credential }: Passage) => {
  if (limiter.take(credential, options.now())) return
  const seconds = limiter.secondsLeft(credential, options.now())
  throw new Refusal(429, 10429, RATE_LIMITED, [], { "Retry-After": String(seconds) })
}

const RATE_LIMITED = "Rate limited. Please wait and consider throttling your request speed"

const noRoute = ({ method, request }: Passage, isPath: boolean) =>
  isPath
    ? new Refusal(405, 7001, `Method ${method} not available for that URI.`)
    : new Refusal(404, 7000, `No route for ${request.path}.`)

const injected = ({ body, code, message, retryAfterSeconds, status }: NonNullable<Mishap["answer"]>): Plain => {
  const retry: Readonly<Record<string, string>> =
    retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) }
  if (body === "html") {
    const page = `<!DOCTYPE html><html><head><title>${status}</title></head><body>cloudflare</body></html>`
    return { status, headers: { "Content-Type": "text/html", ...retry }, body: page }
  }
  const text = message ?? (status === 429 ? RATE_LIMITED : "Injected fault")
  const refusal = new Refusal(status, code ?? (status === 429 ? 10429 : UNKNOWN_REASON), text)
  const plain = json(status, errorBody(refusal, "flat"))
  return { ...plain, headers: { ...plain.headers, ...retry } }
}

const operationsOf = (kind: Kind | undefined, text: string | undefined): OperationCounts => {
  if (kind !== "batch") return {}
  try {
    const body = parseBody(text)
    return Object.fromEntries(
      BATCH_LISTS.map((list) => [list, Array.isArray(body[list]) ? body[list].length : 0]).filter(([, count]) => count)
    )
  } catch {
    return {}
  }
}

const lowerCased = (headers: Headers = {}): Headers =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
