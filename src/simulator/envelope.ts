/**
 * The request and answer of the simulated API, its JSON envelope, and the one way a call is refused.
 *
 * Codes are those that Cloudflare has been seen to answer. Where the real number of a validation reason is not known,
 * `UNKNOWN_REASON` stands in (Cloudflare's own note on error chains uses 9999 as its example), so that no client can
 * come to rely on an invented one.
 */

/** A call, as it came from a socket or straight from a test. Header names may be in any case. */
export interface ApiRequest {
  readonly method: string
  /** Absolute, such as `/client/v4/zones`. */
  readonly path: string
  /** Without the question mark. */
  readonly query?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly body?: string
}

/** What the carrier does to an answer on its way. The engine only says so; a server or a simulation acts on it. */
export interface Transport {
  /** Milliseconds to hold the answer back. */
  readonly delayMs: number
  /** How the connection ends: after the answer, without it, by a TCP reset, or in the middle of the body. */
  readonly cut: "none" | "close" | "reset" | "midway"
}

export interface ApiResponse {
  /** 0 where there is no answer at all: the connection is cut before anything was done. */
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly transport: Transport
}

export interface ApiErrorEntry {
  readonly code: number
  readonly message: string
}

export const UNKNOWN_REASON = 9999

export const UNDISTURBED: Transport = { delayMs: 0, cut: "none" }

/** Ends a call with an error answer; inside a batch it also undoes what the batch did so far. */
export class Refusal extends Error {
  readonly status: number
  readonly code: number
  readonly chain: ReadonlyArray<ApiErrorEntry>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    status: number,
    code: number,
    message: string,
    chain: ReadonlyArray<ApiErrorEntry> = [],
    headers: Readonly<Record<string, string>> = {}
  ) {
    super(message)
    this.status = status
    this.code = code
    this.chain = chain
    this.headers = headers
  }
}

/** A record that fails validation: 1004, whose reason is in the chain. */
export const invalid = (code: number, message: string) =>
  new Refusal(400, 1004, "DNS Validation Error", [{ code, message }])

/**
 * `chain` wraps validation reasons in 1004; `flat` answers the reason itself, as Cloudflare announced for October 2024.
 * Both have been seen since, so a client has to read both.
 */
export type ErrorStyle = "chain" | "flat"

export const errorBody = (refusal: Refusal, style: ErrorStyle) => {
  const { chain, code, message } = refusal
  const errors =
    chain.length === 0
      ? [{ code, message }]
      : style === "flat" && code === 1004
        ? chain
        : [{ code, message, error_chain: chain }]
  return JSON.stringify({ success: false, errors, messages: [], result: null })
}

/** What an endpoint answers when it does not refuse. */
export interface Answer {
  readonly result: unknown
  readonly resultInfo?: object
  readonly messages?: ReadonlyArray<object>
}

export const answerBody = ({ messages = [], result, resultInfo }: Answer) =>
  JSON.stringify({ success: true, errors: [], messages, result, ...(resultInfo && { result_info: resultInfo }) })

export type JsonObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Reads a body that has to be a JSON object. */
export const parseBody = (body: string | undefined): JsonObject => {
  let value: unknown
  try {
    value = JSON.parse(body ?? "")
  } catch {
    throw malformedBody("Malformed JSON in request body")
  }
  if (!isObject(value)) throw malformedBody("Request body must be a JSON object")
  return value
}

const malformedBody = (message: string) => new Refusal(400, 6003, "Invalid request body", [{ code: 6007, message }])
