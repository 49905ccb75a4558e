/** What surrounds a running product in a test: an empty database on a real PostgreSQL, a client of its API, its metrics. */
import pg from "pg"
import { randomBytes } from "node:crypto"
import type { StoredRecord } from "../../src/simulator/zone-store.ts"
import { execute } from "./postgres.ts"
import type { Offer } from "./postgres-global.ts"
import { ADMIN_TOKEN } from "./system-process.ts"

export type Row = Readonly<Record<string, unknown>>

export interface System {
  readonly url: string
  /** Rows of one statement; whole numbers come as text where they are 64 bits wide. */
  readonly sql: (text: string, values?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Row>>
}

/** An empty database, dropped at the end. The product migrates it. */
export const aDatabase = async (offer: Offer, stops: AsyncDisposableStack): Promise<System> => {
  if (offer.missing !== undefined) throw new Error(offer.missing)
  const { admin } = offer
  const name = `driftless_system_${randomBytes(6).toString("hex")}`
  await execute(admin, `create database ${name}`)
  stops.defer(async () => void (await execute(admin, `drop database ${name} with (force)`)))
  const url = Object.assign(new URL(admin), { pathname: `/${name}` }).href
  const pool = new pg.Pool({ connectionString: url, max: 2 })
  pool.on("error", () => undefined)
  stops.defer(() => pool.end())
  return { url, sql: async (text, values = []) => (await pool.query<Row>(text, [...values])).rows }
}

/** What a test may reach into without saying its type: it asserts on what it finds. */
export interface Data {
  readonly list?: ReadonlyArray<Row>
  readonly [field: string]: unknown
}

export interface Answer {
  readonly status: number
  readonly text: string
  readonly body: { readonly code: number; readonly message: string; readonly data: Data }
}

export interface Api {
  readonly send: (method: string, path: string, init?: RequestInit) => Promise<Answer>
  readonly get: (path: string) => Promise<Answer>
  readonly post: (path: string, body: unknown) => Promise<Answer>
  readonly apply: (...documents: ReadonlyArray<object>) => Promise<Answer>
}

export const apiAt = (url: string, token: string = ADMIN_TOKEN): Api => {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" }
  const send: Api["send"] = async (method, path, init = {}) => {
    const response = await fetch(`${url}${path}`, { method, headers, ...init })
    const text = await response.text()
    const isJson = response.headers.get("content-type")?.includes("json") === true
    return { status: response.status, text, body: isJson ? JSON.parse(text) : undefined }
  }
  const sending = (method: string) => (path: string, body: unknown) =>
    send(method, path, { body: JSON.stringify(body) })
  return {
    send,
    get: (path) => send("GET", path),
    post: sending("POST"),
    apply: (...documents) => sending("PUT")("/api/v1/manifests", { documents })
  }
}

/** The value of one sample of `/metrics`; 0 where there is none. */
export const metricOf = async (metrics: string, sample: string): Promise<number> => {
  const text = await (await fetch(`${metrics}/metrics`)).text()
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `))
  return line === undefined ? 0 : Number(line.slice(sample.length + 1))
}

/** A credential and a domain, made over HTTP; the id of the domain. */
export const aDomain = async (api: Api, domain: string, apiToken: string): Promise<number> => {
  const key = await api.post("/api/v1/api-keys/create", { name: domain, provider: "cloudflare", apiToken })
  const made = await api.post("/api/v1/domains/create", { domain, apiKeyId: key.body.data["id"] })
  return Number(made.body.data["id"])
}

/** What stands in a zone, one line a record, in order: equal lists are equal zones, and what is doubled shows. */
export const shown = (records: ReadonlyArray<StoredRecord>): ReadonlyArray<string> =>
  records.map(({ content, name, type }) => `${name} ${type} ${content}`).toSorted()

export const document = (kind: string, name: string, spec: object) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata: { name },
  spec
})
