/**
 * What becomes of the provider's answers on their way to us in some worlds: a careless proxy quotes the token in all that
 * is said of an error, and in a storm that is uneven each 429 says another time to wait. Both draw from a stream of their own.
 */
import type { ApiRequest, ApiResponse } from "../src/simulator/envelope.ts"
import { type Random, randomOf } from "./random.ts"

export class Proxy {
  /** Milliseconds until which each 429 says another time. */
  unevenUntil = 0
  readonly #random: Random
  readonly #echoes: boolean

  constructor(seed: number, echoes: boolean) {
    this.#random = randomOf(seed, "proxy")
    this.#echoes = echoes
  }

  passes(request: ApiRequest, response: ApiResponse, now: number): ApiResponse {
    const uneven = response.status === 429 && now < this.unevenUntil ? this.#uneven(response) : response
    return this.#echoes && response.status >= 400 ? echoing(request, uneven) : uneven
  }

  #uneven(response: ApiResponse): ApiResponse {
    const rest = Object.entries(response.headers).filter(([name]) => name.toLowerCase() !== "retry-after")
    const seconds = this.#random.pick([2, 5, 20, 60])
    return { ...response, headers: { ...Object.fromEntries(rest), "Retry-After": String(seconds) } }
  }
}

interface Said {
  readonly code?: number
  readonly message?: string
  readonly error_chain?: ReadonlyArray<Said>
}

const echoing = ({ headers }: ApiRequest, response: ApiResponse): ApiResponse => {
  const quoted = `Authorization: ${headers?.["authorization"] ?? ""}`
  const said = (one: Said): Said => ({
    ...one,
    message: `${one.message ?? ""}; the request said ${quoted}`,
    error_chain: [...(one.error_chain ?? []).map(said), { code: 6111, message: `Invalid format for ${quoted}` }]
  })
  try {
    const body = JSON.parse(response.body) as { readonly errors?: ReadonlyArray<Said> }
    const messages = [{ code: 6111, message: quoted }]
    return { ...response, body: JSON.stringify({ ...body, errors: (body.errors ?? []).map(said), messages }) }
  } catch {
    return { ...response, body: `${response.body}<!-- ${quoted} -->` }
  }
}
