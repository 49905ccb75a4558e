/** How a command fails: lines for a person, each told as `error: …` on stderr, and the exit code that goes with them. */
import { Data, Runtime } from "effect"

/** The command was understood and could not be done: exit code 1. */
export class CommandFailed extends Data.TaggedError("CommandFailed")<{
  readonly lines: ReadonlyArray<string>
  /** Nobody answered: the same may work a moment later. */
  readonly unreachable?: boolean
}> {
  override readonly [Runtime.errorExitCode] = 1

  override get message() {
    return this.lines.join("\n")
  }
}

/** What was asked for makes no sense: exit code 2. */
export class WrongUse extends Data.TaggedError("WrongUse")<{ readonly lines: ReadonlyArray<string> }> {
  override readonly [Runtime.errorExitCode] = 2

  override get message() {
    return this.lines.join("\n")
  }
}

export const failed = (...lines: ReadonlyArray<string>) => new CommandFailed({ lines })
export const wrongUse = (...lines: ReadonlyArray<string>) => new WrongUse({ lines })
