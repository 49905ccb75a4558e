/** How a program of ours ends: 0 when it was asked to, 1 with one clear line when it could not go on, 2 for wrong settings. */
import { NodeRuntime } from "@effect/platform-node"
import { Cause, Effect } from "effect"
import { SettingsInvalid } from "./config.ts"

export const runProcess = <A, E>(program: Effect.Effect<A, E>): void =>
  NodeRuntime.runMain(
    program.pipe(
      Effect.tapCause((cause) => (Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.sync(() => tell(cause))))
    ),
    {
      disableErrorReporting: true,
      teardown: (exit, end) => {
        if (exit._tag === "Success" || Cause.hasInterruptsOnly(exit.cause)) return end(0)
        end(Cause.squash(exit.cause) instanceof SettingsInvalid ? 2 : 1)
      }
    }
  )

const tell = (cause: Cause.Cause<unknown>) => {
  const expected = cause.reasons.find((reason) => reason._tag === "Fail")?.error
  const text = expected instanceof Error ? expected.message : Cause.pretty(cause)
  process.stderr.write(`error: ${text}\n`)
}
