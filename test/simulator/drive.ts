/** Drives one engine in-process on a clock that the test moves, and speaks to it as a client would. */
import type { EngineOptions } from "../../src/simulator/engine.ts"
import { makeEngine } from "../../src/simulator/engine.ts"
import type { ApiResponse } from "../../src/simulator/envelope.ts"

export interface WireRecord {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly content: string
  readonly ttl: number
  readonly proxied: boolean
  readonly proxiable: boolean
  readonly comment: string | null
  readonly tags: ReadonlyArray<string>
  readonly settings: Readonly<Record<string, unknown>>
  readonly meta: { readonly read_only?: boolean }
  readonly priority?: number
  readonly data?: Readonly<Record<string, unknown>>
  readonly created_on: string
  readonly modified_on: string
  readonly comment_modified_on?: string
}

export interface Reply<T> {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly raw: ApiResponse
  readonly success: boolean
  readonly result: T
  readonly errors: ReadonlyArray<{
    readonly code: number
    readonly message: string
    readonly error_chain?: ReadonlyArray<{ readonly code: number; readonly message: string }>
  }>
  readonly result_info: {
    readonly page: number
    readonly per_page: number
    readonly count: number
    readonly total_count: number
    readonly total_pages: number
  }
}

export interface BatchResult {
  readonly deletes: ReadonlyArray<WireRecord>
  readonly patches: ReadonlyArray<WireRecord>
  readonly puts: ReadonlyArray<WireRecord>
  readonly posts: ReadonlyArray<WireRecord>
}

export const BEARER = { Authorization: "Bearer t" }

export const drive = (options: Partial<EngineOptions> = {}) => {
  let time = Date.UTC(2026, 10, 21)
  let ids = 0
  const engine = makeEngine({ now: () => time, id: () => (++ids).toString(16).padStart(32, "0"), ...options })

  const call = <T = WireRecord>(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = BEARER
  ): Reply<T> => {
    const [pathname = "", query] = path.split("?")
    const raw = engine.handle({
      method,
      path: `/client/v4${pathname}`,
      headers,
      ...(query !== undefined && { query }),
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) })
    })
    const isJson = raw.headers["Content-Type"] === "application/json" && raw.body !== ""
    return { ...(isJson ? JSON.parse(raw.body) : {}), status: raw.status, headers: raw.headers, raw }
  }

  const zoneName = options.zones?.[0] ?? "example.test"
  const zone = engine.control.setZone(zoneName)
  const records = `/zones/${zone}/dns_records`
  return {
    engine,
    control: engine.control,
    call,
    zone,
    zoneName,
    records,
    create: (record: object) => call("POST", records, { ttl: 300, ...record }),
    batch: (lists: object) => call<BatchResult>("POST", `${records}/batch`, lists),
    list: (query = "") => call<ReadonlyArray<WireRecord>>("GET", `${records}?${query}`),
    /** Moves the clock. */
    pass: (milliseconds: number) => {
      time += milliseconds
    }
  }
}

/** The codes of a refusal, the reasons of its chain behind it. */
export const codes = ({ errors }: Reply<unknown>): ReadonlyArray<number> =>
  errors.flatMap(({ code, error_chain = [] }) => [code, ...error_chain.map((reason) => reason.code)])
