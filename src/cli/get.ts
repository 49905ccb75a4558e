/** `driftless get`: what was asked for, and how far it is. What it prints as YAML or JSON can be applied again. */
import { Console, Effect, Option } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { Connection } from "./connection.ts"
import { failed } from "./failure.ts"
import { namespaceFlag } from "./flags.ts"
import { fetchObjects, type Filter, missingOf, select } from "./objects.ts"
import { outputFlag } from "./output.ts"
import { makePrinter } from "./print.ts"
import { watchObjects } from "./watch.ts"

export const get = Command.make(
  "get",
  {
    what: Argument.String("kind").pipe(
      Argument.withDescription("A kind (dnsrecords, dns, domains, credentials), KIND/NAME, or all")
    ),
    names: Argument.String("name").pipe(Argument.withDescription("Names; all without one"), Argument.variadic()),
    namespace: namespaceFlag,
    output: outputFlag,
    watch: Flag.Boolean("watch").pipe(
      Flag.withAlias("w"),
      Flag.withDescription("Go on, and print what changes"),
      Flag.withDefault(false)
    )
  },
  Effect.fn("cli.get")(
    function* ({ names, namespace, output, watch, what }) {
      const filter: Filter = { ...(yield* select(what, names)), namespace: Option.getOrUndefined(namespace) }
      const objects = yield* fetchObjects(filter)
      const print = makePrinter({
        output,
        single: filter.names.length === 1,
        withKind: filter.kind === undefined,
        streaming: watch
      })
      const missing = missingOf(filter, objects)
      if (objects.length > 0 || missing.length === 0) yield* print(objects)
      if (missing.length > 0) return yield* failed(...missing)
      if (watch) return yield* watchObjects(filter, objects, print)
      if (objects.length === 0 && output !== "json") yield* Console.error(NOTHING)
    },
    Effect.provide(Connection.layer),
    Effect.scoped
  )
).pipe(
  Command.withDescription("Show objects and how far they are"),
  Command.withExamples([
    { command: "driftless get all", description: "Everything, as tables" },
    { command: "driftless get dns www -o yaml", description: "One DnsRecord as a document that can be applied again" },
    { command: "driftless get domains -w", description: "Domains, and from then on what changes" }
  ])
)

const NOTHING = `nothing found; "driftless apply -f FILE" makes objects`
