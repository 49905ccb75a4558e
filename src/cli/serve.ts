/** `driftless serve`: the control plane in this process, by the settings of the environment. */
import { Effect } from "effect"
import { Command } from "effect/cli"

/**
 * Its code is loaded when it is asked for: other commands start without a database and a provider's SDK.
 * `onStart` is told that from now on a signal is the wanted end.
 */
export const serve = (onStart: () => void) =>
  Command.make("serve", {}, () =>
    Effect.gen(function* () {
      onStart()
      const controlPlane = yield* Effect.promise(() => import("../main.ts"))
      return yield* controlPlane.serve(process.env)
    })
  ).pipe(Command.withDescription("Run the control plane until it is told to stop; settings come from the environment"))
