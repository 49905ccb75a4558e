/** What surrounds every endpoint: tokens, roles, sizes, unknown routes, and what goes wrong inside. */
import { Effect, Redacted } from "effect"
import { hash } from "node:crypto"
import { connect } from "node:net"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { ensureAdminToken } from "../../src/api/auth.ts"
import { DriftlessClient } from "../../src/api/client.ts"
import { codes } from "../../src/api/codes.ts"
import { NotFound } from "../../src/api/envelope.ts"
import { ADMIN_TOKEN, aDomain, type Answer, type Surfaces, start } from "../support/control-plane.ts"

let plane: Surfaces

beforeAll(async () => {
  plane = await start()
  for (const role of ["viewer", "operator"]) {
    await plane.sql("insert into api_tokens (name, role, token_hash) values ($1, $2, $3)", [
      role,
      role,
      hash("sha256", `token-of-the-${role}`)
    ])
  }
})
afterAll(() => plane.close())

const RECORDS = "/api/v1/dns/records"
const json = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" }

describe("tokens and roles", () => {
  it("asks for a token where none was sent", async () => {
    const { body, status } = await plane.send("GET", RECORDS)
    expect([status, body.code, body.data]).toEqual([401, 1001, null])
  })

  it("refuses a token that is not known, before it looks at the body", async () => {
    const { body, status } = await plane.post(`${RECORDS}/create`, { nonsense: true }, "somebody-else")
    expect([status, body.code]).toEqual([401, 1002])
  })

  it("lets a viewer read and nothing else", async () => {
    expect((await plane.get(RECORDS, "token-of-the-viewer")).status).toBe(200)
    const { body, status } = await plane.post(`${RECORDS}/delete`, { ids: [1] }, "token-of-the-viewer")
    expect([status, body.code]).toEqual([403, 1004])
    const headers = { ...json, authorization: "Bearer token-of-the-viewer" }
    expect((await plane.send("DELETE", "/api/v1/manifests?kind=Domain&name=a", { headers })).status).toBe(403)
  })

  it("lets an operator write", async () => {
    expect((await plane.post(`${RECORDS}/delete`, { ids: [1] }, "token-of-the-operator")).status).toBe(200)
  })

  it("keeps hashes alone", async () => {
    const rows = JSON.stringify(await plane.sql("select * from api_tokens"))
    expect(rows).not.toContain(ADMIN_TOKEN)
    expect(rows).toContain(hash("sha256", ADMIN_TOKEN))
  })

  it("lets the former admin token open nothing once there is another", async () => {
    await plane.run(ensureAdminToken(Redacted.make("another-admin-token")))
    try {
      expect((await plane.get(RECORDS)).status).toBe(401)
      expect((await plane.get(RECORDS, "another-admin-token")).status).toBe(200)
    } finally {
      await plane.run(ensureAdminToken(Redacted.make(ADMIN_TOKEN)))
    }
  })
})

describe("what the contract does not answer", () => {
  it("answers ping without a token", async () => {
    expect((await plane.send("GET", "/api/v1/ping")).body).toEqual({ code: 0, message: "success" })
  })

  it.each(["/", "/api/v1", "/api/v2/dns/records", "/api/v1/dns/records/1/2"])(
    "has the envelope at %s",
    async (path) => {
      const { body, status } = await plane.get(path)
      expect([status, body.code, body.data]).toEqual([404, 3001, null])
    }
  )

  it.each<readonly [status: number, method: string, path: string, init: RequestInit]>([
    [404, "GET", "/api/v1/nothing", {}],
    [401, "GET", RECORDS, {}],
    [401, "GET", RECORDS, { headers: { authorization: "Bearer nobody" } }],
    [405, "PATCH", "/api/v1/manifests", { headers: json }],
    [404, "POST", `${RECORDS}/retry`, { headers: json, body: '{"id":424242}' }],
    [400, "POST", `${RECORDS}/retry`, { headers: json, body: "{}" }],
    [415, "POST", `${RECORDS}/retry`, { headers: { ...json, "content-type": "text/plain" }, body: "{}" }],
    [413, "POST", `${RECORDS}/retry`, { headers: json, body: " ".repeat(1024 * 1024 + 1) }]
  ])("answers %d in the envelope, with a code of the table: %s %s", async (expected, method, path, init) => {
    const { body, status, text } = await plane.send(method, path, init)
    expect(status).toBe(expected)
    expect(Object.keys(JSON.parse(text))).toEqual(["code", "message", "data"])
    expect(codes.map(({ code, http }) => [code, http])).toContainEqual([body.code, status])
  })

  it("names the methods of a path that takes others", async () => {
    const { body, headers, status } = await plane.send("PATCH", "/api/v1/manifests", { headers: json })
    expect([status, body.code]).toEqual([405, 3001])
    expect(headers.get("allow")?.split(", ").toSorted()).toEqual(["DELETE", "GET", "PUT"])
  })

  it.each([
    ["text", 415, { ...json, "content-type": "text/plain" }, "{}"],
    ["broken JSON", 400, json, "{"],
    ["no body", 400, json, ""],
    ["a list", 400, json, "[]"],
    ["null", 400, json, "null"]
  ])("refuses %s as a body", async (_name, expected, headers, body) => {
    const answer = await plane.send("POST", `${RECORDS}/delete`, { headers, body })
    expect([answer.status, answer.body.code]).toEqual([expected, 2002])
  })

  it.each(["\u0000", "\ud800"])("names the field whose text cannot be kept: %j", async (part) => {
    const input = { name: part, provider: "cloudflare", account: part, apiToken: "a-token" }
    const { body, status } = await plane.post("/api/v1/api-keys/create", input)
    expect([status, body.code]).toEqual([400, 2002])
    expect(JSON.parse(JSON.stringify(body.data)).errors.map(({ path }: { path: string }) => path)).toEqual([
      "name",
      "account"
    ])
  })

  it("refuses a body that is longer than a mebibyte, by its length", async () => {
    const { body, status } = await plane.post(`${RECORDS}/create`, { name: "x".repeat(1024 * 1024) })
    expect([status, body.code]).toEqual([413, 2003])
  })

  it("refuses one that does not say its length, as soon as it is too long", async () => {
    const { hostname, port } = new URL(plane.url)
    const first = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname)
      const chunk = `10000\r\n${" ".repeat(0x1_00_00)}\r\n`
      const head = Object.entries(json).map(([name, value]) => `${name}: ${value}\r\n`)
      // The body never ends: only a server that stops reading can answer.
      const more = () => {
        while (!socket.destroyed && socket.write(chunk)) continue
      }
      socket.on("drain", more)
      socket.on("data", (data) => {
        resolve(data.toString())
        socket.destroy()
      })
      socket.on("error", reject)
      socket.write(
        `POST ${RECORDS}/create HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n${head.join("")}\r\n`,
        more
      )
    })
    expect(first).toContain("HTTP/1.1 413")
    expect(first).toContain('"code":2003')
  })

  it("takes documents of up to eight", async () => {
    const documents = [{ text: "x".repeat(2 * 1024 * 1024) }]
    const init = { headers: json, body: JSON.stringify({ documents }) }
    expect((await plane.send("PUT", "/api/v1/manifests", init)).status).toBe(400)
  })

  it.each([
    ["a list", "ids", `{"ids":[${"0,".repeat(400_000)}0]}`],
    ["an object", "the body", `{${Array.from({ length: 60_000 }, (_, index) => `"key${index}":0`).join()}}`]
  ])("refuses %s that is far too long for that alone", async (_what, path, body) => {
    const answer = await plane.send("POST", `${RECORDS}/delete`, { headers: json, body })
    expect([answer.status, answer.body.code]).toEqual([400, 2003])
    expect(answer.body.message).toContain(`${path}: h`)
    expect(answer.text.length).toBeLessThan(500)
  })

  it("refuses documents full of mistakes with the first of them", async () => {
    const spec = { domainRef: { name: "d" }, type: "A", name: "x", values: Array.from({ length: 100 }, () => "") }
    const documents = Array.from({ length: 1000 }, () => ({ kind: "DnsRecord", metadata: {}, spec }))
    const answer = await plane.send("PUT", "/api/v1/manifests", { headers: json, body: JSON.stringify({ documents }) })
    expect([answer.status, answer.body.message]).toEqual([
      400,
      "more than 100 mistakes; data.errors has the first 100 with their paths"
    ])
    expect(JSON.parse(answer.text).data.errors).toHaveLength(101)
    expect(answer.text.length).toBeLessThan(10_000)
  })

  it("answers a failure of the database with the envelope, and logs its text", async () => {
    await plane.sql("alter table api_keys rename to lost_keys")
    try {
      const { body, status } = await plane.get("/api/v1/api-keys")
      expect([status, body.code]).toEqual([500, 5002])
      expect(body.message).not.toContain("api_keys")
      expect(plane.logs.join()).toContain(`relation \\"api_keys\\" does not exist`)
    } finally {
      await plane.sql("alter table lost_keys rename to api_keys")
    }
  })

  it("answers a defect with the envelope and not with its text", async () => {
    await plane.sql("insert into manifests (kind, name, spec) values ('Mystery', 'x', '{}')")
    try {
      const { body, status } = await plane.get("/api/v1/manifests")
      expect([status, body.code, body.data]).toEqual([500, 5001, null])
      expect(body.message).not.toContain("Mystery")
      expect(plane.logs.join()).toContain("a request died")
    } finally {
      await plane.sql("delete from manifests where kind = 'Mystery'")
    }
  })

  it("puts a token into no answer and no log, whatever goes wrong", async () => {
    const canary = "canary-0123456789-canary-0123456789"
    const input = { name: "canary", provider: "cloudflare", apiToken: canary }
    const attempts: Array<Answer> = []
    for (const wrong of [
      {},
      { provider: canary },
      { apiToken: `${canary} ` },
      { [canary.slice(0, 6)]: canary },
      { account: "\u0000" }
    ]) {
      attempts.push(await plane.post("/api/v1/api-keys/create", { ...input, ...wrong }))
    }
    await plane.sql("insert into api_keys (name, api_token) values ('by hand', $1)", [canary])
    // Encrypting in place is the one statement that takes the clear token as a parameter: it fails here.
    await plane.sql("alter table api_keys add constraint broken check (api_token not like 'v1:%') not valid")
    attempts.push(await plane.get("/api/v1/api-keys"), await plane.post("/api/v1/api-keys/create", input))
    await plane.sql("alter table api_keys drop constraint broken")
    attempts.push(await plane.get("/api/v1/api-keys"))
    expect(attempts.map(({ status }) => status)).toEqual([200, 400, 400, 400, 400, 500, 500, 200])
    expect(attempts.map(({ text }) => text).join()).not.toContain(canary)
    expect(plane.logs.length).toBeGreaterThan(0)
    expect(plane.logs.join()).not.toContain(canary)
  })

  it("answers what is no HTTP at all and lives on", async () => {
    const { hostname, port } = new URL(plane.url)
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => socket.write("nonsense\r\n\r\n"))
      socket.on("data", () => undefined)
      socket.on("close", () => resolve())
      socket.on("error", reject)
    })
    expect((await plane.send("GET", "/api/v1/ping")).status).toBe(200)
  })

  it("describes itself", async () => {
    const { body, status } = await plane.send("GET", "/openapi.json")
    expect(status).toBe(200)
    const paths = Object.keys(JSON.parse(JSON.stringify(body)).paths)
    expect(paths).toEqual(
      expect.arrayContaining([
        "/api/v1/dns/records/create",
        "/api/v1/api-keys",
        "/api/v1/domains/{id}",
        "/api/v1/manifests"
      ])
    )
  })
})

describe("DriftlessClient", () => {
  const withClient = <A, E>(use: (client: DriftlessClient["Service"]) => Effect.Effect<A, E>) =>
    Effect.runPromise(
      Effect.flatMap(DriftlessClient, use).pipe(
        Effect.provide(DriftlessClient.layer({ baseUrl: plane.url, token: Redacted.make(ADMIN_TOKEN) }))
      )
    )

  it("speaks the contract", async () => {
    const { domainId } = await aDomain(plane, "client.test")
    const made = await withClient((client) =>
      client.dns.create({
        payload: {
          domainId,
          type: "A",
          name: "www",
          value: "192.0.2.1",
          ttl: 120,
          proxied: false,
          ownerType: "user",
          ownerId: 0
        }
      })
    )
    expect(made.data).toMatchObject({ domainId, status: "pending" })
    const page = await withClient((client) => client.dns.list({ query: { domainId, page: 1, pageSize: 20 } }))
    expect(page.data.list).toHaveLength(1)
  })

  it("sends a token and reads it never", async () => {
    const made = await withClient((client) =>
      client.credentials.create({
        payload: { name: "c", provider: "cloudflare", apiToken: Redacted.make("a-token-that-nobody-sees") }
      })
    )
    expect(made.data.apiTokenMasked).toBe("****sees")
  })

  it("fails with what the server refused", async () => {
    const error = await withClient((client) => Effect.flip(client.domains.get({ params: { id: 424_242 } })))
    expect(error).toBeInstanceOf(NotFound)
    expect(error).toMatchObject({ code: 3001, message: "there is no domain 424242" })
  })
})
