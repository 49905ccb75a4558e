/**
 * `--completions`: the script completes the flags that every command takes, too; the one of the library leaves them out.
 */
import { Console, Effect, Option } from "effect"
import { Command, Completions, type Flag, GlobalFlag } from "effect/cli"

/** `globals` by their names. */
export const completions = (globals: Readonly<Record<string, Flag.Flag<unknown>>>) =>
  GlobalFlag.Action({
    flag: GlobalFlag.Completions.flag,
    run: (shell, { command }) =>
      Option.match(shell, {
        onNone: () => Effect.void,
        onSome: (wanted) => {
          const { flags } = Completions.fromCommand(Command.make(command.name, globals))
          return Console.log(
            Completions.generate(command.name, wanted, withFlags(flags, Completions.fromCommand(command)))
          )
        }
      })
  })

const withFlags = (
  flags: Completions.CommandDescriptor["flags"],
  command: Completions.CommandDescriptor
): Completions.CommandDescriptor => ({
  ...command,
  flags: [...command.flags, ...flags],
  subcommands: command.subcommands.map((each) => withFlags(flags, each))
})
