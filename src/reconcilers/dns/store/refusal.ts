/** How desired state is refused: a code of the API's table and a sentence that says what would be right. */
import { Data, Effect } from "effect"
import type { DatabaseError } from "../../../database/database.ts"
import { type Mistake, MOST_TOLD } from "../../../model/kinds/mistakes.ts"
import type { Reason } from "../../../model/reasons.ts"

/** 2001 missing · 2002 format · 2003 not allowed · 3001 not found · 3002 already there · 3003 conflict of state. */
export type RefusalCode = 2001 | 2002 | 2003 | 3001 | 3002 | 3003

export class Refused extends Data.TaggedError("Refused")<{
  readonly code: RefusalCode
  readonly message: string
  readonly mistakes: ReadonlyArray<Mistake>
  /** As an object of a cluster shows it. */
  readonly reason?: Reason
}> {}

export const refuse = (code: RefusalCode, message: string, reason?: Reason) =>
  new Refused({ code, message, mistakes: [], ...(reason === undefined ? {} : { reason }) })

export const notFound = (what: string) => refuse(3001, `there is no ${what}`)

/** What is said of all mistakes of a body: the code is that of the first that is more than a missing field. */
export const summary = (mistakes: ReadonlyArray<Mistake>) => {
  const first = mistakes.find(({ kind }) => kind !== "missing")
  const [one] = mistakes
  return {
    code: first === undefined ? 2001 : first.kind === "format" ? 2002 : 2003,
    message:
      mistakes.length > MOST_TOLD
        ? `more than ${MOST_TOLD} mistakes; data.errors has the first ${MOST_TOLD} with their paths`
        : mistakes.length === 1 && one !== undefined
          ? `${one.path === "" ? "the body" : one.path}: ${one.message}`
          : `${mistakes.length} mistakes; data.errors has each with its path`
  } as const
}

export const refuseAll = (mistakes: ReadonlyArray<Mistake>) => new Refused({ ...summary(mistakes), mistakes })

/** Fails with every mistake, or goes on when there is none. */
export const check = (mistakes: ReadonlyArray<Mistake>) =>
  mistakes.length === 0 ? Effect.void : Effect.fail(refuseAll(mistakes))

const UNIQUE_VIOLATION = "23505"
const FOREIGN_KEY_VIOLATION = "23503"

/** What another transaction did between our look and our write is the same refusal as if we had seen it. */
export const orRefuse =
  (refusals: { readonly unique?: Refused; readonly referenced?: Refused }) =>
  (error: DatabaseError | Refused): Effect.Effect<never, DatabaseError | Refused> => {
    if (error._tag === "Refused") return Effect.fail(error)
    if (error.sqlState === UNIQUE_VIOLATION && refusals.unique !== undefined) return Effect.fail(refusals.unique)
    if (error.sqlState === FOREIGN_KEY_VIOLATION && refusals.referenced !== undefined) {
      return Effect.fail(refusals.referenced)
    }
    return Effect.fail(error)
  }
