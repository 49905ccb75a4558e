/** `driftless apply`: sends documents, all or none, and tells every mistake with the place where it stands. */
import { Console, Effect, Result } from "effect"
import { Command, Flag } from "effect/cli"
import { parseDocument } from "../model/kinds/kinds.ts"
import { Connection } from "./connection.ts"
import { type LocatedDocument, readDocuments } from "./documents.ts"
import { isRefusal } from "./explain.ts"
import { type CommandFailed, failed, wrongUse } from "./failure.ts"
import { filesFlag, recursiveFlag, timeoutFlag, waitFlag } from "./flags.ts"
import { labelOf } from "./objects.ts"
import { asJson, asYaml } from "./output.ts"
import { readSources } from "./sources.ts"
import { waitFor } from "./wait.ts"

export const apply = Command.make(
  "apply",
  {
    files: filesFlag,
    recursive: recursiveFlag,
    dryRun: Flag.Boolean("dry-run").pipe(
      Flag.withDescription("Tell what would happen, mistakes included, and change nothing"),
      Flag.withDefault(false)
    ),
    wait: waitFlag("everything applied is ready"),
    timeout: timeoutFlag,
    output: Flag.Literals("output", ["text", "name", "json", "yaml"]).pipe(
      Flag.withAlias("o"),
      Flag.withDescription("How to print what was done"),
      Flag.withDefault("text" as const)
    )
  },
  Effect.fn("cli.apply")(
    function* ({ dryRun, files, output, recursive, timeout, wait }) {
      if (dryRun && wait) return yield* wrongUse("--dry-run changes nothing, so there is nothing to --wait for")
      const documents = yield* readAll(files, recursive)
      const { applied } = yield* send(documents, dryRun)
      yield* Console.log(text(applied, output, dryRun))
      if (wait) yield* waitFor(applied, { until: "ready", timeout })
    },
    Effect.provide(Connection.layer),
    Effect.scoped
  )
).pipe(
  Command.withDescription("Create or change objects as documents say"),
  Command.withExamples([
    { command: "driftless apply -f zone.yaml --dry-run", description: "Tell what would happen" },
    { command: "driftless apply -f dns/ --wait", description: "Apply a folder and wait until it is ready" },
    { command: "cat zone.yaml | driftless apply -f -", description: "Apply from stdin" }
  ])
)

const readAll = Effect.fnUntraced(function* (files: ReadonlyArray<string>, recursive: boolean) {
  const sources = yield* readSources(files, { recursive })
  const { documents, mistakes } = readDocuments(sources)
  if (mistakes.length > 0) return yield* refused([...mistakes, ...documents.flatMap(mistakesOf)])
  if (documents.length === 0) return yield* failed(`${sources.map(({ name }) => name).join(", ")}: no documents in it`)
  if (documents.length > MOST_DOCUMENTS) {
    return yield* failed(
      `${documents.length} documents, but ${MOST_DOCUMENTS} can be applied at once; apply them in parts`
    )
  }
  return documents
})

/** What the API takes in one request. */
const MOST_DOCUMENTS = 1000

/** Told beside a file that cannot be read at all, since the server is not asked then. */
const mistakesOf = ({ locate, value }: LocatedDocument): ReadonlyArray<string> => {
  const parsed = parseDocument(value)
  return Result.isSuccess(parsed)
    ? []
    : parsed.failure.map(({ message, path }) => mistakeText(locate(path), path, message))
}

const send = Effect.fnUntraced(function* (documents: ReadonlyArray<LocatedDocument>, dryRun: boolean) {
  const { call } = yield* Connection
  const payload = { documents: documents.map(({ value }) => value) }
  const { data } = yield* call(
    ({ manifests }) => manifests.apply({ query: { dryRun }, payload }),
    (error) => refusalOf(error, documents)
  )
  return data
})

const refusalOf = (error: unknown, documents: ReadonlyArray<LocatedDocument>): CommandFailed | undefined => {
  if (!isRefusal(error)) return undefined
  const details = error.data?.errors ?? []
  if (details.length > 0) return refused(details.map(({ message, path }) => placed(path, message, documents)))
  const [, index, path, message] = /^documents\[(\d+)\]\.?(\S*?):? (.*)$/u.exec(error.message) ?? []
  if (index === undefined) return undefined
  return refused([placed(`documents[${index}].${path}`, message ?? "", documents)])
}

const placed = (path: string, message: string, documents: ReadonlyArray<LocatedDocument>): string => {
  const [, index, inner = ""] = /^documents\[(\d+)\]\.?(.*)$/u.exec(path) ?? []
  const document = index === undefined ? undefined : documents[Number(index)]
  const words = message.replaceAll(/documents\[(\d+)\]/gu, (all, other) => documents[Number(other)]?.label ?? all)
  return document === undefined ? mistakeText("", path, words) : mistakeText(document.locate(inner), inner, words)
}

const mistakeText = (place: string, path: string, message: string) =>
  `${place === "" ? "" : `${place}: `}${path === "" ? "" : `${path} `}${message}`

const refused = (mistakes: ReadonlyArray<string>) =>
  failed(...mistakes, `nothing was applied: ${mistakes.length} ${mistakes.length === 1 ? "mistake" : "mistakes"}`)

type Applied = Effect.Success<ReturnType<typeof send>>["applied"]

const text = (applied: Applied, output: "text" | "name" | "json" | "yaml", dryRun: boolean): string => {
  if (output === "json") return asJson({ applied, dryRun })
  if (output === "yaml") return asYaml({ applied, dryRun })
  if (output === "name") return applied.map(labelOf).join("\n")
  return applied.map((each) => `${labelOf(each)} ${each.action}${dryRun ? " (dry run)" : ""}`).join("\n")
}
