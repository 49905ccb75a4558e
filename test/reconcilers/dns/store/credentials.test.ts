import { Effect, Redacted } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as credentials from "../../../../src/reconcilers/dns/store/credentials.ts"
import { type Surfaces, start } from "../../../support/control-plane.ts"

const CANARY = "canary-0123456789-canary-0123456789"
let plane: Surfaces

beforeAll(async () => {
  plane = await start({ environment: { LISTED: "env-token" }, names: ["LISTED"], directory: undefined })
})
afterAll(() => plane.close())

const aRow = async (api_token: string, token_from: string | null = null) => {
  const [row] = await plane.sql(
    "insert into api_keys (name, api_token, token_from) values ('a', $1, $2) returning id",
    [api_token, token_from]
  )
  return { id: Number(row?.["id"]), api_token, token_from }
}
const stored = async (id: number) =>
  String((await plane.sql("select api_token from api_keys where id = $1", [id]))[0]?.["api_token"])

const tokenOf = (row: credentials.TokenRow) =>
  plane.run(
    credentials.tokenOf(row).pipe(
      Effect.map(Redacted.value),
      Effect.catchTag("CredentialUnavailable", (error) => Effect.succeed(error))
    )
  )

describe("tokenOf", () => {
  it("decrypts what create has encrypted", async () => {
    const made = await plane.run(
      credentials.create({ name: "a", provider: "cloudflare", apiToken: Redacted.make(CANARY) })
    )
    expect(await tokenOf({ id: made.id, api_token: await stored(made.id), token_from: null })).toBe(CANARY)
  })

  it("encrypts a clear token in its place, and reads it from there next time", async () => {
    const row = await aRow(CANARY)
    expect(await tokenOf(row)).toBe(CANARY)
    const sealed = await stored(row.id)
    expect(sealed).toMatch(/^v1:/u)
    expect(await tokenOf({ ...row, api_token: sealed })).toBe(CANARY)
  })

  it("does not put an older clear token over a newer one", async () => {
    const row = await aRow("older-token")
    await plane.sql("update api_keys set api_token = 'newer-token' where id = $1", [row.id])
    expect(await tokenOf(row)).toBe("older-token")
    expect(await stored(row.id)).toBe("newer-token")
  })

  it("makes no zone due by encrypting in place", async () => {
    const row = await aRow(CANARY)
    await plane.sql("insert into domains (domain) values ('seal.test')")
    await plane.sql(
      "insert into domain_dns_providers (domain_id, api_key_id) select id, $1 from domains where domain = 'seal.test'",
      [row.id]
    )
    const generation = () => plane.sql("select generation from reconcile_work order by key")
    const before = await generation()
    await tokenOf(row)
    expect(await generation()).toEqual(before)
  })

  it("reads from the process where the row says so", async () => {
    expect(await tokenOf(await aRow("", "env:LISTED"))).toBe("env-token")
    expect(await tokenOf(await aRow("", "env:HOME"))).toMatchObject({ reason: "NotAllowed" })
    expect(await tokenOf(await aRow("", "file:a:b"))).toMatchObject({ reason: "NotAllowed" })
  })

  it("says so when there is none, or one that belongs to another row", async () => {
    expect(await tokenOf(await aRow(""))).toMatchObject({ reason: "TokenMissing" })
    const made = await plane.run(
      credentials.create({ name: "a", provider: "cloudflare", apiToken: Redacted.make(CANARY) })
    )
    const moved = await aRow(await stored(made.id))
    expect(await tokenOf(moved)).toMatchObject({ reason: "TokenUnreadable" })
  })
})

describe("a token", () => {
  it("is nowhere in a dump of the database, once it was read", async () => {
    await plane.run(credentials.create({ name: "a", provider: "cloudflare", apiToken: Redacted.make(CANARY) }))
    await plane.run(credentials.list({ page: 1, pageSize: 100 }))
    const rows = JSON.stringify(await plane.sql("select * from api_keys"))
    expect(rows).not.toContain(CANARY)
  })
})
