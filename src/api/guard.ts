/**
 * What surrounds every request: bounds on its size and its time, and the envelope for whatever the contract does not
 * answer itself: unknown routes, wrong methods, bodies that are too long or cannot be read, and defects.
 */
import { ByteSize, Cause, type Duration, Effect } from "effect"
import { HttpRouter, HttpServerRequest, HttpServerResponse } from "effect/http"
import { Api } from "./api.ts"

export interface GuardOptions {
  /** How long one request may take. */
  readonly timeout: Duration.Duration
}

export const layer = ({ timeout }: GuardOptions) =>
  HttpRouter.middleware(
    (respond) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const path = request.url.split("?")[0] ?? ""
        const limit = path.startsWith("/api/v1/manifests") ? DOCUMENTS_LIMIT : BODY_LIMIT
        if (Number(request.headers["content-length"] ?? 0) > limit) return tooLarge(limit)
        return yield* respond.pipe(
          Effect.provideService(HttpServerRequest.MaxBodySize, ByteSize.bytes(limit)),
          Effect.map(enveloped),
          Effect.timeoutOrElse({ duration: timeout, orElse: () => Effect.succeed(tooSlow) }),
          // Middleware runs uninterruptibly, and a race in there would outlive the caller and the stop of the process.
          Effect.interruptible,
          Effect.catchCause((cause) => answerTo(cause, request.method, path, limit))
        )
      }),
    { global: true }
  )

const answerTo = (cause: Cause.Cause<unknown>, method: string, path: string, limit: number) => {
  const errors = cause.reasons.map((reason) =>
    reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : undefined
  )
  if (errors.some((error) => reasonOf(error)?._tag === "RouteNotFound")) return Effect.succeed(noRoute(method, path))
  const unread = errors.map(reasonOf).find((reason) => reason?._tag === "RequestParseError")
  if (unread !== undefined) {
    return Effect.succeed(isTooLong(unread) ? tooLarge(limit) : refusal(400, 2002, "the body could not be read"))
  }
  // The caller is gone, or the process stops: nobody is there to answer.
  if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
  return Effect.logError("a request died", cause).pipe(
    Effect.annotateLogs({ method, path }),
    Effect.as(refusal(500, 5001, "a defect in Driftless; its log has the cause"))
  )
}

interface Reason {
  readonly _tag: unknown
  readonly cause?: unknown
}

const reasonOf = (error: unknown): Reason | undefined =>
  hasTag(error) && error._tag === "HttpServerError" && "reason" in error && hasTag(error.reason)
    ? error.reason
    : undefined

const isTooLong = ({ cause }: Reason) => hasTag(cause) && cause._tag === "MaxBytesError"

const hasTag = (value: unknown): value is { readonly _tag: unknown } =>
  typeof value === "object" && value !== null && "_tag" in value

/** Answers that the framework made in plain text, such as 415. */
const enveloped = (response: HttpServerResponse.HttpServerResponse) => {
  if (response.status < 400 || response.headers["content-type"]?.includes("json") === true) return response
  if (response.body._tag === "Uint8Array" && response.body.contentType.includes("json")) return response
  if (response.status === 415) return refusal(415, 2002, "the body must be JSON: send Content-Type: application/json")
  if (response.status < 500) return refusal(response.status, 2002, "the request could not be read")
  return refusal(response.status, 5001, "the request could not be answered")
}

const routes = Object.values(Api.groups).flatMap((group) =>
  Object.values(group.endpoints).map(({ method, path }) => ({
    method,
    pattern: new RegExp(`^${path.replace(/\/$/u, "").replace(/:\w+/gu, "[^/]+")}/?$`, "u")
  }))
)

function noRoute(method: string, path: string) {
  const methods = [...new Set(routes.filter(({ pattern }) => pattern.test(path)).map((route) => route.method))]
  if (methods.length === 0) return refusal(404, 3001, "there is nothing at this path; see /openapi.json")
  return HttpServerResponse.setHeader(
    refusal(405, 3001, `${method} has no meaning at this path; use ${methods.join(" or ")}`),
    "allow",
    methods.join(", ")
  )
}

const refusal = (status: number, code: number, message: string) =>
  HttpServerResponse.jsonUnsafe({ code, message, data: null }, { status })

// The rest of the body is not read, so the connection cannot be used again.
const tooLarge = (limit: number) =>
  HttpServerResponse.setHeader(
    refusal(413, 2003, `the body is longer than ${limit / MEBIBYTE} MiB; send it in parts`),
    "connection",
    "close"
  )

const tooSlow = refusal(
  503,
  5001,
  "the request took too long and was given up; look whether it was done before you send it again"
)

const MEBIBYTE = 1024 * 1024
const BODY_LIMIT = MEBIBYTE
const DOCUMENTS_LIMIT = 8 * MEBIBYTE
