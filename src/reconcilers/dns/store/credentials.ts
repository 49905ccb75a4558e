/** Credentials: provider tokens, encrypted at rest or read from the process. No function here shows one but `tokenOf`. */
import { Effect, Option, Redacted } from "effect"
import { sql } from "kysely"
import { Database } from "../../../database/database.ts"
import { isEncrypted, Secrets } from "../../../database/secrets.ts"
import { Wakes } from "../../../database/wake.ts"
import { CredentialSources, CredentialUnavailable, usable } from "./credential-sources.ts"
import { offsetOf, type PageRequest } from "./pages.ts"
import { notFound, orRefuse, refuse } from "./refusal.ts"

export interface NewCredential {
  readonly name: string
  readonly provider: "cloudflare"
  readonly account?: string
  readonly apiToken: Redacted.Redacted<string>
}

export interface CredentialChange {
  readonly id: number
  readonly name?: string
  readonly account?: string
  readonly apiToken?: Redacted.Redacted<string>
  readonly status?: "active" | "inactive"
}

export interface Credential {
  readonly id: number
  readonly name: string
  readonly provider: string
  readonly account: string
  /** The last four characters; empty where the token is not in the database. */
  readonly apiTokenMasked: string
  /** `env:NAME` or `file:PATH`, where the token is read from the process. */
  readonly tokenFrom: string | null
  readonly status: "active" | "inactive"
  readonly createdAt: string
  readonly updatedAt: string
}

export interface TokenRow {
  readonly id: number
  readonly api_token: string
  readonly token_from: string | null
}

export const create = Effect.fn("credentials.create")(function* (input: NewCredential) {
  const { query, transaction } = yield* Database
  const id = yield* transaction(
    "credentials.create",
    Effect.gen(function* () {
      const { account = "", name, provider } = input
      // The place of the ciphertext holds the row's id, so the row comes first.
      const row = yield* query("credentials.insert", (db) =>
        db.insertInto("api_keys").values({ name, provider, account }).returning("id").executeTakeFirstOrThrow()
      )
      yield* seal(row.id, input.apiToken)
      return row.id
    })
  )
  return yield* get(id)
})

export const update = Effect.fn("credentials.update")(function* (change: CredentialChange) {
  const { query, transaction } = yield* Database
  const wakes = yield* Wakes
  yield* transaction(
    "credentials.update",
    Effect.gen(function* () {
      const row = yield* query("credentials.lock", (db) =>
        db.selectFrom("api_keys").select("manifest_id").where("id", "=", change.id).forUpdate().executeTakeFirst()
      )
      if (row === undefined) return yield* notFound(`credential ${change.id}`)
      if (row.manifest_id !== null) return yield* refuse(3003, `credential ${change.id} ${IS_MANIFEST}`)
      const { account, name, status } = change
      yield* query("credentials.update", (db) =>
        db
          .updateTable("api_keys")
          .set({
            ...(name === undefined ? {} : { name }),
            ...(account === undefined ? {} : { account }),
            ...(status === undefined ? {} : { status }),
            updated_at: sql<Date>`driftless_now()`
          })
          .where("id", "=", change.id)
          .execute()
      )
      if (change.apiToken !== undefined) yield* seal(change.id, change.apiToken)
      yield* wakes.send("dns")
    })
  )
  return yield* get(change.id)
})

export const get = Effect.fnUntraced(function* (id: number) {
  const { query } = yield* Database
  const row = yield* query("credentials.get", (db) =>
    db.selectFrom("api_keys").selectAll().where("id", "=", id).executeTakeFirst()
  )
  return row === undefined ? yield* notFound(`credential ${id}`) : yield* shown(row)
})

export const list = Effect.fn("credentials.list")(function* (page: PageRequest) {
  const { query } = yield* Database
  const { total } = yield* query("credentials.count", (db) =>
    db
      .selectFrom("api_keys")
      .select((eb) => eb.fn.countAll<number>().as("total"))
      .executeTakeFirstOrThrow()
  )
  const rows = yield* query("credentials.list", (db) =>
    db.selectFrom("api_keys").selectAll().orderBy("id").limit(page.pageSize).offset(offsetOf(page)).execute()
  )
  return { ...page, total, list: yield* Effect.forEach(rows, shown) }
})

/** Removes those of at least one id that exist, all or none; answers how many. Refused while a domain uses one of them. */
export const remove = Effect.fn("credentials.remove")(
  function* (ids: ReadonlyArray<number>) {
    const { query, transaction } = yield* Database
    return yield* transaction(
      "credentials.remove",
      Effect.gen(function* () {
        const rows = yield* query("credentials.lock", (db) =>
          db
            .selectFrom("api_keys")
            .select(["id", "manifest_id"])
            .where("id", "in", ids)
            .orderBy("id")
            .forUpdate()
            .execute()
        )
        const managed = rows.find(({ manifest_id }) => manifest_id !== null)
        if (managed !== undefined) return yield* refuse(3003, `credential ${managed.id} ${IS_MANIFEST}`)
        const user = yield* query("credentials.used", (db) =>
          db
            .selectFrom("domain_dns_providers as p")
            .innerJoin("domains as d", "d.id", "p.domain_id")
            .select(["d.domain", "p.api_key_id"])
            .where("p.api_key_id", "in", ids)
            .orderBy("d.id")
            .executeTakeFirst()
        )
        if (user !== undefined) {
          return yield* refuse(
            3003,
            `credential ${user.api_key_id} is used by ${user.domain}; give that another one first`
          )
        }
        yield* query("credentials.remove", (db) => db.deleteFrom("api_keys").where("id", "in", ids).execute())
        return rows.length
      })
    )
  },
  Effect.catch(orRefuse({ referenced: refuse(3003, "a domain began to use one of the credentials meanwhile") }))
)

/** The token in clear, for the call to the provider alone. One that was put in by SQL is encrypted in its place. */
export const tokenOf = Effect.fnUntraced(function* (row: TokenRow) {
  const sources = yield* CredentialSources
  const secrets = yield* Secrets
  const [source, rest] = [
    row.token_from?.slice(0, row.token_from.indexOf(":")),
    row.token_from?.replace(/^[^:]*:/u, "")
  ]
  if (source === "env" && rest !== undefined) return yield* sources.env(rest)
  if (source === "file" && rest !== undefined) return yield* sources.file(rest)
  const where = `credential ${row.id}`
  if (isEncrypted(row.api_token)) {
    const token = yield* secrets
      .decrypt(placeOf(row.id), row.api_token)
      .pipe(Effect.mapError(({ message }) => new CredentialUnavailable({ reason: "TokenUnreadable", message })))
    return yield* usable(Redacted.value(token), where)
  }
  if (row.api_token.trim() === "") {
    return yield* new CredentialUnavailable({ reason: "TokenMissing", message: `${where} has no token` })
  }
  const clear = Redacted.make(row.api_token.trim())
  // Before it is looked at: what is no token may hold one, and must not stay in clear.
  yield* seal(row.id, clear, row.api_token)
  return yield* usable(Redacted.value(clear), where)
})

/** Puts a token that was read elsewhere into its row; answers whether it is another than before. */
export const keepToken = Effect.fn("credentials.keepToken")(function* (
  row: TokenRow,
  token: Redacted.Redacted<string>
) {
  const secrets = yield* Secrets
  const known = isEncrypted(row.api_token)
    ? yield* Effect.option(secrets.decrypt(placeOf(row.id), row.api_token))
    : Option.none()
  if (Option.isSome(known) && Redacted.value(known.value) === Redacted.value(token)) return false
  yield* seal(row.id, token)
  return true
})

/** Encrypts a token into its row; with `instead` only while that text still stands there. */
const seal = Effect.fnUntraced(function* (id: number, token: Redacted.Redacted<string>, instead?: string) {
  const { query } = yield* Database
  const { encrypt } = yield* Secrets
  const api_token = yield* encrypt(placeOf(id), token)
  yield* query("credentials.seal", (db) => {
    const update = db.updateTable("api_keys").set({ api_token }).where("id", "=", id)
    return (instead === undefined ? update : update.where("api_token", "=", instead)).execute()
  })
})

const placeOf = (row: number) => ({ table: "api_keys", row, column: "api_token" })

interface Row extends TokenRow {
  readonly name: string
  readonly provider: string
  readonly account: string
  readonly status: "active" | "inactive"
  readonly created_at: Date
  readonly updated_at: Date
}

const shown = Effect.fnUntraced(function* (row: Row) {
  return {
    id: row.id,
    name: row.name,
    provider: row.provider,
    account: row.account,
    apiTokenMasked: row.token_from === null && row.api_token !== "" ? yield* masked(row) : "",
    tokenFrom: row.token_from,
    status: row.status,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString()
  } satisfies Credential
})

/** One that cannot be decrypted is shown like a short one, of which four characters would be too much. */
const masked = (row: TokenRow) =>
  tokenOf(row).pipe(
    Effect.map((token) => mask(Redacted.value(token))),
    Effect.catchTag("CredentialUnavailable", () => Effect.succeed(mask("")))
  )

const mask = (token: string) => (token.length < 12 ? "****" : `****${token.slice(-4)}`)

const IS_MANIFEST = "was applied as a document; change or delete it there"
