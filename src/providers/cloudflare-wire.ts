/** What Cloudflare's DNS API sends and takes, decoded before use. Shapes: https://developers.cloudflare.com/api/resources/dns/ */
import { Redacted, Result, Schema } from "effect"
import type { RateAnswer } from "./budget.ts"
import type { Batch, ProviderRecord, RecordWrite, Zone } from "./dns.ts"

const WireZone = Schema.Struct({
  id: Schema.String,
  name: Schema.String,
  type: Schema.optionalKey(Schema.String),
  account: Schema.optionalKey(Schema.Struct({ id: Schema.optionalKey(Schema.String) })),
  plan: Schema.optionalKey(Schema.Struct({ legacy_id: Schema.optionalKey(Schema.String) })),
  name_servers: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.String)))
})

const WireRecord = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  name: Schema.String,
  content: Schema.optionalKey(Schema.NullOr(Schema.String)),
  data: Schema.optionalKey(Schema.Unknown),
  priority: Schema.optionalKey(Schema.NullOr(Schema.Finite)),
  ttl: Schema.Finite,
  proxied: Schema.optionalKey(Schema.NullOr(Schema.Boolean)),
  comment: Schema.optionalKey(Schema.NullOr(Schema.String)),
  meta: Schema.optionalKey(Schema.NullOr(Schema.Struct({ read_only: Schema.optionalKey(Schema.Boolean) })))
})

const Page = Schema.Struct({
  total_pages: Schema.optionalKey(Schema.Finite),
  total_count: Schema.optionalKey(Schema.Finite)
})

const enveloped = <S extends Schema.Top>(result: S) =>
  Schema.Struct({ success: Schema.Literal(true), result, result_info: Schema.optionalKey(Schema.NullOr(Page)) })

export const ZoneList = enveloped(Schema.Array(WireZone))
export const RecordList = enveloped(Schema.Array(WireRecord))
export const BatchResult = enveloped(
  Schema.Struct({
    patches: Schema.optionalKey(Schema.NullOr(Schema.Array(WireRecord))),
    posts: Schema.optionalKey(Schema.NullOr(Schema.Array(WireRecord)))
  })
)

const ErrorItem = Schema.Struct({
  code: Schema.optionalKey(Schema.Finite),
  message: Schema.optionalKey(Schema.String),
  error_chain: Schema.optionalKey(
    Schema.Array(Schema.Struct({ code: Schema.optionalKey(Schema.Finite), message: Schema.optionalKey(Schema.String) }))
  )
})
const ErrorBody = Schema.Struct({ errors: Schema.Array(ErrorItem) })
const readErrors = Schema.decodeUnknownResult(ErrorBody)

/** The first error of an answer; a 1004 says its reason only in the chain. An answer that echoes the token loses it. */
export const firstError = (
  body: unknown,
  token: Redacted.Redacted<string>
): { readonly code: number; readonly message: string } | undefined => {
  const read = readErrors(body)
  const first = Result.isSuccess(read) ? read.success.errors[0] : undefined
  if (first === undefined) return undefined
  const chain = (first.error_chain ?? []).map(({ code, message }) => `${message ?? ""} (${code ?? 0})`)
  // Before it is cut: half of a token would not be found any more.
  const message = without(token, [first.message ?? "no message", ...chain].join(": "))
  return { code: first.code ?? 0, message: message.slice(0, 500) }
}

const without = (token: Redacted.Redacted<string>, text: string) => {
  const secret = Redacted.value(token)
  return secret.length < SECRET_LENGTH ? text : text.replaceAll(secret, "<token>")
}

/** A shorter text is a placeholder; to take it out of messages would only garble them. */
const SECRET_LENGTH = 8

const PLANS = ["free", "pro", "business", "enterprise"] as const

export const toZone = ({ account, id, name, name_servers, plan, type }: typeof WireZone.Type): Zone => ({
  id,
  name: name.toLowerCase(),
  account: account?.id ?? "",
  // An unknown plan gets the smallest limits.
  plan: PLANS.find((known) => known === plan?.legacy_id) ?? "free",
  type: type ?? "full",
  nameServers: name_servers ?? []
})

export const toRecord = (wire: typeof WireRecord.Type): ProviderRecord => ({
  id: wire.id,
  type: wire.type,
  name: wire.name.toLowerCase(),
  content: wire.content ?? undefined,
  data: wire.data,
  priority: wire.priority,
  ttl: wire.ttl,
  proxied: wire.proxied ?? false,
  comment: wire.comment ?? null,
  readOnly: wire.meta?.read_only === true
})

export const fromBatch = ({ deletes, patches, posts }: Batch) => ({
  ...(deletes.length > 0 ? { deletes: deletes.map((id) => ({ id })) } : {}),
  ...(patches.length > 0 ? { patches: patches.map(({ id, write }) => ({ id, ...fromWrite(write) })) } : {}),
  ...(posts.length > 0 ? { posts: posts.map(fromWrite) } : {})
})

const fromWrite = ({ comment, name, proxied, ttl, type, value }: Partial<RecordWrite>) => ({
  ...(type === undefined ? {} : { type }),
  ...(name === undefined ? {} : { name }),
  ...value,
  ...(ttl === undefined ? {} : { ttl }),
  ...(proxied === undefined ? {} : { proxied }),
  ...(comment === undefined ? {} : { comment })
})

/** Both the names of today (`Ratelimit: "default";r=50;t=30`) and those before (`X-RateLimit-Remaining: 50`). */
export const rateAnswer = (headers: Headers, now: number): RateAnswer => {
  const limit = parameters(headers.get("ratelimit"))
  const policy = parameters(headers.get("ratelimit-policy"))
  const numbers = {
    remaining: limit.get("r") ?? whole(headers.get("x-ratelimit-remaining")),
    resetSeconds: limit.get("t") ?? reset(headers.get("x-ratelimit-reset"), now),
    quota: policy.get("q") ?? whole(headers.get("x-ratelimit-limit")),
    windowSeconds: policy.get("w")
  }
  return Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined && value >= 0))
}

/** The numbers of the first item of a structured header. */
const parameters = (header: string | null) =>
  new Map(
    (header?.split(",")[0] ?? "").split(";").flatMap((part) => {
      const [, name, value] = /^\s*([a-z]+)=(\d+)\s*$/u.exec(part) ?? []
      return name === undefined ? [] : [[name, Number(value)] as const]
    })
  )

const whole = (header: string | null) => (header !== null && /^\d+$/u.test(header.trim()) ? Number(header) : undefined)

/** Seconds from now, or a time in seconds since 1970. */
const reset = (header: string | null, now: number) => {
  const value = whole(header)
  return value === undefined || value < 1_000_000_000 ? value : Math.max(0, value - Math.floor(now / 1000))
}

/** Seconds to wait after a 429: a number, a date, or else the end of the window. */
export const retryAfterSeconds = (headers: Headers | undefined, now: number): number => {
  const header = headers?.get("retry-after")
  const seconds = whole(header ?? null)
  if (seconds !== undefined) return seconds
  const date = header == null ? Number.NaN : Date.parse(header)
  if (!Number.isNaN(date)) return Math.max(0, Math.ceil((date - now) / 1000))
  const window = headers === undefined ? undefined : rateAnswer(headers, now).resetSeconds
  return window ?? WINDOW_SECONDS
}

/** Of Cloudflare's documented limit: 1,200 calls in five minutes. */
const WINDOW_SECONDS = 300
