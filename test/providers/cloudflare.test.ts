/** The port to a DNS provider, as Cloudflare's layer keeps it, against the strict simulator. */
import { Duration, Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type Batch, DnsProvider } from "../../src/providers/dns.ts"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { accountAt, openProvider, TOKEN } from "../support/dns-provider.ts"

const ZONE = "example.test"
let simulator: Simulator
let provider: Awaited<ReturnType<typeof openProvider>>
beforeAll(async () => {
  simulator = await startSimulator({ tokens: [TOKEN], zones: [ZONE, "other.test"] })
  provider = await openProvider()
})
afterAll(async () => {
  await provider.close()
  await simulator.close()
})
beforeEach(() => {
  simulator.engine.control.reset()
  provider.ledger.permits = 0
  provider.ledger.furthers = 0
  provider.ledger.answers.length = 0
  provider.ledger.refuse = undefined
})

const control = () => simulator.engine.control
const account = () => accountAt(simulator.url)
const zoneId = () => control().setZone(ZONE)
const list = () => DnsProvider.use((dns) => dns.list(account(), zoneId()))
const nothing: Batch = { deletes: [], patches: [], posts: [] }
const batch = (changes: Partial<Batch>, timeout: Duration.Input = "10 seconds") =>
  DnsProvider.use((dns) =>
    Effect.flatMap(dns.permit(account()), (permit) =>
      dns.batch(account(), zoneId(), { ...nothing, ...changes }, { permit, timeout: Duration.fromInputUnsafe(timeout) })
    )
  )
const post = (name: string, content = "192.0.2.1"): Batch["posts"][number] => ({
  type: "A",
  name: `${name}.${ZONE}`,
  value: { content },
  ttl: 120,
  proxied: false,
  comment: "c"
})
const fill = (count: number) => {
  for (let i = 0; i < count; i++)
    control().edit({ op: "create", zone: ZONE, record: { type: "A", name: `n${i}`, content: "192.0.2.1" } })
}

describe("finding a zone", () => {
  it("answers its id, account, plan, type and name servers", async () => {
    const zone = await provider.run(DnsProvider.use((dns) => dns.findZone(account(), ZONE, "")))
    expect(zone).toEqual({
      id: zoneId(),
      name: ZONE,
      account: expect.stringMatching(/^[0-9a-f]{32}$/u),
      plan: "enterprise",
      type: "full",
      nameServers: ["ada.ns.cloudflare.com", "bob.ns.cloudflare.com"]
    })
  })

  it("answers null for one that the token does not see", async () => {
    expect(await provider.run(DnsProvider.use((dns) => dns.findZone(account(), "unknown.test", "")))).toBeNull()
    control().setToken(TOKEN, { active: true, zones: ["other.test"] })
    expect(await provider.run(DnsProvider.use((dns) => dns.findZone(account(), ZONE, "")))).toBeNull()
  })
})

describe("a list", () => {
  it("of an empty zone is empty", async () => {
    expect(await provider.run(list())).toEqual([])
    expect(control().counts()["list"]).toBe(1)
  })

  it("holds every record in as few pages as there can be", async () => {
    fill(10_001)
    const records = await provider.run(list())
    expect(new Set(records.map(({ id }) => id)).size).toBe(10_001)
    expect(control().counts()["list"]).toBe(3)
    expect(provider.ledger.permits).toBe(3)
    expect(await provider.run(DnsProvider.useSync((dns) => dns.pageSize))).toBe(5000)
  })

  it("shows a record as the provider has it", async () => {
    control().edit({
      op: "create",
      zone: ZONE,
      record: {
        type: "MX",
        name: "Www",
        content: "mail.example.net",
        priority: 10,
        ttl: 300,
        comment: "c",
        readOnly: true
      }
    })
    expect(await provider.run(list())).toMatchObject([
      {
        type: "MX",
        name: "www.example.test",
        content: "mail.example.net",
        priority: 10,
        ttl: 300,
        proxied: false,
        comment: "c",
        readOnly: true
      }
    ])
  })

  it("is begun anew when the zone changes between two pages, and then is complete", async () => {
    fill(5001)
    control().addFault({
      match: { kind: "list", query: "page=1" },
      effect: {
        do: "edit",
        edit: { op: "create", zone: ZONE, record: { type: "A", name: "aaa", content: "192.0.2.9" } }
      }
    })
    expect(await provider.run(list())).toHaveLength(5002)
    expect(control().counts()["list"]).toBe(4)
  })

  it.each([
    ["lacks a record that its count promises", { drop: 1 }],
    ["lacks all of them", { drop: 5000 }]
  ])("is begun anew when a page %s", async (_, page) => {
    fill(3)
    control().addFault({ match: { kind: "list" }, effect: { do: "page", ...page } })
    expect(await provider.run(list())).toHaveLength(3)
    expect(control().counts()["list"]).toBe(2)
  })

  it("that is never whole is no list: the provider is unavailable", async () => {
    fill(3)
    control().addFault({ match: { kind: "list" }, times: "always", effect: { do: "page", drop: 1 } })
    expect((await provider.failure(list())).reason).toMatchObject({ _tag: "Unavailable", answered: true })
    expect(control().counts()["list"]).toBe(3)
  })
})

describe("a batch", () => {
  it("deletes, changes and creates in one call, and answers with the records as they are then", async () => {
    const made = await provider.run(batch({ posts: [post("a"), post("b"), post("c")] }))
    expect(made.posts.map(({ name }) => name)).toEqual(["a.example.test", "b.example.test", "c.example.test"])
    const [a, b, c] = made.posts.map(({ id }) => id)
    control().clearCalls()
    const changed = await provider.run(
      batch({
        deletes: [c ?? ""],
        patches: [
          { id: b ?? "", write: { value: { content: "192.0.2.2" } } },
          { id: a ?? "", write: { comment: "" } }
        ],
        posts: [post("c", "192.0.2.3")]
      })
    )
    expect(control().counts()).toMatchObject({ batch: 1, total: 1 })
    expect(changed.patches).toMatchObject([
      { id: b, content: "192.0.2.2", comment: "c", ttl: 120 },
      { id: a, comment: null }
    ])
    expect(changed.posts).toMatchObject([{ name: "c.example.test", content: "192.0.2.3" }])
    expect(control().records(ZONE)).toHaveLength(3)
  })

  it.each([
    ["lost before", { do: "lose", when: "before" }],
    ["lost after", { do: "lose", when: "after", how: "reset" }],
    ["cut off", { do: "lose", when: "after", how: "midway" }],
    ["a 500", { do: "answer", status: 500 }],
    ["a 409", { do: "answer", status: 409 }],
    ["a 429", { do: "answer", status: 429, retryAfterSeconds: 1 }]
  ] as const)("is never sent twice when its answer is %s", async (_, effect) => {
    control().addFault({ match: { kind: "batch" }, effect })
    await provider.failure(batch({ posts: [post("a")] }))
    expect(control().counts()["batch"]).toBe(1)
  })

  it.each([
    ["lost before", { do: "lose", when: "before" }],
    ["lost after", { do: "lose", when: "after" }],
    ["cut off", { do: "lose", when: "after", how: "midway" }]
  ] as const)("whose answer is %s has an outcome that nobody knows", async (_, effect) => {
    control().addFault({ match: { kind: "batch" }, effect })
    expect((await provider.failure(batch({ posts: [post("a")] }))).reason).toMatchObject({
      _tag: "Unavailable",
      answered: false
    })
  })

  it("waits no longer for its answer than it is told to", async () => {
    control().addFault({ match: { kind: "batch" }, effect: { do: "slow", ms: 600_000 } })
    const { reason } = await provider.failure(batch({ posts: [post("a")] }, "50 millis"), "real")
    expect(reason).toMatchObject({ _tag: "Unavailable", answered: false, message: "no answer within 50ms" })
  })
})

describe("a permit", () => {
  const batchAfter = (wait: Duration.Input) =>
    DnsProvider.use((dns) =>
      Effect.gen(function* () {
        const permit = yield* dns.permit(account())
        provider.clock.advance(wait)
        return yield* dns.batch(
          account(),
          zoneId(),
          { ...nothing, posts: [post("a")] },
          { permit, timeout: Duration.seconds(10) }
        )
      })
    )

  it("is taken for every call, once", async () => {
    await provider.run(batchAfter("1 second"))
    expect(provider.ledger.permits).toBe(1)
    await provider.run(list())
    expect(provider.ledger.permits).toBe(2)
  })

  it("of each page but the first of a list goes on with what has begun", async () => {
    fill(5001)
    control().addFault({
      match: { kind: "list", query: "page=1" },
      effect: {
        do: "edit",
        edit: { op: "create", zone: ZONE, record: { type: "A", name: "aaa", content: "192.0.2.9" } }
      }
    })
    await provider.run(list())
    expect(provider.ledger).toMatchObject({ permits: 4, furthers: 3 })
  })

  it("that is older than a second is taken anew", async () => {
    await provider.run(batchAfter("1001 millis"))
    expect(provider.ledger.permits).toBe(2)
  })

  it("that is refused keeps the call from being made, and says how long", async () => {
    provider.ledger.refuse = Duration.seconds(7)
    const { reason } = await provider.failure(list())
    expect(reason).toMatchObject({ _tag: "RateLimited", retryAfter: Duration.seconds(7) })
    expect(control().counts()["total"]).toBeUndefined()
  })
})

describe("the rate limit's headers", () => {
  it.each([
    ["ratelimit", { remaining: 99, resetSeconds: 60, quota: 100, windowSeconds: 60 }],
    ["x-ratelimit", { remaining: 99, resetSeconds: 60, quota: 100 }]
  ] as const)("by the names of %s reach the budget", async (headers, answer) => {
    control().setRateLimit({ quota: 100, windowSeconds: 60, headers })
    await provider.run(list())
    expect(provider.ledger.answers).toEqual([answer])
  })

  it("of a refusal reach it with the time to wait", async () => {
    control().block(TOKEN, 77)
    await provider.failure(list())
    expect(provider.ledger.answers).toMatchObject([{ remaining: 0, blockedSeconds: 77 }])
  })
})
