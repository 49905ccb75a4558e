/** `get -w`: looks again and again, and tells what changed; a server that does not answer for a while is waited for. */
import { Console, Duration, Effect } from "effect"
import type { CommandFailed } from "./failure.ts"
import { fetchObjects, type Filter, keyOf, keyText, labelOf, type ManifestObject } from "./objects.ts"

/** Never ends by itself. `tell` gets what is new or differs; what is gone is said on stderr. */
export const watchObjects = Effect.fnUntraced(function* (
  filter: Filter,
  first: ReadonlyArray<ManifestObject>,
  tell: (changed: ReadonlyArray<ManifestObject>) => Effect.Effect<void>
) {
  let known = byKey(first)
  let silent = false
  while (true) {
    yield* Effect.sleep(PERIOD)
    const seen = yield* fetchObjects(filter).pipe(
      Effect.map(byKey),
      Effect.catchIf(isUnreachable, (error) =>
        (silent ? Effect.void : Console.error(`${error.message}; trying again`)).pipe(Effect.as(undefined))
      )
    )
    silent = seen === undefined
    if (seen === undefined) continue
    const changed = [...seen].filter(([key, object]) => signature(object) !== signature(known.get(key)))
    if (changed.length > 0) yield* tell(changed.map(([, object]) => object))
    const gone = [...known].filter(([key]) => !seen.has(key))
    yield* Effect.forEach(gone, ([, object]) => Console.error(`${labelOf(keyOf(object))} is gone`), { discard: true })
    known = seen
  }
})

const PERIOD = Duration.seconds(1)

const isUnreachable = (error: { readonly _tag: string }): error is CommandFailed =>
  error._tag === "CommandFailed" && "unreachable" in error && error.unreachable === true

const byKey = (objects: ReadonlyArray<ManifestObject>): ReadonlyMap<string, ManifestObject> =>
  new Map(objects.map((object) => [keyText(keyOf(object)), object]))

const signature = (object: ManifestObject | undefined) => JSON.stringify(object)
