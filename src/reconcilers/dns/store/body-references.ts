/**
 * What the body of a request refers to: judged also where the body has mistakes of its own, so that all of them are
 * told at once. One that is wrong in this alone is answered with 3001.
 */
import { Effect } from "effect"
import { Database } from "../../../database/database.ts"
import { type Mistake, notAllowed } from "../../../model/kinds/mistakes.ts"

export interface Referred {
  /** That a record's name is relative to. */
  readonly zone: string | undefined
  readonly mistakes: ReadonlyArray<Mistake>
}

export const noDomain = (id: number) => notAllowed("domainId", `there is no domain ${id}`)
const noCredential = (id: number) => notAllowed("apiKeyId", `there is no credential ${id}`)

/** Of a body as it came: what is no id is told by the schema. */
export const referredTo = Effect.fn("references.ofBody")(function* ({
  apiKeyId,
  domainId
}: Readonly<Record<string, unknown>>) {
  const { query } = yield* Database
  const domain = isId(domainId)
    ? yield* query("references.domain", (db) =>
        db.selectFrom("domains").select("domain").where("id", "=", domainId).executeTakeFirst()
      )
    : undefined
  const credential = isId(apiKeyId)
    ? yield* query("references.credential", (db) =>
        db.selectFrom("api_keys").select("id").where("id", "=", apiKeyId).executeTakeFirst()
      )
    : undefined
  return {
    zone: domain?.domain,
    mistakes: [
      ...(isId(domainId) && domain === undefined ? [noDomain(domainId)] : []),
      ...(isId(apiKeyId) && credential === undefined ? [noCredential(apiKeyId)] : [])
    ]
  } satisfies Referred as Referred
})

const isId = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0
