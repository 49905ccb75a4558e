/** Bearer tokens. The database keeps their hashes alone, so a dump of it lets nobody in. */
import { Effect, Layer, Redacted } from "effect"
import { sql } from "kysely"
import { hash } from "node:crypto"
import { Database } from "../database/database.ts"
import { failed } from "./answers.ts"
import { Authorization, Principal } from "./authorization.ts"
import { Failed, Forbidden, Unauthorized } from "./envelope.ts"

/** A token has 128 bits and more of its own, so a plain hash of it cannot be turned back. */
const hashOf = (token: Redacted.Redacted<string>) => hash("sha256", Redacted.value(token))

export const layer = Layer.effect(
  Authorization,
  Effect.gen(function* () {
    const database = yield* Database
    return Authorization.of({
      bearer: Effect.fnUntraced(function* (httpEffect, { credential, endpoint }) {
        if (Redacted.value(credential) === "") {
          return yield* new Unauthorized({
            code: 1001,
            message: "send the header Authorization: Bearer <token>",
            data: null
          })
        }
        const principal = yield* find(credential).pipe(
          Effect.provideService(Database, database),
          Effect.mapError(() => new Failed(UNAVAILABLE))
        )
        if (principal === undefined) {
          return yield* new Unauthorized({ code: 1002, message: "this token is not known here", data: null })
        }
        if (principal.role === "viewer" && endpoint.method !== "GET") {
          return yield* new Forbidden({
            code: 1004,
            message: `${principal.name} is a viewer and may only read`,
            data: null
          })
        }
        return yield* Effect.provideService(httpEffect, Principal, principal).pipe(
          Effect.annotateLogs({ principal: principal.name })
        )
      })
    })
  })
)

const find = Effect.fnUntraced(
  function* (token: Redacted.Redacted<string>) {
    const { query } = yield* Database
    return yield* query("auth.find", (db) =>
      db.selectFrom("api_tokens").select(["name", "role"]).where("token_hash", "=", hashOf(token)).executeTakeFirst()
    )
  },
  Effect.tapError((error) => Effect.ignore(failed(error)))
)

const UNAVAILABLE = { code: 5002, message: "the database did not answer; the log says why", data: null } as const

/** Makes `token` the administrator's; the one before it opens nothing from then on. */
export const ensureAdminToken = Effect.fn("auth.ensureAdminToken")(function* (token: Redacted.Redacted<string>) {
  const { query } = yield* Database
  yield* query("auth.ensureAdmin", (db) =>
    db
      .insertInto("api_tokens")
      .values({ name: "admin", role: "admin", token_hash: hashOf(token) })
      .onConflict((conflict) =>
        conflict
          .column("name")
          .doUpdateSet({ role: "admin", token_hash: hashOf(token) })
          .where(sql.ref("api_tokens.token_hash"), "<>", hashOf(token))
      )
      .execute()
  )
})
