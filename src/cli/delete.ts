/** `driftless delete`: asks for objects to be gone. Each stays, marked, until what it made at the provider is gone. */
import { Console, Effect, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { KIND_NAMES, KindName } from "../model/kinds/kinds.ts"
import { Namespace, ObjectName } from "../model/kinds/metadata.ts"
import { Connection } from "./connection.ts"
import { type LocatedDocument, readDocuments } from "./documents.ts"
import { isRefusal } from "./explain.ts"
import { failed, wrongUse } from "./failure.ts"
import { optionalFilesFlag, recursiveFlag, timeoutFlag, waitFlag } from "./flags.ts"
import { keyText, labelOf, type ObjectKey, select } from "./objects.ts"
import { readSources } from "./sources.ts"
import { waitFor } from "./wait.ts"

export const remove = Command.make(
  "delete",
  {
    what: Argument.String("kind").pipe(Argument.withDescription("A kind, or KIND/NAME"), Argument.optional),
    names: Argument.String("name").pipe(Argument.withDescription("Names"), Argument.variadic()),
    files: optionalFilesFlag,
    recursive: recursiveFlag,
    namespace: Flag.String("namespace").pipe(
      Flag.withAlias("n"),
      Flag.withDescription("The namespace of what is named; the one without a name by default"),
      Flag.withDefault("")
    ),
    ignoreNotFound: Flag.Boolean("ignore-not-found").pipe(
      Flag.withDescription("What is not there is no failure"),
      Flag.withDefault(false)
    ),
    wait: waitFlag("everything deleted is gone"),
    timeout: timeoutFlag
  },
  Effect.fn("cli.delete")(
    function* ({ files, ignoreNotFound, names, namespace, recursive, timeout, wait, what }) {
      const named = Option.isSome(what) ? yield* namedKeys(what.value, names, namespace) : []
      if (named.length === 0 && files.length === 0) return yield* wrongUse("name what to delete: KIND NAME, or -f FILE")
      const read = files.length === 0 ? [] : yield* readKeys(files, recursive)
      const keys = inOrder([...named, ...read])
      const missing: Array<string> = []
      for (const key of keys) {
        const answer = yield* removeOne(key)
        if (answer === "not found") missing.push(`${labelOf(key)} not found`)
        else yield* Console.log(`${labelOf(key)} ${answer}`)
      }
      if (wait)
        yield* waitFor(
          keys.map((key) => ({ ...key, generation: 0 })),
          { until: "gone", timeout }
        )
      if (missing.length > 0 && !ignoreNotFound) return yield* failed(...missing)
    },
    Effect.provide(Connection.layer),
    Effect.scoped
  )
).pipe(
  Command.withDescription("Ask for objects to be gone, and for what they made with them"),
  Command.withExamples([
    {
      command: "driftless delete dns www --wait",
      description: "Delete a DnsRecord and wait until its records are gone"
    },
    { command: "driftless delete -f dns/", description: "Delete everything that a folder names" }
  ])
)

const namedKeys = Effect.fnUntraced(function* (what: string, names: ReadonlyArray<string>, namespace: string) {
  const { kind, names: wanted } = yield* select(what, names)
  if (kind === undefined || wanted.length === 0) return yield* wrongUse("name what to delete: KIND NAME, or -f FILE")
  return wanted.map((name): ObjectKey => ({ kind, namespace, name }))
})

const Named = Schema.Struct({
  kind: KindName,
  metadata: Schema.Struct({
    name: ObjectName,
    namespace: Namespace.pipe(Schema.withDecodingDefaultKey(Effect.succeed("")))
  })
})
const asNamed = Schema.decodeUnknownOption(Named)

/** Only the names matter: a document whose spec is wrong can still be deleted. */
const readKeys = Effect.fnUntraced(function* (files: ReadonlyArray<string>, recursive: boolean) {
  const { documents, mistakes } = readDocuments(yield* readSources(files, { recursive }))
  const keys = documents.map(keyIn)
  const unnamed = documents.flatMap(({ locate }, index) =>
    keys[index] === undefined ? [`${locate("metadata")}: needs a kind and metadata.name`] : []
  )
  if (mistakes.length + unnamed.length > 0) return yield* failed(...mistakes, ...unnamed, "nothing was deleted")
  return keys.flatMap((key) => key ?? [])
})

const keyIn = ({ value }: LocatedDocument): ObjectKey | undefined =>
  Option.match(asNamed(value), {
    onNone: () => undefined,
    onSome: ({ kind, metadata }) => ({ kind, ...metadata })
  })

/** What refers to others goes first; each once. */
const inOrder = (keys: ReadonlyArray<ObjectKey>): ReadonlyArray<ObjectKey> => {
  const unique = [...new Map(keys.map((key) => [keyText(key), key])).values()]
  return KIND_NAMES.toReversed().flatMap((kind) => unique.filter((key) => key.kind === kind))
}

const removeOne = Effect.fnUntraced(function* (query: ObjectKey) {
  const { call } = yield* Connection
  return yield* call(({ manifests }) =>
    manifests.remove({ query }).pipe(
      Effect.map(({ data }) => (data.gone ? "deleted" : "is being deleted")),
      Effect.catchIf(
        (error) => isRefusal(error) && error.code === NOT_FOUND,
        () => Effect.succeed("not found")
      )
    )
  )
})

const NOT_FOUND = 3001
