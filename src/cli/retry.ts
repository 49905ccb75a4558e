/** `driftless retry`: rejected rows are tried again at once, and their count begins anew. */
import { Console, Effect, Option } from "effect"
import { Argument, Command } from "effect/cli"
import { Connection } from "./connection.ts"
import { failed, wrongUse } from "./failure.ts"
import { namespaceFlag } from "./flags.ts"
import { fetchObjects, labelOf, type ManifestObject, missingOf, select } from "./objects.ts"
import { fetchRows } from "./records.ts"

export const retry = Command.make(
  "retry",
  {
    what: Argument.String("kind").pipe(Argument.withDescription("dnsrecord or domain, or KIND/NAME")),
    names: Argument.String("name").pipe(Argument.withDescription("Names"), Argument.variadic()),
    namespace: namespaceFlag
  },
  Effect.fn("cli.retry")(
    function* ({ names, namespace, what }) {
      const selection = yield* select(what, names)
      if (selection.kind === undefined || selection.kind === "Credential" || selection.names.length === 0) {
        return yield* wrongUse("name what to retry: dnsrecord NAME, or domain NAME")
      }
      const filter = { ...selection, namespace: Option.getOrUndefined(namespace) }
      const objects = yield* fetchObjects(filter)
      for (const object of objects) {
        const retried = yield* retryRowsOf(object)
        const label = labelOf({ kind: object.kind, name: object.metadata.name })
        yield* Console.log(retried === 0 ? `${label} has no rejected records` : `${label} retried: ${plural(retried)}`)
      }
      const missing = missingOf(selection, objects)
      if (missing.length > 0) return yield* failed(...missing)
    },
    Effect.provide(Connection.layer),
    Effect.scoped
  )
).pipe(
  Command.withDescription("Try rejected records again at once"),
  Command.withExamples([
    { command: "driftless retry dnsrecord www", description: "Its rejected records, stopped ones too" }
  ])
)

const plural = (count: number) => `${count} ${count === 1 ? "record" : "records"}`

/** Answers how many were retried. */
const retryRowsOf = Effect.fnUntraced(function* ({ kind, metadata, status }: ManifestObject) {
  if (kind === "Domain") {
    if (status.id === undefined) return 0
    const rows = yield* fetchRows({ domainId: status.id, status: "error" })
    yield* retryAll(rows.map(({ id }) => id))
    return rows.length
  }
  const done = new Set<number>()
  const filter = { kind, names: [metadata.name], namespace: metadata.namespace ?? "" }
  // A status names ten problems at most, so it is looked at again until it names no other.
  let rejected = rejectedIn(status)
  while (rejected.length > 0) {
    yield* retryAll(rejected)
    for (const id of rejected) done.add(id)
    const [again] = yield* fetchObjects(filter)
    rejected = again === undefined ? [] : rejectedIn(again.status).filter((id) => !done.has(id))
  }
  return done.size
})

const rejectedIn = ({ problems = [] }: ManifestObject["status"]) => problems.map(({ id }) => id)

const retryAll = Effect.fnUntraced(function* (ids: ReadonlyArray<number>) {
  const { call } = yield* Connection
  yield* Effect.forEach(ids, (id) => call(({ dns }) => dns.retry({ payload: { id } })), { discard: true })
})
