/** What went wrong with a request, in one line for a person: an answer of the API, or no answer of it at all. */
import { Effect, Schema } from "effect"
import { HttpClientError, type HttpClientResponse } from "effect/http"
import { CommandFailed, failed } from "./failure.ts"

const Refusal = Schema.Struct({
  code: Schema.Int,
  message: Schema.String,
  data: Schema.optionalKey(
    Schema.NullOr(
      Schema.Struct({ errors: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })) })
    )
  )
})

/** The envelope of a refusal, whatever the error is otherwise. */
export const isRefusal = Schema.is(Refusal)

export const explain = (server: string, error: unknown): Effect.Effect<never, CommandFailed> => {
  if (HttpClientError.isHttpClientError(error)) return explainTransport(server, error)
  if (isRefusal(error)) return Effect.fail(failed(refusalText(error)))
  return Effect.fail(failed(stranger(server, "answers, but not as this version of driftless expects")))
}

/** Codes from 1001 to 1002 are about the token alone. */
const refusalText = ({ code, message }: typeof Refusal.Type) =>
  code === 1001 || code === 1002
    ? `${message}; give the right one with --token or DRIFTLESS_ADMIN_TOKEN (code ${code})`
    : `${message} (code ${code})`

const explainTransport = Effect.fnUntraced(function* (server: string, { reason }: HttpClientError.HttpClientError) {
  if (!("response" in reason) || reason.response === undefined) {
    return yield* new CommandFailed({ lines: [unreachable(server, reason)], unreachable: true })
  }
  const refusal = yield* envelopeOf(reason.response)
  if (refusal !== undefined) return yield* failed(refusalText(refusal))
  return yield* failed(stranger(server, `answers with HTTP ${reason.response.status}, which driftless does not`))
})

/** Of an answer whose status the contract does not have, such as 413 or 503. */
const envelopeOf = (response: HttpClientResponse.HttpClientResponse) =>
  response.json.pipe(
    Effect.map((body) => (isRefusal(body) ? body : undefined)),
    Effect.orElseSucceed(() => undefined)
  )

const stranger = (server: string, what: string) => `${server} ${what}; is it the API of a driftless server?`

const unreachable = (server: string, reason: HttpClientError.HttpClientErrorReason) =>
  `cannot reach ${server}: ${causeOf(reason)}; start a server with "driftless serve", or name another with --server`

const causeOf = (reason: HttpClientError.HttpClientErrorReason): string => {
  const code = codeOf("cause" in reason ? reason.cause : undefined)
  return (code === undefined ? undefined : (WORDS.get(code) ?? code)) ?? "the connection failed"
}

/** `fetch` hides the socket's error in the cause of its own. */
const codeOf = (error: unknown): string | undefined => {
  if (!(error instanceof Error)) return undefined
  return "code" in error && typeof error.code === "string" ? error.code : (codeOf(error.cause) ?? textOf(error))
}

const textOf = (error: Error) => (error.message === "fetch failed" ? undefined : error.message)

const WORDS = new Map([
  ["ECONNREFUSED", "nobody listens there"],
  ["ECONNRESET", "the connection was closed"],
  ["UND_ERR_SOCKET", "the connection was closed"],
  ["ENOTFOUND", "there is no such host"],
  ["EAI_AGAIN", "the host's name cannot be looked up now"],
  ["ETIMEDOUT", "the connection timed out"],
  ["UND_ERR_CONNECT_TIMEOUT", "the connection timed out"]
])
