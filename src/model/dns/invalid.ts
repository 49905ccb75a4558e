/**
 * How the vocabulary of DNS refuses input: a sentence that says what was wrong and what would be right. It goes to
 * the person who wrote the input, so it cites no more of it than one line holds.
 */
import { Result } from "effect"

export interface Invalid {
  readonly message: string
}

export const invalid = (message: string): Result.Result<never, Invalid> => Result.fail({ message })

/** The input in quotes, cut to 80 characters, with nothing in it that could break a log line or a terminal. */
export function cite(input: string): string {
  const shown = input.replace(/\p{C}/gu, "\uFFFD")
  const characters = [...shown]
  return `"${characters.length > 80 ? `${characters.slice(0, 79).join("")}…` : shown}"`
}
