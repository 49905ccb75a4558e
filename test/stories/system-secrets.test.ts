/**
 * Secrets with unmistakable texts go in wherever they may, and some where they may not. Then everything that the
 * product says and keeps is searched for them: they are nowhere but where they were put.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { startSimulator } from "../../src/simulator/server.ts"
import { run } from "../cli/program.ts"
import { anyPostgres, skipped } from "../support/database.ts"
import { aDirectory, begin, serve } from "../support/system-process.ts"
import { aDatabase, aDomain, type Api, apiAt, document, type System } from "../support/system-world.ts"

const offer = await anyPostgres()
const canary = (name: string) => `canary-${name}-${Buffer.from(name.repeat(8)).toString("hex").slice(0, 40)}`
const TOKENS = { http: canary("http"), env: canary("env"), file: canary("file"), sql: canary("sql") }
const ADMIN = canary("admin")
const KEY = Buffer.from(canary("encryption-key")).subarray(0, 32)
const BOUND = { timeout: 120_000 }
const PATIENCE = { timeout: 40_000, interval: 100 }

/** Parts of a secret, so that one that was cut is found too; as they are, in hexadecimal and in base64. */
const formsOf = (secret: string): ReadonlyArray<string> => {
  const part = secret.slice(0, 18)
  const hidden = Buffer.from(part)
  return [part, secret.slice(-22, -4), hidden.toString("hex"), hidden.toString("base64")]
}

/** Where a secret was found: names of texts, never the secret, which a failing test would print. */
const leaks = (texts: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>>) =>
  Object.entries(texts).flatMap(([place, text]) =>
    Object.entries(secrets)
      .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
      .map(([name]) => `${name} is in ${place}`)
  )

const cleanup = () => {
  const stops = new AsyncDisposableStack()
  onTestFinished(() => stops.disposeAsync())
  return stops
}

/** Each row of each relation, each column default and each function, as text. */
const dump = async ({ sql }: System): Promise<string> => {
  const relations = await sql(`select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'v', 'm', 'S') and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`)
  const texts = await Promise.all(
    relations.map(async ({ name }) => `${String(name)} ${JSON.stringify(await sql(`select * from ${String(name)}`))}`)
  )
  expect(texts.join("\n")).toContain("public.api_keys [{")
  return texts.join("\n")
}

/** Mistakes of a person who has the token at hand. */
const mistakes = async (api: Api, token: string): Promise<string> => {
  const create = "/api/v1/api-keys/create"
  const raw = (body: string) => api.send("POST", create, { body })
  const withHeaders = (headers: Record<string, string>) => api.send("GET", "/api/v1/domains", { headers })
  const spec = { provider: "cloudflare", tokenFrom: { env: "X" } }
  const answers = [
    await raw(`{"name": "a", "provider": "cloudflare", "apiToken": "${token}"`),
    await raw(`{"name": "a", "provider": "cloudflare", "apiToken": ${token}}`),
    await raw(token),
    await api.post(create, token),
    await api.post(create, { name: "a", provider: token, apiToken: token }),
    await api.post(create, { name: "a", provider: "cloudflare", apiToken: token, token }),
    await api.post(create, { name: "a", provider: "cloudflare", apiToken: [token] }),
    await api.post(create, { name: "a", provider: "cloudflare", apiToken: { value: token } }),
    await api.post(create, { name: "a", provider: "cloudflare", apiToken: `${token}\n` }),
    await api.post("/api/v1/dns/records/create", { domainId: token, type: token, ttl: token, ownerType: token }),
    await api.get(`/api/v1/dns/records?status=${token}&page=${token}`),
    await api.get(`/api/v1/dns/records/${token}`),
    await api.get(`/api/v1/nowhere?token=${token}`),
    await api.apply(document("Credential", "a", { ...spec, apiToken: token })),
    await api.apply(document("Credential", "a", { provider: "cloudflare", tokenFrom: token })),
    await api.apply(document("Credential", "a", { provider: token, tokenFrom: { literal: token } })),
    await withHeaders({ authorization: `Bearer ${token}` }),
    await withHeaders({ authorization: token }),
    await withHeaders({ authorization: `Basic ${Buffer.from(`a:${token}`).toString("base64")}` })
  ]
  expect(answers.map(({ status }) => status).filter((status) => status < 400 || status >= 500)).toEqual([])
  return answers.map(({ text }) => text).join("\n")
}

/** All that the API, the metrics and the command line can be asked for. */
const everythingSaid = async (api: Api, urls: { readonly api: string; readonly metrics: string }, token: string) => {
  const pages = [
    "/api/v1/api-keys",
    "/api/v1/domains",
    "/api/v1/dns/records",
    "/api/v1/manifests",
    "/openapi.json",
    "/docs"
  ]
  const texts: Record<string, string> = {}
  for (const page of pages) texts[page] = (await api.get(page)).text
  for (const page of ["/metrics", "/healthz", "/readyz"]) {
    texts[page] = await (await fetch(`${urls.metrics}${page}`)).text()
  }
  const environment = { DRIFTLESS_SERVER: urls.api, DRIFTLESS_ADMIN_TOKEN: token }
  for (const args of [
    ["get", "all", "-o", "yaml"],
    ["get", "all", "-o", "wide"],
    ["get", "nothing/here"]
  ]) {
    const { stderr, stdout } = await run(args, { environment })
    texts[`driftless ${args.join(" ")}`] = stdout + stderr
  }
  const refused = await run(["get", "all", "--token", `${TOKENS.http}-wrong`], { environment })
  texts["driftless with a wrong token"] = refused.stdout + refused.stderr
  return texts
}

describe.skipIf(offer.missing)(`secrets in a running system${skipped(offer)}`, () => {
  it("are nowhere but where they were put, although the provider says them back", BOUND, async () => {
    const stops = cleanup()
    const zones = ["http.test", "env.test", "file.test", "sql.test", "odd.test"]
    const simulator = await startSimulator({ zones, tokens: Object.values(TOKENS) })
    stops.defer(() => simulator.close())
    const { control } = simulator.engine
    const echo = (match: object, status: number, message: string) =>
      control.addFault({ match, times: "always", effect: { do: "answer", status, message, retryAfterSeconds: 1 } })
    const of = (zone: string, kind: string) => ({ path: control.setZone(zone), kind })
    echo({ kind: "zones", query: "http.test" }, 401, `the key ${TOKENS.http} is not known`)
    echo(of("env.test", "write"), 400, `the key ${TOKENS.env} may not write this`)
    echo(of("file.test", "list"), 500, `lost the session of ${TOKENS.file} (${TOKENS.file})`)
    // So long that whoever cuts it before looking for the token keeps half of one.
    echo(of("sql.test", "list"), 429, `${"slow ".repeat(96)}${TOKENS.sql}`)

    const database = await aDatabase(offer, stops)
    const credentials = aDirectory(stops)
    writeFileSync(join(credentials, "cloudflare"), `${TOKENS.file}\n`, { mode: 0o600 })
    const variables = {
      DATABASE_URL: database.url,
      DRIFTLESS_ADMIN_TOKEN: ADMIN,
      DRIFTLESS_ENCRYPTION_KEY: KEY.toString("base64"),
      DRIFTLESS_CREDENTIAL_DIR: credentials,
      DRIFTLESS_LOG_LEVEL: "trace",
      CLOUDFLARE_API_TOKEN: TOKENS.env,
      CLOUDFLARE_BASE_URL: simulator.url
    }
    const plane = await serve(variables, stops)
    const api = apiAt(plane.api, ADMIN)
    await aDomain(api, "http.test", TOKENS.http)
    for (const [name, tokenFrom] of [
      ["env", { env: "CLOUDFLARE_API_TOKEN" }],
      ["file", { file: "cloudflare" }]
    ] as const) {
      const applied = await api.apply(
        document("Credential", name, { provider: "cloudflare", tokenFrom }),
        document("Domain", name, { domain: `${name}.test`, credentialRef: { name } }),
        document("DnsRecord", name, { domainRef: { name }, type: "A", name: "www", values: ["192.0.2.1"] })
      )
      expect(applied.status).toBe(200)
    }
    // The second is not even sent: a line break is not allowed in a header, and whoever refuses it says the header.
    for (const [name, token] of [
      ["sql", TOKENS.sql],
      ["odd", `${TOKENS.sql}\n${TOKENS.sql}`]
    ] as const) {
      await database.sql("insert into domains (domain) values ($1)", [`${name}.test`])
      await database.sql("insert into api_keys (name, api_token) values ($1, $2)", [name, token])
      await database.sql(
        `insert into domain_dns_providers (domain_id, api_key_id) select d.id, k.id from domains d, api_keys k
         where d.domain = $1 and k.name = $2`,
        [`${name}.test`, name]
      )
    }
    const secrets = {
      ...TOKENS,
      admin: ADMIN,
      key: KEY.toString(),
      "encoded key": KEY.toString("base64"),
      password: decodeURIComponent(new URL(database.url).password).padEnd(22, "-")
    }
    const answers: Record<string, string> = {}
    for (const [name, secret] of Object.entries({ ...TOKENS, admin: canary("nobody") })) {
      answers[`answers to mistakes with ${name}`] = await mistakes(api, secret)
    }

    const told = async () => {
      const conditions = await database.sql(`select d.domain, c.message from reconcile_conditions c
        join domains d on d.id::text = c.key order by d.domain collate "C"`)
      return Object.fromEntries(conditions.map(({ domain, message }) => [String(domain), String(message)]))
    }
    await vi.waitFor(
      async () =>
        expect(await told()).toMatchObject({
          "http.test": expect.stringContaining("the key <token> is not known"),
          "file.test": expect.stringContaining("lost the session of <token> (<token>)"),
          "sql.test": expect.stringContaining("slow <token>"),
          "odd.test": expect.stringMatching(/^credential \d+ holds characters that no token has$/u)
        }),
      PATIENCE
    )
    await vi.waitFor(async () => {
      const [row] = await database.sql("select last_error from dns_records where last_error <> ''")
      expect(row?.["last_error"]).toContain("the key <token> may not write this")
    }, PATIENCE)
    // What was put in clear is encrypted by now.
    const kept = await dump(database)

    // Defects say why in the log, where the statement and its parameters must not be.
    await database.sql("alter table api_keys rename column token_from to token_from_elsewhere")
    answers["an answer to a defect"] = (
      await api.post("/api/v1/api-keys/create", { name: "late", provider: "cloudflare", apiToken: TOKENS.http })
    ).text
    answers["a list with a defect"] = (await api.get("/api/v1/api-keys")).text
    await plane.says(/column .*token_from.* does not exist/u)
    await database.sql("alter table api_keys rename column token_from_elsewhere to token_from")

    const said = await everythingSaid(api, plane, ADMIN)
    const { output, code } = await plane.end("SIGTERM")
    expect(code).toBe(0)
    expect(output).toContain('"msg":"a request died"')
    const zonesSeen = JSON.stringify(zones.map((zone) => control.records(zone)))
    expect(leaks({ ...answers, ...said, dump: kept, log: output, zones: zonesSeen }, secrets)).toEqual([])
  })

  it("are not told by a start that is refused", BOUND, async () => {
    const stops = cleanup()
    const { url } = await aDatabase(offer, stops)
    const key = KEY.toString("base64")
    const secret = canary("refused")
    const wrongPassword = Object.assign(new URL(url), { password: secret }).href
    const refusals: ReadonlyArray<readonly [variables: Record<string, string>, code: number, words: RegExp]> = [
      [{ DRIFTLESS_ENCRYPTION_KEY: Buffer.from(secret).toString("base64") }, 2, /ENCRYPTION_KEY must be 32 bytes/u],
      [
        { DATABASE_URL: `mysql://a:${secret}@localhost/b`, DRIFTLESS_ENCRYPTION_KEY: key },
        2,
        /DATABASE_URL not a URL/u
      ],
      [{ CLOUDFLARE_BASE_URL: secret, DRIFTLESS_ADMIN_TOKEN: secret.slice(0, 15) }, 2, /ADMIN_TOKEN is shorter than/u],
      [{ DATABASE_URL: wrongPassword, DRIFTLESS_ENCRYPTION_KEY: key }, 1, /password authentication failed/u]
    ]
    for (const [variables, code, words] of refusals) {
      const ended = await begin("serve", { DRIFTLESS_DATA_DIR: aDirectory(stops), ...variables }, stops).ended
      expect(ended).toMatchObject({ code, output: expect.stringMatching(words) })
      expect(leaks({ output: ended.output }, { secret })).toEqual([])
    }
  })
})

describe("secrets in a data directory", () => {
  const filesOf = (directory: string) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))

  it("are in no byte of it but two files that nobody else may read", BOUND, async () => {
    const stops = cleanup()
    const simulator = await startSimulator({ zones: ["http.test"], tokens: [TOKENS.http] })
    stops.defer(() => simulator.close())
    const directory = aDirectory(stops)
    const plane = await serve(
      {
        DRIFTLESS_DATA_DIR: directory,
        DRIFTLESS_ADMIN_TOKEN: "",
        DRIFTLESS_LOG_LEVEL: "trace",
        CLOUDFLARE_BASE_URL: simulator.url
      },
      stops
    )
    const made = ["admin-token", "encryption-key"].map((name) => join(directory, name))
    const [admin = "", key = ""] = made.map((file) => readFileSync(file, "utf8").trim())
    for (const file of made) expect(statSync(file).mode & 0o777).toBe(0o600)
    const api = apiAt(plane.api, admin)
    const domainId = await aDomain(api, "http.test", TOKENS.http)
    await api.post("/api/v1/dns/records/create", { domainId, type: "A", name: "www", value: "192.0.2.1" })
    await vi.waitFor(() => expect(simulator.engine.control.records("http.test")).toHaveLength(1), PATIENCE)
    const secrets = { http: TOKENS.http, admin, key, "decoded key": Buffer.from(key, "base64").toString("latin1") }
    const said = await everythingSaid(api, plane, admin)
    const { output } = await plane.end("SIGTERM")
    const kept = filesOf(directory).filter((file) => !made.includes(file))
    expect(kept.length).toBeGreaterThan(100)
    const texts = Object.fromEntries(kept.map((file) => [file, readFileSync(file, "latin1")]))
    expect(leaks({ ...said, log: output, ...texts }, secrets)).toEqual([])
    // The search finds what is there.
    expect(leaks({ file: readFileSync(made[0] ?? "", "latin1") }, secrets)).toEqual(["admin is in file"])
  })
})
