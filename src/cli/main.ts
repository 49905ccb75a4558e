#!/usr/bin/env node
/**
 * The command line. Exit codes: 0 done; 1 could not be done, or is not ready; 2 wrong use or wrong settings;
 * 130 interrupted. What goes wrong is told on stderr, a line each, without a stack trace.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Cause, Console, Effect, Exit, Runtime } from "effect"
import { CliConfig, CliError, CliOutput, Command, GlobalFlag } from "effect/cli"
import packageJson from "../../package.json" with { type: "json" }
import { apply } from "./apply.ts"
import { completions } from "./completions.ts"
import { Kube, KubeContext, KubeNamespace, KubeRelease, Server, Token } from "./connection.ts"
import { remove } from "./delete.ts"
import { get } from "./get.ts"
import { records } from "./records.ts"
import { retry } from "./retry.ts"
import { serve } from "./serve.ts"
import { printable } from "./table.ts"

const WRONG_USE = 2
/** Taken by every command. */
const GLOBALS = [Server, Token, Kube, KubeContext, KubeNamespace, KubeRelease] as const
let interrupted = 130

const driftless = Command.make("driftless").pipe(
  Command.withDescription("Keeps DNS equal to what was asked for"),
  Command.withSubcommands([
    apply,
    get,
    remove,
    retry,
    records,
    serve(() => {
      interrupted = 0
    })
  ]),
  Command.withGlobalFlags(GLOBALS)
)

/** Wrong use gets its mistakes and a hint; the whole help is a page that would push them off the screen. */
const presenter: CliOutput.Presenter = {
  present: (event) =>
    event._tag === "InvalidInvocation"
      ? Effect.andThen(
          tell(
            event.errors.map(({ message }) =>
              message
                .split("\n")
                .filter((line) => line.trim() !== "")
                .join(" ")
            )
          ),
          Console.error(`see "${event.commandPath.join(" ")} --help"`)
        )
      : CliOutput.defaultPresenter.present(event)
}

const tell = (lines: ReadonlyArray<string>) =>
  Effect.forEach(lines, (line) => Console.error(`error: ${printable(line)}`), { discard: true })

/** An error of ours is told by its message; anything else is a defect, and its trace is worth having. */
const report = (cause: Cause.Cause<unknown>) => {
  const error = Cause.squash(cause)
  if (Cause.hasInterruptsOnly(cause) || CliError.isCliError(error)) return Effect.void
  const isExpected = cause.reasons.every(({ _tag }) => _tag === "Fail") && error instanceof Error
  return tell(isExpected ? error.message.split("\n") : [`a defect in driftless`, ...Cause.pretty(cause).split("\n")])
}

const exitCode = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return 0
  if (Cause.hasInterruptsOnly(exit.cause)) return interrupted
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error)) return Runtime.getErrorExitCode(error) === 0 ? 0 : WRONG_USE
  return isWrongSettings(error) ? WRONG_USE : Runtime.getErrorExitCode(error)
}

const isWrongSettings = (error: unknown) =>
  error instanceof Error && "_tag" in error && error._tag === "SettingsInvalid"

// A reader that has seen enough, such as head, closes the pipe.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1))

driftless.pipe(
  Command.run({ version: packageJson.version, renderErrors: true }),
  Effect.tapCause(report),
  Effect.provideService(CliConfig.CliConfig, {
    builtIns: [
      GlobalFlag.Help,
      GlobalFlag.Version,
      completions(Object.fromEntries(GLOBALS.map(({ flag, id }) => [id, flag])))
    ]
  }),
  Effect.provideService(CliOutput.Presenter, presenter),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain({ disableErrorReporting: true, teardown: (exit, end) => end(exitCode(exit)) })
)
