/**
 * Prints objects in the form that was asked for. A watch prints again and again: rows then stand below the first
 * table of their kind, and JSON or YAML comes as a stream of documents.
 */
import { Clock, Console, Effect, Result } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { type KindName, parseDocument } from "../model/kinds/kinds.ts"
import { columnsOf } from "./columns.ts"
import { keyOf, labelOf, type ManifestObject } from "./objects.ts"
import { asJson, asYaml, type Output } from "./output.ts"
import { coloured, type Paint, plain, renderTable, widthsOf } from "./table.ts"

export interface PrinterOptions {
  readonly output: Output
  /** One object was asked for by its name: JSON is that object, else a list. */
  readonly single: boolean
  /** Names have their kind before them. */
  readonly withKind: boolean
  readonly streaming: boolean
}

export type Printer = (objects: ReadonlyArray<ManifestObject>) => Effect.Effect<void>

export const makePrinter = ({ output, single, streaming, withKind }: PrinterOptions): Printer => {
  switch (output) {
    case "json":
      return streaming ? each((object) => asJson(inOrder(object))) : list(single)
    case "yaml":
      return streaming ? each((object) => `---\n${asYaml(inOrder(object))}`) : whole(documents)
    case "name":
      return whole((objects) => objects.map((object) => labelOf(keyOf(object))).join("\n"))
    case "table":
    case "wide":
      return tables(output === "wide", withKind)
  }
}

const whole =
  (text: (objects: ReadonlyArray<ManifestObject>) => string): Printer =>
  (objects) =>
    objects.length === 0 ? Effect.void : Console.log(text(objects))

const each =
  (text: (object: ManifestObject) => string): Printer =>
  (objects) =>
    Effect.forEach(objects, (object) => Console.log(text(object)), { discard: true })

const documents = (objects: ReadonlyArray<ManifestObject>) =>
  objects.map((object) => asYaml(inOrder(object))).join("\n---\n")

/** Programs get a list that may be empty, as kubectl gives them one. */
const list =
  (single: boolean): Printer =>
  (objects) => {
    const items = objects.map(inOrder)
    return Console.log(asJson(single && items.length === 1 ? items[0] : { apiVersion: "v1", kind: "List", items }))
  }

/** The database keeps fields in an order of its own; people know them in the order of the kind. */
const inOrder = (object: ManifestObject): ManifestObject => {
  const parsed = parseDocument(object)
  return Result.isSuccess(parsed) ? { ...object, spec: { ...parsed.success.spec } } : object
}

const tables = (wide: boolean, withKind: boolean): Printer => {
  const widths = new Map<KindName, ReadonlyArray<number>>()
  let withNamespace: boolean | undefined
  return Effect.fnUntraced(function* (objects) {
    if (objects.length === 0) return
    const paint = yield* painter
    const now = yield* Clock.currentTimeMillis
    withNamespace ??= objects.some(({ metadata: { namespace = "" } }) => namespace !== "")
    const shown: Array<string> = []
    for (const [kind, rows] of Map.groupBy(objects, (object) => object.kind)) {
      const columns = columnsOf(kind, { now, wide, withKind, withNamespace })
      const known = widths.get(kind)
      if (known === undefined && shown.length > 0) shown.push("")
      shown.push(...renderTable(columns, rows, { paint, title: known === undefined, ...(known && { widths: known }) }))
      widths.set(kind, known ?? widthsOf(columns, rows))
    }
    yield* Console.log(shown.join("\n"))
  })
}

/** Colours only on a terminal, and never with NO_COLOR. */
export const painter: Effect.Effect<Paint> = Effect.map(TerminalCapabilities.TerminalCapabilities, ({ canColor }) =>
  canColor ? coloured : plain
)
