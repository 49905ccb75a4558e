/**
 * The token of a Credential that names a Secret: read by `get` alone, with each pass of the Credential, and put into
 * its row, encrypted, when it is another one. A Secret that is gone or forbidden takes nothing away: the last token
 * that was read stays until nothing needs it any more, so that what was made can still be cleaned up.
 *
 *   the Secret                                   | the Credential shows
 *   ---------------------------------------------|----------------------------------------
 *   is in a namespace that is not allowed        | NotAllowed, and nothing is read
 *   may not be read                              | NotAllowed
 *   is not there, or has no such key             | TokenMissing
 *   holds what is no token                       | TokenUnreadable
 *   cannot be read now                           | what it showed before; read again soon
 *   holds a token                                | what its row says
 */
import { Effect } from "effect"
import { Database } from "../../database/database.ts"
import { Wakes } from "../../database/wake.ts"
import type { Claim } from "../../database/work.ts"
import { Kubernetes, type KubeObject } from "../../providers/kubernetes.ts"
import { usable } from "../dns/store/credential-sources.ts"
import { keepToken } from "../dns/store/credentials.ts"
import { SECRETS } from "./objects.ts"
import { fenced, type Problem } from "./store.ts"

export interface SecretOptions {
  /** Where Secrets may be read; empty is everywhere. */
  readonly secretNamespaces: ReadonlyArray<string>
}

interface Named {
  readonly name: string
  readonly key: string
}

/** The Secret that a Credential names. */
export function secretRefOf({ spec }: KubeObject): Named | undefined {
  const ref = at(at(spec, "tokenFrom"), "secretRef")
  const name = at(ref, "name")
  const key = at(ref, "key")
  return typeof name === "string" && typeof key === "string" ? { name, key } : undefined
}

/** Brings the row of a Credential to what its Secret holds; answers what is wrong with it. */
export const followSecret = Effect.fn("kubernetes.followSecret")(function* (
  { secretNamespaces }: SecretOptions,
  claim: Claim,
  namespace: string,
  { key, name }: Named,
  manifestId: number
) {
  const where = `the Secret ${namespace}/${name}`
  if (secretNamespaces.length > 0 && !secretNamespaces.includes(namespace)) {
    return problem(
      "NotAllowed",
      `${where} may not be read: Secrets of this namespace are not allowed (DRIFTLESS_SECRET_NAMESPACES)`
    )
  }
  const kubernetes = yield* Kubernetes
  const read = yield* kubernetes
    .get({ resource: SECRETS, namespace, name })
    .pipe(
      Effect.catchReason("KubernetesError", "Forbidden", ({ message }) =>
        Effect.succeed(problem("NotAllowed", `${where} may not be read: ${message}`))
      )
    )
  if (read === null) return problem("TokenMissing", `${where} does not exist${KEPT}`)
  if ("reason" in read) return read
  const encoded = at(read.data, key)
  if (typeof encoded !== "string") return problem("TokenMissing", `${where} has no key "${key}"${KEPT}`)
  return yield* usable(Buffer.from(encoded, "base64").toString("utf8"), `the key "${key}" of ${where}`).pipe(
    Effect.flatMap((token) => fenced(claim, "secret", keep(manifestId, token))),
    Effect.as(undefined),
    Effect.catchTag("CredentialUnavailable", ({ message, reason }) => Effect.succeed(problem(reason, message)))
  )
})

const keep = Effect.fnUntraced(function* (manifestId: number, token: Parameters<typeof keepToken>[1]) {
  const { query } = yield* Database
  const wakes = yield* Wakes
  const row = yield* query("kubernetes.credential", (db) =>
    db
      .selectFrom("api_keys")
      .select(["id", "api_token", "token_from"])
      .where("manifest_id", "=", manifestId)
      .forUpdate()
      .executeTakeFirst()
  )
  if (row !== undefined && (yield* keepToken(row, token))) yield* wakes.send("dns")
})

const problem = (reason: Problem["reason"], message: string): Problem => ({ reason, message, stalled: true })

const at = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined

const KEPT = "; the last token that was read is kept until what was made with it is gone"
