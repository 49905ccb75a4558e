/**
 * The control plane's surfaces on an embedded database in memory: real SQL, real HTTP on a free port, no provider.
 * One database serves a whole file; its tests use domains and names of their own.
 */
import { PGlite } from "@electric-sql/pglite"
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import { randomBytes } from "node:crypto"
import * as logging from "../../src/logging.ts"
import { ensureAdminToken } from "../../src/api/auth.ts"
import * as server from "../../src/api/server.ts"
import { Database } from "../../src/database/database.ts"
import { migrate } from "../../src/database/migrate.ts"
import { fromPglite, pgliteOptions } from "../../src/database/pglite.ts"
import { Secrets } from "../../src/database/secrets.ts"
import { Wakes } from "../../src/database/wake.ts"
import { CredentialSources, type CredentialSourcesOptions } from "../../src/reconcilers/dns/store/credential-sources.ts"

export const ADMIN_TOKEN = "admin-token-of-the-tests"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  readonly body: Body
}

export interface Body {
  readonly code: number
  readonly message: string
  readonly data: Data
}

/** What a test may reach into without saying its type: it asserts on what it finds. */
export interface Data {
  readonly [field: string]: Data
}

export type Services = Database | Secrets | Wakes | CredentialSources

export interface Surfaces {
  readonly url: string
  readonly lite: PGlite
  readonly close: () => Promise<void>
  /** What the API has logged, a line each. */
  readonly logs: ReadonlyArray<string>
  /** Runs a store against the same database. */
  readonly run: <A, E>(effect: Effect.Effect<A, E, Services>) => Promise<A>
  readonly sql: (text: string, values?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Record<string, unknown>>>
  readonly get: (path: string, token?: string) => Promise<Answer>
  readonly post: (path: string, body: unknown, token?: string) => Promise<Answer>
  readonly send: (method: string, path: string, init?: RequestInit) => Promise<Answer>
}

const SOURCES: CredentialSourcesOptions = {
  environment: { CLOUDFLARE_API_TOKEN: "token-from-the-environment" },
  names: ["CLOUDFLARE_API_TOKEN"],
  directory: undefined
}

export const start = async (sources: CredentialSourcesOptions = SOURCES): Promise<Surfaces> => {
  const lite = await PGlite.create(pgliteOptions)
  const scope = Scope.makeUnsafe()
  const base = Layer.mergeAll(Secrets.layer(Redacted.make(randomBytes(32))), CredentialSources.layer(sources)).pipe(
    Layer.provideMerge(Wakes.layer),
    Layer.provideMerge(Layer.succeed(Database, fromPglite(lite)))
  )
  const context = await Effect.runPromise(Layer.buildWithScope(base, scope))
  const run = <A, E>(effect: Effect.Effect<A, E, Services>) => Effect.runPromise(Effect.provideContext(effect, context))
  await run(migrate())
  await run(ensureAdminToken(Redacted.make(ADMIN_TOKEN)))
  const logs: Array<string> = []
  const url = await listen(
    Layer.merge(Layer.succeedContext(context), logging.layerStream({ write: (line) => void logs.push(line) })),
    scope
  )

  const send = async (method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
    const response = await fetch(`${url}${path}`, { method, ...init })
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
  }
  const headers = (token: string) => ({ authorization: `Bearer ${token}`, "content-type": "application/json" })
  return {
    url,
    lite,
    logs,
    run,
    send,
    sql: async (text, values = []) => (await lite.query<Record<string, unknown>>(text, [...values])).rows,
    get: (path, token = ADMIN_TOKEN) => send("GET", path, { headers: headers(token) }),
    post: (path, body, token = ADMIN_TOKEN) =>
      send("POST", path, { headers: headers(token), body: JSON.stringify(body) }),
    close: async () => {
      await Effect.runPromise(Scope.close(scope, Exit.void))
      await lite.close()
    }
  }
}

const listen = (context: Layer.Layer<Services>, scope: Scope.Scope) =>
  new Promise<string>((resolve, reject) => {
    const api = server.layer({
      host: "127.0.0.1",
      port: 0,
      onListening: (url) => Effect.sync(() => resolve(url))
    })
    Effect.runPromise(Layer.buildWithScope(Layer.provide(api, context), scope)).catch(reject)
  })

/** A credential and a domain of their own; answers the ids. */
export const aDomain = async ({ post }: Surfaces, domain: string) => {
  const key = await post("/api/v1/api-keys/create", { name: domain, provider: "cloudflare", apiToken: "t".repeat(40) })
  const made = await post("/api/v1/domains/create", { domain, apiKeyId: key.body.data.id })
  return { apiKeyId: Number(key.body.data.id), domainId: Number(made.body.data.id) }
}

export const RECORDS = "/api/v1/dns/records"

/** Records of a domain, asked for and looked at over HTTP. */
export const recordsIn = (plane: Surfaces, domainId: number) => {
  const create = (some: object) =>
    plane.post(`${RECORDS}/create`, {
      domainId,
      type: "A",
      value: "192.0.2.1",
      ttl: 120,
      ownerType: "user",
      ownerId: 0,
      ...some
    })
  return {
    create,
    idOf: async (some: object) => Number((await create(some)).body.data["id"]),
    shown: async (id: number) => (await plane.get(`${RECORDS}/${id}`)).body.data,
    /** What the report does to a row that stands at the provider. */
    confirm: (id: number) =>
      plane.sql("update dns_records set observed_generation = generation, provider_record_id = 'p1' where id = $1", [
        id
      ])
  }
}
