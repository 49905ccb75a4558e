/** Turns what a store answers or refuses into what the contract declares. The one place where the two meet. */
import { Effect } from "effect"
import type { DatabaseError } from "../database/database.ts"
import { type Mistake, told } from "../model/kinds/mistakes.ts"
import { Refused, type RefusalCode } from "../reconcilers/dns/store/refusal.ts"
import { BadRequest, Conflict, Failed, NotFound, success } from "./envelope.ts"

type Answer = BadRequest | NotFound | Conflict | Failed

export const answer = <A, R>(store: Effect.Effect<A, Refused | DatabaseError, R>) =>
  store.pipe(Effect.map(success), Effect.catch(failed))

export const failed = (error: Refused | DatabaseError): Effect.Effect<never, Answer> => {
  if (error instanceof Refused) return Effect.fail(refusal(error))
  if (UNKEPT.has(error.sqlState ?? "")) return Effect.fail(new BadRequest(UNKEPT_TEXT))
  // Its text is for the log alone, and only its text: the driver's error carries the parameters of the statement.
  return Effect.logError(`a request failed in the database: ${error.message}`).pipe(
    Effect.andThen(Effect.fail(new Failed(UNDONE)))
  )
}

const UNDONE = { code: 5002, message: "the database did not do it; the log says why", data: null } as const

/** SQLSTATEs of text that PostgreSQL does not keep: character not in repertoire, untranslatable character. */
const UNKEPT = new Set(["22021", "22P05"])
const UNKEPT_TEXT = {
  code: 2002,
  message: "a text holds a character that cannot be kept: NUL, or half of a surrogate pair",
  data: null
} as const

function refusal({ code, message, mistakes }: Refused): Answer {
  const data = mistakes.length === 0 ? null : detailsOf(mistakes)
  if (isBadRequest(code)) return new BadRequest({ code, message, data })
  if (code === 3001) return new NotFound({ code, message, data })
  return new Conflict({ code, message, data })
}

/** The `data` of a refusal that lists mistakes. */
export const detailsOf = (mistakes: ReadonlyArray<Mistake>) => ({
  errors: told(mistakes).map(({ message, path }) => ({ path, message }))
})

const isBadRequest = (code: RefusalCode): code is 2001 | 2002 | 2003 => code < 3000
