/**
 * The DNS provider at Cloudflare, through the official SDK with its own retries off: it would send a POST again
 * after a lost answer. The SDK is loaded when the first call is made; it costs half a second and 40 MB.
 *
 * Every call takes a permit and tells the budget what the answer's headers said.
 */
import { Clock, Duration, Effect, Layer, Redacted, Result, Schema } from "effect"
import { Metrics } from "../metrics.ts"
import { CallBudget, PERMIT_LIFE } from "./budget.ts"
import * as wire from "./cloudflare-wire.ts"
import {
  type Account,
  DnsProvider,
  DnsProviderError,
  type Permit,
  type ProviderRecord,
  RateLimited,
  Rejected,
  Unauthorized,
  Unavailable,
  ZoneMissing
} from "./dns.ts"
import { monotonicMillis } from "../monotonic.ts"

/** Records of one page; the most that Cloudflare gives. */
const PAGE_SIZE = 5000
const LIST_TIMEOUT = Duration.seconds(30)
const LOOKUP_TIMEOUT = Duration.seconds(10)
/** Lists that are begun anew because the zone changed between two pages. */
const LIST_TRIES = 3

/** The provider over whatever carries its calls: the SDK, or a simulation without sockets, whose zones are small. */
export const layerOver = (loadCarrier: () => Promise<Carrier>, pageSize = PAGE_SIZE) =>
  Layer.effect(
    DnsProvider,
    Effect.gen(function* () {
      const budget = yield* CallBudget
      const metrics = yield* Metrics
      const load = yield* Effect.cached(Effect.promise(loadCarrier))
      const clients = new Map<string, Client>()

      const clientOf = Effect.fnUntraced(function* ({ baseUrl, token, tokenHash }: Account) {
        const name = `${tokenHash} ${baseUrl ?? ""}`
        const known = clients.get(name)
        if (known !== undefined) return known
        const client = (yield* load).open(token, baseUrl)
        if (clients.size >= MOST_CLIENTS) clients.clear()
        clients.set(name, client)
        return client
      })

      const permit = Effect.fnUntraced(function* (account: Account, goesOn = false) {
        yield* budget
          .take(account.tokenHash, goesOn)
          .pipe(Effect.mapError((reason) => new DnsProviderError({ reason })))
        return { takenAt: yield* monotonicMillis } satisfies Permit as Permit
      })

      /** One call: permit, request, headers to the budget, answer decoded, failure classified. */
      const call = Effect.fn("cloudflare.call")(function* <S extends Schema.Decoder<unknown>>(
        account: Account,
        endpoint: string,
        schema: S,
        request: (client: Client, signal: AbortSignal) => Promise<{ data: unknown; headers: Headers }>,
        options: { readonly timeout: Duration.Duration; readonly permit?: Permit; readonly goesOn?: boolean }
      ) {
        const began = yield* monotonicMillis
        const client = yield* clientOf(account)
        const carrier = yield* load
        const held = options.permit
        if (held === undefined || (yield* monotonicMillis) - held.takenAt > Duration.toMillis(PERMIT_LIFE)) {
          yield* permit(account, options.goesOn)
        }
        // What came before the call has used up some of its time: the write's window in the database goes on.
        const left = Duration.toMillis(options.timeout) - ((yield* monotonicMillis) - began)
        if (left <= 0) return yield* unavailable("its time was over before the call was sent", true)
        const answer = yield* Effect.tryPromise({
          try: (signal) => request(client, signal),
          catch: (cause) => new CallFailed(cause)
        }).pipe(
          Effect.timeoutOrElse({
            duration: Duration.millis(left),
            orElse: () => Effect.fail(new TimedOut(options.timeout))
          }),
          Effect.result
        )
        const now = yield* Clock.currentTimeMillis
        if (Result.isSuccess(answer)) {
          metrics.dnsApiRequests.inc({ endpoint, code: "200" })
          yield* budget.answered(account.tokenHash, wire.rateAnswer(answer.success.headers, now))
          return yield* decode(schema, answer.success.data, account.token)
        }
        const failed = answer.failure instanceof TimedOut ? answer.failure.failed : carrier.read(answer.failure.cause)
        metrics.dnsApiRequests.inc({ endpoint, code: failed.status === undefined ? "none" : String(failed.status) })
        const reason = classify(failed, account.token, now)
        if (failed.headers !== undefined) {
          const blocked = reason._tag === "RateLimited" ? { blockedSeconds: Duration.toSeconds(reason.retryAfter) } : {}
          yield* budget.answered(account.tokenHash, { ...wire.rateAnswer(failed.headers, now), ...blocked })
        }
        return yield* new DnsProviderError({ reason })
      })

      // Without the pages that follow, those before were for nothing: a list that waited between them would never end.
      const page = (account: Account, zoneId: string, number: number, goesOn: boolean) =>
        call(
          account,
          "list",
          wire.RecordList,
          (client, signal) =>
            client.get(`/zones/${zoneId}/dns_records`, signal, { page: number, per_page: pageSize, order: "name" }),
          { timeout: LIST_TIMEOUT, goesOn }
        )

      /** Undefined when the zone changed between two pages: then a record may be missing, or stand twice. */
      const listOnce = Effect.fnUntraced(function* (account: Account, zoneId: string, again: boolean) {
        const records = new Map<string, ProviderRecord>()
        let pages = 1
        let total: number | undefined
        for (let number = 1; number <= pages; number++) {
          const { result, result_info } = yield* page(account, zoneId, number, again || number > 1)
          if (number > 1 && result_info?.total_count !== total) return undefined
          total = result_info?.total_count
          pages = Math.min(result_info?.total_pages ?? 1, MOST_PAGES)
          for (const record of result) records.set(record.id, wire.toRecord(record))
        }
        return total === undefined || total === records.size ? [...records.values()] : undefined
      })

      return DnsProvider.of({
        pageSize,
        permit,
        findZone: Effect.fn("cloudflare.findZone")(function* (account: Account, name: string, preferredId: string) {
          const { result } = yield* call(
            account,
            "zones",
            wire.ZoneList,
            (client, signal) => client.get("/zones", signal, { name, per_page: 50 }),
            { timeout: LOOKUP_TIMEOUT }
          )
          const zones = result.map(wire.toZone).filter((zone) => zone.name === name)
          return zones.find(({ id }) => id === preferredId) ?? zones[0] ?? null
        }),
        list: Effect.fn("cloudflare.list")(function* (account: Account, zoneId: string) {
          for (let attempt = 0; attempt < LIST_TRIES; attempt++) {
            const records = yield* listOnce(account, zoneId, attempt > 0)
            if (records !== undefined) return records
          }
          return yield* unavailable(`the zone changed between the pages of its list, ${LIST_TRIES} times`, true)
        }),
        batch: Effect.fn("cloudflare.batch")(function* (account, zoneId, batch, options) {
          const { result } = yield* call(
            account,
            "batch",
            wire.BatchResult,
            (client, signal) => client.post(`/zones/${zoneId}/dns_records/batch`, signal, wire.fromBatch(batch)),
            options
          )
          const [patches, posts] = [(result.patches ?? []).map(wire.toRecord), (result.posts ?? []).map(wire.toRecord)]
          if (patches.length !== batch.patches.length || posts.length !== batch.posts.length) {
            return yield* unavailable("the answer to a batch does not hold what was sent", true)
          }
          return { patches, posts }
        })
      })
    })
  )

const unavailable = (message: string, answered: boolean) =>
  new DnsProviderError({ reason: new Unavailable({ message, answered }) })

const decode = <S extends Schema.Decoder<unknown>>(schema: S, data: unknown, token: Redacted.Redacted<string>) => {
  const read = Schema.decodeUnknownResult(schema)(data)
  if (Result.isSuccess(read)) return Effect.succeed(read.success)
  // HTTP 200 with `success: false`, or something that is not this API at all.
  const error = wire.firstError(data, token)
  return error === undefined
    ? unavailable("the answer is not what the API promises", true)
    : Effect.fail(new DnsProviderError({ reason: new Rejected(error) }))
}

/** Whatever the client threw; its kind is read by the carrier that threw it. */
class CallFailed {
  readonly cause: unknown
  constructor(cause: unknown) {
    this.cause = cause
  }
}

class TimedOut {
  readonly failed: Failed
  constructor(after: Duration.Duration) {
    const message = `no answer within ${Duration.format(after)}`
    this.failed = { status: undefined, headers: undefined, body: undefined, message }
  }
}

/** An answer that is none: without `status` nobody knows what became of the call. */
export interface Failed {
  readonly status: number | undefined
  readonly headers: Headers | undefined
  readonly body: unknown
  readonly message: string
}

/** By status and code, never by words. */
const classify = (
  { body, headers, message, status }: Failed,
  token: Redacted.Redacted<string>,
  now: number
): DnsProviderError["reason"] => {
  const error = wire.firstError(body, token)
  const text = error === undefined ? message : error.message
  if (status === undefined) return new Unavailable({ message, answered: false })
  if (status === 429) {
    const retryAfter = Duration.seconds(wire.retryAfterSeconds(headers, now))
    return new RateLimited({ retryAfter, message: `the provider asks to wait ${Duration.format(retryAfter)}: ${text}` })
  }
  if (status >= 500 || status === 408) return new Unavailable({ message: `HTTP ${status}: ${text}`, answered: true })
  if (status === 401 || status === 403 || AUTH_CODES.has(error?.code ?? 0)) {
    return new Unauthorized({ message: `the token was refused (${error?.code ?? status}): ${text}` })
  }
  if (status === 404 && ZONE_CODES.has(error?.code ?? 0)) return new ZoneMissing({ message: text })
  return new Rejected({ code: error?.code ?? status, message: text })
}

const AUTH_CODES: ReadonlySet<number> = new Set([6003, 6103, 6111, 9109, 10000])
const ZONE_CODES: ReadonlySet<number> = new Set([0, 7000, 7003, 1001])

export interface Client {
  get(path: string, signal: AbortSignal, query: Record<string, unknown>): Promise<{ data: unknown; headers: Headers }>
  post(path: string, signal: AbortSignal, body: unknown): Promise<{ data: unknown; headers: Headers }>
}

export interface Carrier {
  readonly open: (token: Redacted.Redacted<string>, baseUrl: string | undefined) => Client
  /** What a call of the client was rejected with. */
  readonly read: (cause: unknown) => Failed
}

/** The SDK behind the two calls that are made of it, so that it is loaded only when it is needed. */
const loadSdk = async (): Promise<Carrier> => {
  const [{ createClient }, { BaseRecords }, errors] = await Promise.all([
    import("cloudflare/tree-shakable"),
    import("cloudflare/resources/dns/records"),
    import("cloudflare/core/error")
  ])
  const open = (token: Redacted.Redacted<string>, baseUrl: string | undefined): Client => {
    const sdk = createClient({
      resources: [BaseRecords],
      apiToken: Redacted.value(token),
      maxRetries: 0,
      timeout: Duration.toMillis(LIST_TIMEOUT),
      logLevel: "off",
      ...(baseUrl === undefined ? {} : { baseURL: baseUrl })
    })
    const unwrap = ({ data, response }: { data: unknown; response: Response }) => ({ data, headers: response.headers })
    return {
      get: (path, signal, query) => sdk.get(path, { signal, query }).withResponse().then(unwrap),
      post: (path, signal, body) => sdk.post(path, { signal, body }).withResponse().then(unwrap)
    }
  }
  const read = (cause: unknown): Failed => {
    if (cause instanceof errors.APIError && typeof cause.status === "number") {
      return { status: cause.status, headers: cause.headers, body: cause.error, message: "no readable answer" }
    }
    return { status: undefined, headers: undefined, body: undefined, message: connectionMessage(cause) }
  }
  return { open, read }
}

/** The code of the socket's error where there is one: the words of the SDK and of fetch around it say nothing. */
const connectionMessage = (cause: unknown): string => {
  let inner = cause
  for (let depth = 0; depth < MOST_CAUSES && inner instanceof Error; depth++) {
    if ("code" in inner) return `the provider could not be reached (${String(inner.code)})`
    inner = inner.cause
  }
  return "the provider could not be reached"
}

/** Over the official SDK and HTTP. */
export const layerCloudflare = layerOver(loadSdk)

const MOST_CAUSES = 5
const MOST_CLIENTS = 100
/** A million records. */
const MOST_PAGES = 200
