/** The texts behind `-f`: files, folders and stdin, in the order given, and never more than a bounded size. */
import { Effect, FileSystem, Option, Path, Stdio, Stream } from "effect"
import { type CommandFailed, failed, wrongUse } from "./failure.ts"

export interface Source {
  /** As the person wrote it; a file of a folder with the folder before it. */
  readonly name: string
  readonly text: string
}

export interface SourceOptions {
  /** Whether folders inside folders are read too. */
  readonly recursive: boolean
}

export const readSources = Effect.fn("cli.readSources")(function* (
  places: ReadonlyArray<string>,
  options: SourceOptions
) {
  if (places.filter((place) => place === STDIN).length > 1)
    return yield* wrongUse("stdin can be read once: give -f - once")
  const found = yield* Effect.forEach(places, (place) => filesOf(place, options))
  let left = MOST_BYTES
  return yield* Effect.forEach([...new Set(found.flat())], (file) =>
    Effect.map(readText(file, left), ({ bytes, text }): Source => {
      left -= bytes
      return { name: file === STDIN ? "stdin" : file, text }
    })
  )
})

const filesOf = Effect.fnUntraced(function* (place: string, { recursive }: SourceOptions) {
  if (place === STDIN) return [place]
  const files = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { type } = yield* files.stat(place).pipe(Effect.mapError(cannotRead(place)))
  if (type !== "Directory") return [place]
  const names = yield* files.readDirectory(place, { recursive }).pipe(Effect.mapError(cannotRead(place)))
  const documents = names.filter((name) => SUFFIXES.some((suffix) => name.endsWith(suffix))).toSorted()
  const found = yield* Effect.filter(
    documents.map((name) => path.join(place, name)),
    (file) => Effect.map(Effect.option(files.stat(file)), (stat) => Option.exists(stat, isNoFolder))
  )
  if (found.length > 0) return found
  return yield* failed(
    `${place}: no file in it ends in ${SUFFIXES.join(", ")}${recursive ? "" : "; -R looks into its folders too"}`
  )
})

const isNoFolder = (stat: FileSystem.File.Info) => stat.type !== "Directory"

const readText = Effect.fnUntraced(function* (file: string, most: number) {
  const files = yield* FileSystem.FileSystem
  const { stdin } = yield* Stdio.Stdio
  const stream = file === STDIN ? stdin : files.stream(file)
  const { bytes, chunks } = yield* stream.pipe(
    Stream.mapError(cannotRead(file)),
    Stream.runFoldEffect(
      () => ({ bytes: 0, chunks: Array.of<Uint8Array>() }),
      (read, chunk) =>
        read.bytes + chunk.length > most
          ? Effect.fail(
              failed(`${file}: the documents are longer than ${MOST_BYTES / 2 ** 20} MiB together; apply them in parts`)
            )
          : Effect.succeed({ bytes: read.bytes + chunk.length, chunks: [...read.chunks, chunk] })
    )
  )
  const text = yield* Effect.try({
    try: () => new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks)),
    catch: () => failed(`${file}: is not text in UTF-8`)
  })
  return { bytes, text }
})

const cannotRead =
  (place: string) =>
  ({ reason }: { readonly reason: { readonly _tag: string; readonly message: string } }): CommandFailed =>
    failed(`${place}: ${WHY.get(reason._tag) ?? reason.message}`)

const WHY = new Map([
  ["NotFound", "there is no such file or folder"],
  ["PermissionDenied", "this user may not read it"]
])

const STDIN = "-"
const SUFFIXES = [".yaml", ".yml", ".json"]

/** What the API takes in one request. */
const MOST_BYTES = 8 * 2 ** 20
