/**
 * The Kubernetes port over HTTP. Every call has a bound; a watch is read as fast as its reader takes it, and its
 * connection is closed with it, also in the middle of a wait. A 401 reads the credentials again once.
 */
import { Cause, Duration, Effect, Layer, Stream } from "effect"
import { type IncomingMessage, request as requestHttp } from "node:http"
import { request as requestHttps } from "node:https"
import type { ClusterAccess } from "./kubernetes-access.ts"
import { errorOf, pageOf, unavailable, watchEvents } from "./kubernetes-wire.ts"
import { asObject, failure, FIELD_MANAGER, Invalid, Kubernetes, type KubernetesError, pathOf } from "./kubernetes.ts"
import type { Patch, Place, WatchEvent, WatchRequest } from "./kubernetes.ts"

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH"
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly contentType?: string
}

/** The head of an answer; its body is read as it comes. As Node's own messages are. */
export interface Answer extends AsyncIterable<unknown> {
  readonly statusCode?: number | undefined
  readonly headers: { readonly "retry-after"?: string | undefined }
  destroy(): unknown
}

/** Sends one request; `refresh` reads the credentials anew before. The simulation has another one than sockets. */
export type Send = (call: Call, signal: AbortSignal, refresh: boolean) => Promise<Answer>

export const layerHttp = (access: ClusterAccess) => layerOver(overSockets(access))

export const layerOver = (send: Send) =>
  Layer.succeed(Kubernetes, {
    list: (scope, page) =>
      json(send, {
        method: "GET",
        path: pathOf(scope),
        query: { limit: String(page.limit), continue: page.continue, labelSelector: selectorOf(page.labels) }
      }).pipe(Effect.flatMap(pageOf)),
    watch: (request) => watch(send, request),
    get: (place) =>
      json(send, { method: "GET", path: pathOf(place) }).pipe(
        Effect.flatMap(objectOf),
        Effect.catchReason("KubernetesError", "NotFound", () => Effect.succeed(null))
      ),
    create: (place, body) =>
      json(send, {
        method: "POST",
        path: pathOf({ resource: place.resource, namespace: place.namespace }),
        query: MANAGED,
        body
      }).pipe(Effect.flatMap(objectOf)),
    replace: (place, body) =>
      json(send, { method: "PUT", path: pathOf(place), query: MANAGED, body }).pipe(Effect.flatMap(objectOf)),
    patch: (place, patch) => json(send, patchCall(place, patch)).pipe(Effect.flatMap(objectOf))
  })

const selectorOf = (labels: Readonly<Record<string, string>> = {}): string | undefined =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(",") || undefined

const MANAGED = { fieldManager: FIELD_MANAGER }

const patchCall = (place: Place, { body, how, subresource }: Patch): Call => ({
  method: "PATCH",
  path: pathOf({ ...place, ...(subresource === undefined ? {} : { subresource }) }),
  query: how === "apply" ? { ...MANAGED, force: "true" } : MANAGED,
  body,
  contentType: how === "apply" ? "application/apply-patch+yaml" : "application/merge-patch+json"
})

const objectOf = (body: unknown) => {
  const object = asObject(body)
  return object === undefined
    ? Effect.fail(failure(new Invalid({ message: "the answer is no object" })))
    : Effect.succeed(object)
}

/** One call with its whole answer. */
const json = (send: Send, call: Call): Effect.Effect<unknown, KubernetesError> =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await answered(send, call, signal)
      let text = ""
      for await (const chunk of response) text += String(chunk)
      return { status: response.statusCode ?? 0, retryAfter: response.headers["retry-after"], text }
    },
    catch: unavailable
  }).pipe(
    Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.fail(silent(PATIENCE)) }),
    Effect.flatMap(({ retryAfter, status, text }) =>
      status < 300
        ? Effect.try({ try: (): unknown => JSON.parse(text), catch: unavailable })
        : Effect.fail(errorOf(status, retryAfter, text))
    ),
    Effect.withSpan(
      `kubernetes.${call.method.toLowerCase()}`,
      { attributes: { path: call.path } },
      { captureStackTrace: false }
    )
  )

const watch = (send: Send, request: WatchRequest) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const { signal } = yield* Effect.acquireRelease(
        Effect.sync(() => new AbortController()),
        (controller) => Effect.sync(() => controller.abort())
      )
      const response = yield* Effect.tryPromise({
        try: () => answered(send, watchCall(request), signal),
        catch: unavailable
      }).pipe(Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.fail(silent(PATIENCE)) }))
      const status = response.statusCode ?? 0
      if (status >= 300) {
        const text = yield* Effect.tryPromise({ try: () => beginning(response), catch: unavailable }).pipe(
          Effect.timeoutOrElse({ duration: PATIENCE, orElse: () => Effect.fail(silent(PATIENCE)) })
        )
        return Stream.fail(errorOf(status, response.headers["retry-after"], text))
      }
      const idle = Duration.seconds(request.timeoutSeconds + IDLE_MARGIN)
      const lines = lineReader(response)
      return Stream.fromEffectRepeat(
        Effect.tryPromise({ try: () => lines(), catch: unavailable }).pipe(
          Effect.timeoutOrElse({ duration: idle, orElse: () => Effect.fail(silent(idle)) }),
          Effect.flatMap((read): Effect.Effect<ReadonlyArray<WatchEvent>, KubernetesError | Cause.Done> =>
            read === undefined ? Cause.done() : watchEvents(read)
          )
        )
      )
    })
  )

const watchCall = ({ resourceVersion, timeoutSeconds, ...scope }: WatchRequest): Call => ({
  method: "GET",
  path: pathOf(scope),
  query: {
    watch: "true",
    allowWatchBookmarks: "true",
    timeoutSeconds: String(timeoutSeconds),
    ...(resourceVersion === undefined
      ? { sendInitialEvents: "true", resourceVersionMatch: "NotOlderThan" }
      : { resourceVersion })
  }
})

/** Complete lines as they come, undefined at the end. What is not asked for is not read from the connection. */
export const lineReader = (response: AsyncIterable<unknown>) => {
  const chunks = response[Symbol.asyncIterator]()
  let rest = ""
  return async (): Promise<ReadonlyArray<string> | undefined> => {
    for (;;) {
      const { done, value } = await chunks.next()
      if (done === true) {
        if (rest.trim() !== "") throw new Error("the watch ended in the middle of an event")
        return undefined
      }
      const text: string = rest + String(value)
      const end = text.lastIndexOf("\n")
      rest = text.slice(end + 1)
      if (rest.length > MOST_LINE) throw new Error(`an event is longer than ${MOST_LINE} characters`)
      const lines =
        end === -1
          ? []
          : text
              .slice(0, end)
              .split("\n")
              .filter((line) => line.trim() !== "")
      if (lines.length > 0) return lines
    }
  }
}

/** The answer's head; credentials are read anew when they are refused, once. */
async function answered(send: Send, call: Call, signal: AbortSignal): Promise<Answer> {
  const response = await send(call, signal, false)
  if (response.statusCode !== 401) return response
  response.destroy()
  return send(call, signal, true)
}

const overSockets =
  (access: ClusterAccess): Send =>
  async (call, signal, refresh) => {
    const { body, contentType = "application/json", method, path, query = {} } = call
    const { headers, watchAgent, ...options } = await access.authorize(refresh)
    signal.throwIfAborted()
    const url = new URL(access.server)
    url.pathname = `${url.pathname.replace(/\/$/u, "")}${path}`
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body))
    const { promise, reject, resolve } = Promise.withResolvers<IncomingMessage>()
    const request = (url.protocol === "http:" ? requestHttp : requestHttps)(url, {
      ...options,
      ...(watchAgent !== undefined && query["watch"] === "true" ? { agent: watchAgent } : {}),
      method,
      signal,
      headers: {
        ...headers,
        accept: "application/json",
        "user-agent": FIELD_MANAGER,
        ...(payload === undefined ? {} : { "content-type": contentType, "content-length": payload.length })
      }
    })
    request.on("error", reject).on("response", (response) => {
      // A reset after the head is told to whoever reads; with no reader it must not end the process.
      response.setEncoding("utf8").on("error", () => {})
      resolve(response)
    })
    request.end(payload)
    return promise
  }

/** Of a refusal, to say why. */
async function beginning(response: Answer): Promise<string> {
  let text = ""
  for await (const chunk of response) {
    text += String(chunk)
    if (text.length > MOST_REFUSAL) break
  }
  return text
}

const silent = (after: Duration.Duration) => unavailable(new Error(`no answer in ${Duration.format(after)}`))

const PATIENCE = Duration.seconds(15)
/** Seconds after which a watch that the server should have ended is given up. */
const IDLE_MARGIN = 5
/** An object has 1.5 MiB at most. */
const MOST_LINE = 8 * 1024 * 1024
const MOST_REFUSAL = 64 * 1024
