/** Tables as kubectl prints them. Pure: text in, text out; colour is added after the width is known. */
import { CliOutput } from "effect/cli"

export type Tone = "good" | "busy" | "bad"
export type Paint = (text: string, tone: Tone | undefined) => string

export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => string
  readonly tone?: (row: Row) => Tone | undefined
}

export interface TableOptions {
  readonly paint: Paint
  /** Of each column; wider cells push the rest of their line. From the rows where it is not given. */
  readonly widths?: ReadonlyArray<number>
  readonly title?: boolean
}

export const renderTable = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  { paint, title = true, widths = widthsOf(columns, rows) }: TableOptions
): ReadonlyArray<string> => {
  const line = (cells: ReadonlyArray<readonly [text: string, tone: Tone | undefined]>) =>
    cells
      .map(([text, tone], index) => {
        const missing = index === cells.length - 1 ? 0 : (widths[index] ?? 0) + GAP - CliOutput.displayWidth(text)
        return paint(text, tone) + " ".repeat(Math.max(index === cells.length - 1 ? 0 : GAP, missing))
      })
      .join("")
      .trimEnd()
  return [
    ...(title ? [line(columns.map((column) => [column.title, undefined]))] : []),
    ...rows.map((row) => line(columns.map((column) => [textOf(column, row), column.tone?.(row)])))
  ]
}

export const widthsOf = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>) =>
  columns.map((column) =>
    rows.reduce(
      (width, row) => Math.max(width, CliOutput.displayWidth(textOf(column, row))),
      CliOutput.displayWidth(column.title)
    )
  )

const GAP = 3

/** An empty cell would shift what a script cuts out by column. */
const textOf = <Row>({ cell }: Column<Row>, row: Row) => printable(cell(row)) || "-"

/** What others wrote must not move the cursor of the terminal: control characters are shown as what they are. */
export const printable = (text: string) =>
  text.replaceAll(
    /[\p{Cc}\p{Bidi_Control}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
  )

export const shorten = (text: string, most: number) => (text.length <= most ? text : `${text.slice(0, most - 1)}…`)

/** Kubernetes' way: `42s`, `3m7s`, `25m`, `4h10m`, `20h`, `3d4h`, `400d`. */
export const ageText = (millis: number): string => {
  const seconds = Math.max(0, Math.floor(millis / 1000))
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3600), Math.floor(seconds / 86_400)]
  const two = (big: number, unit: string, small: number, smallUnit: string) =>
    `${big}${unit}${small === 0 ? "" : `${small}${smallUnit}`}`
  if (seconds < 120) return `${seconds}s`
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s")
  if (minutes < 180) return `${minutes}m`
  if (hours < 8) return two(hours, "h", minutes % 60, "m")
  if (hours < 48) return `${hours}h`
  return days < 8 ? two(days, "d", hours % 24, "h") : `${days}d`
}

export const plain: Paint = (text) => text

const CODES = { good: 32, busy: 33, bad: 31 } as const
export const coloured: Paint = (text, tone) => (tone === undefined ? text : `\u001b[${CODES[tone]}m${text}\u001b[39m`)
