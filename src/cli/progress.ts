/** How a wait goes on, on stderr: one line that is drawn again on a terminal, else a line for each change. */
import { Effect } from "effect"
import { printable } from "./table.ts"

export interface Waiting {
  /** `dnsrecord/www`. */
  readonly label: string
  /** `Converging: 1 of 2 records being written`. */
  readonly text: string
  readonly done: boolean
}

export interface Progress {
  readonly show: (all: ReadonlyArray<Waiting>) => Effect.Effect<void>
  /** Takes away what was drawn. */
  readonly end: Effect.Effect<void>
}

export interface Sink {
  readonly write: (text: string) => void
  /** Undefined where it is no terminal. */
  readonly columns: number | undefined
}

export const makeProgress = (sink: Sink): Progress =>
  sink.columns === undefined ? linePerChange(sink) : liveLine(sink, sink.columns)

const liveLine = ({ write }: Sink, columns: number): Progress => ({
  show: (all) => Effect.sync(() => write(`\r\u001b[K${summary(all).slice(0, columns - 1)}`)),
  end: Effect.sync(() => write("\r\u001b[K"))
})

const summary = (all: ReadonlyArray<Waiting>): string => {
  const open = all.filter(({ done }) => !done)
  const [first] = open
  const more = open.length > 1 ? ` (and ${open.length - 1} more)` : ""
  const detail = first === undefined ? "" : `; ${first.label} ${printable(first.text)}${more}`
  return `${all.length - open.length} of ${all.length} done${detail}`
}

const linePerChange = ({ write }: Sink): Progress => {
  const told = new Map<string, string>()
  return {
    show: (all) =>
      Effect.sync(() => {
        for (const { label, text } of all) {
          if (told.get(label) === text) continue
          told.set(label, text)
          write(`${label} ${printable(text)}\n`)
        }
      }),
    end: Effect.void
  }
}

/** Where a terminal does not tell. */
const USUAL_WIDTH = 80

export const stderr: Sink = {
  write: (text) => process.stderr.write(text),
  columns: process.stderr.isTTY && process.env["TERM"] !== "dumb" ? process.stderr.columns || USUAL_WIDTH : undefined
}
