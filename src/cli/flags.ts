/** Flags that several commands have. */
import { type Duration, Effect, Result } from "effect"
import { CliError, Flag } from "effect/cli"
import { parseDuration } from "../model/duration.ts"

const filename = Flag.String("filename").pipe(
  Flag.withAlias("f"),
  Flag.withMetavar("FILE|DIR|-"),
  Flag.withDescription("A file, a folder (its .yaml, .yml and .json files), or - for stdin; may be given again")
)

export const filesFlag = Flag.atLeast(filename, 1)
export const optionalFilesFlag = Flag.atLeast(filename, 0)

export const recursiveFlag = Flag.Boolean("recursive").pipe(
  Flag.withAlias("R"),
  Flag.withDescription("Read the folders inside folders too"),
  Flag.withDefault(false)
)

export const namespaceFlag = Flag.String("namespace").pipe(
  Flag.withAlias("n"),
  Flag.withDescription("Only of this namespace; of all without it"),
  Flag.optional
)

export const waitFlag = (until: string) =>
  Flag.Boolean("wait").pipe(Flag.withDescription(`Wait until ${until}, and tell how it goes`), Flag.withDefault(false))

export const timeoutFlag = Flag.String("timeout").pipe(
  Flag.withMetavar("DURATION"),
  Flag.withDescription("How long --wait waits: 30s, 10m (default: 60s)"),
  Flag.withDefault("60s"),
  Flag.mapEffect((text): Effect.Effect<Duration.Duration, CliError.CliError> =>
    Result.match(parseDuration(text), {
      onFailure: () =>
        Effect.fail(
          new CliError.InvalidValue({
            option: "timeout",
            value: text,
            expected: "a duration such as 30s",
            kind: "flag"
          })
        ),
      onSuccess: Effect.succeed
    })
  )
)
