/** What a failed call means: by its status and its code, never by words; and that no error holds the token. */
import { Duration, Effect } from "effect"
import { inspect } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DnsProvider, type DnsProviderError } from "../../src/providers/dns.ts"
import { rateAnswer, retryAfterSeconds } from "../../src/providers/cloudflare-wire.ts"
import { accountAt, type Canned, openProvider, serveAlways, TOKEN } from "../support/dns-provider.ts"

let answer: Canned = { body: "" }
let server: Awaited<ReturnType<typeof serveAlways>>
let provider: Awaited<ReturnType<typeof openProvider>>
beforeAll(async () => {
  server = await serveAlways(() => answer)
  provider = await openProvider()
})
afterAll(async () => {
  await provider.close()
  await server.close()
})

const list = () => DnsProvider.use((dns) => dns.list(accountAt(server.url), "z"))
const batch = (deletes: ReadonlyArray<string> = ["1"], posts = 0) =>
  DnsProvider.use((dns) => {
    const account = accountAt(server.url)
    const post = {
      type: "A",
      name: "a.example.test",
      value: { content: "192.0.2.1" },
      ttl: 1,
      proxied: false,
      comment: undefined
    } as const
    return Effect.flatMap(dns.permit(account), (permit) =>
      dns.batch(
        account,
        "z",
        { deletes, patches: [], posts: Array.from({ length: posts }, () => post) },
        { permit, timeout: Duration.seconds(10) }
      )
    )
  })
const failing = async (canned: Canned, call: () => Effect.Effect<unknown, DnsProviderError, DnsProvider> = batch) => {
  answer = canned
  const error = await provider.failure(call())
  for (const said of [String(error), JSON.stringify(error), inspect(error, { depth: 20 }), error.stack ?? ""])
    expect(said).not.toContain(TOKEN)
  return error.reason
}
const errors = (code: number, message = "words", chain?: ReadonlyArray<unknown>) =>
  JSON.stringify({
    success: false,
    result: null,
    errors: [{ code, message, ...(chain === undefined ? {} : { error_chain: chain }) }]
  })
const html = "<html><body>bad gateway</body></html>"
const HTML = { "Content-Type": "text/html" }

describe("an answer that is an error", () => {
  it.each<[number, number, string]>([
    [400, 9003, "Rejected"],
    [400, 81058, "Rejected"],
    [404, 81044, "Rejected"],
    [400, 81045, "Rejected"],
    [409, 1234, "Rejected"],
    [413, 0, "Rejected"],
    [422, 1004, "Rejected"],
    [404, 7000, "ZoneMissing"],
    [404, 7003, "ZoneMissing"],
    [404, 1001, "ZoneMissing"],
    [401, 1000, "Unauthorized"],
    [401, 10000, "Unauthorized"],
    [403, 9109, "Unauthorized"],
    [403, 10000, "Unauthorized"],
    [403, 1038, "Unauthorized"],
    [400, 6003, "Unauthorized"],
    [400, 6103, "Unauthorized"],
    [400, 6111, "Unauthorized"],
    [400, 10000, "Unauthorized"],
    [408, 0, "Unavailable"],
    [500, 1000, "Unavailable"],
    [502, 0, "Unavailable"],
    [503, 10000, "Unavailable"],
    [520, 0, "Unavailable"],
    [524, 0, "Unavailable"],
    [429, 10429, "RateLimited"],
    [429, 971, "RateLimited"]
  ])("%i with the code %i is %s", async (status, code, tag) => {
    expect(await failing({ status, body: errors(code) })).toMatchObject({ _tag: tag })
  })

  it.each([
    [400, "Rejected"],
    [403, "Unauthorized"],
    [404, "ZoneMissing"],
    [502, "Unavailable"]
  ])("%i with a page of HTML is %s", async (status, tag) => {
    expect(await failing({ status, headers: HTML, body: html })).toMatchObject({ _tag: tag })
  })

  it("that came means that nothing is under way any more", async () => {
    expect(await failing({ status: 500, body: errors(0) })).toMatchObject({ _tag: "Unavailable", answered: true })
  })

  it("is told with its code and text, and with the reason that stands only in the chain", async () => {
    const body = errors(1004, "DNS Validation Error", [
      { code: 9005, message: "Content for A record must be a valid IPv4 address." }
    ])
    expect(await failing({ status: 400, body })).toEqual(
      expect.objectContaining({
        code: 1004,
        message: "DNS Validation Error: Content for A record must be a valid IPv4 address. (9005)"
      })
    )
  })

  it.each([
    ["its text", errors(6003, `Invalid token ${TOKEN}`), "Invalid token <token>"],
    [
      "its chain",
      errors(6003, "Invalid", [{ code: 6111, message: `in 'Bearer ${TOKEN}'` }]),
      "in 'Bearer <token>' (6111)"
    ],
    ["what is cut off", errors(6003, `${"x".repeat(490)}${TOKEN}`), "xxx<token>"]
  ])("that holds the token in %s is told without it, in whole and in part", async (_, body, told) => {
    for (const status of [400, 401, 500]) {
      const { message } = await failing({ status, body })
      expect(message).toContain(told)
      expect(message).not.toContain(TOKEN.slice(0, 8))
    }
  })

  it("is told in no more than 500 characters", async () => {
    expect((await failing({ status: 400, body: errors(9003, "x".repeat(10_000)) })).message).toHaveLength(500)
  })
})

describe("an answer that is none", () => {
  it("HTTP 200 with success false is the error that it holds", async () => {
    expect(await failing({ body: errors(81058) })).toMatchObject({ _tag: "Rejected", code: 81058 })
  })

  it.each([
    ["a page of HTML", { headers: HTML, body: html }],
    ["text that is no JSON", { body: "{" }],
    ["JSON of another shape", { body: '{"success": true, "result": 5}' }],
    ["null", { body: "null" }],
    ["success false without a reason", { body: '{"success": false, "errors": [], "result": null}' }],
    [
      "a record without an id",
      { body: '{"success": true, "result": {"posts": [{"type": "A", "name": "a", "ttl": 1}]}}' }
    ]
  ])("%s leaves the outcome unknown", async (_, canned) => {
    expect(await failing(canned)).toMatchObject({ _tag: "Unavailable" })
    expect(await failing(canned, list)).toMatchObject({ _tag: "Unavailable" })
  })

  it("a batch that answers with fewer records than were sent leaves the outcome unknown", async () => {
    expect(await failing({ body: '{"success": true, "result": {"posts": []}}' }, () => batch([], 1))).toMatchObject({
      _tag: "Unavailable",
      answered: true
    })
  })

  it("a refused connection is told with the socket's code", async () => {
    const gone = await serveAlways(() => ({ body: "" }))
    await gone.close()
    const { reason } = await provider.failure(
      DnsProvider.use((dns) => dns.findZone(accountAt(gone.url), "example.test", ""))
    )
    expect(reason).toMatchObject({
      _tag: "Unavailable",
      answered: false,
      message: "the provider could not be reached (ECONNREFUSED)"
    })
  })
})

describe("finding a zone", () => {
  const zone = (id: string, facts: object = {}) => ({
    id,
    name: "Example.test",
    type: "full",
    account: { id: "a" },
    plan: { legacy_id: "pro" },
    name_servers: null,
    ...facts
  })
  const found = (zones: ReadonlyArray<unknown>, preferred = "") => {
    answer = { body: JSON.stringify({ success: true, result: zones }) }
    return provider.run(DnsProvider.use((dns) => dns.findZone(accountAt(server.url), "example.test", preferred)))
  }

  it("takes the one with the id that is known, where several have the name", async () => {
    expect(await found([zone("1"), zone("2")], "2")).toMatchObject({ id: "2" })
    expect(await found([zone("1"), zone("2")], "3")).toMatchObject({ id: "1" })
  })

  it("takes none whose name only begins like it", async () => {
    expect(await found([zone("1", { name: "example.test.net" })])).toBeNull()
  })

  it("takes an unknown plan for the one with the smallest limits", async () => {
    expect(await found([zone("1", { plan: { legacy_id: "ultra" } })])).toMatchObject({ plan: "free" })
    expect(await found([zone("1", { plan: undefined })])).toMatchObject({ plan: "free" })
    expect(await found([zone("1")])).toMatchObject({ plan: "pro", nameServers: [] })
  })
})

describe("how long to wait after a 429", () => {
  const NOW = Date.parse("2026-01-05T10:00:00Z")
  it.each([
    [{ "retry-after": "30" }, 30],
    [{ "retry-after": "Mon, 05 Jan 2026 10:01:30 GMT" }, 90],
    [{ "retry-after": "Mon, 05 Jan 2026 09:00:00 GMT" }, 0],
    [{ ratelimit: '"default";r=0;t=45' }, 45],
    [{ "x-ratelimit-reset": "12" }, 12],
    [{ "x-ratelimit-reset": String(NOW / 1000 + 20) }, 20],
    [{ "retry-after": "soon" }, 300],
    [{}, 300]
  ])("%o: %i seconds", async (headers: Record<string, string>, seconds) => {
    expect(retryAfterSeconds(new Headers(headers), NOW)).toBe(seconds)
    const reason = await failing({ status: 429, headers, body: errors(10429) })
    expect(reason).toMatchObject({ _tag: "RateLimited", retryAfter: Duration.seconds(seconds) })
  })

  it("is never guessed from headers that hold nonsense", () => {
    expect(rateAnswer(new Headers({ ratelimit: "nonsense", "ratelimit-policy": '"x";q=abc' }), NOW)).toEqual({})
    expect(rateAnswer(new Headers({ "x-ratelimit-remaining": "-5" }), NOW)).toEqual({})
  })

  it("is read from the first policy where there are several", () => {
    const headers = new Headers({
      ratelimit: '"default";r=50;t=30, "other";r=1;t=1',
      "ratelimit-policy": '"default";q=1200;w=300, "other";q=5;w=1'
    })
    expect(rateAnswer(headers, NOW)).toEqual({ remaining: 50, resetSeconds: 30, quota: 1200, windowSeconds: 300 })
  })
})
