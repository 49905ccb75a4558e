/** What a benchmark says: one table with its conditions and goals, as text for people and as JSON for programs. */
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os"

export interface Goal {
  readonly name: string
  readonly wanted: string
  readonly figure: number
  readonly reached: boolean
}

export interface Report {
  readonly title: string
  /** What held while it was measured, a sentence each. */
  readonly conditions: ReadonlyArray<string>
  readonly columns: ReadonlyArray<string>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  readonly goals: ReadonlyArray<Goal>
  /** The figures that the table was made from, by name, in the order they were taken. */
  readonly figures: Readonly<Record<string, ReadonlyArray<number>>>
}

export const atMost = (name: string, bound: number, figure: number): Goal => ({
  name,
  wanted: `≤ ${bound}`,
  figure,
  reached: figure <= bound
})

export const atLeast = (name: string, bound: number, figure: number): Goal => ({
  name,
  wanted: `≥ ${bound}`,
  figure,
  reached: figure >= bound
})

/** The machine in one line; its load tells whether others worked on it. */
export const machine = (): string =>
  [
    `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? "unknown processor"}`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    `${platform()} ${release()}`,
    `Node ${process.versions.node}`,
    `load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`
  ].join(", ")

export const textOf = ({ columns, conditions, goals, rows, title }: Report): string => {
  const widths = columns.map((column, i) => Math.max(column.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: ReadonlyArray<string>) =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join("  ")
  return [
    `\n${title}`,
    ...conditions.map((condition) => `  · ${condition}`),
    "",
    `  ${line(columns)}`,
    `  ${widths.map((width) => "─".repeat(width)).join("  ")}`,
    ...rows.map((row) => `  ${line(row)}`),
    ...(goals.length === 0 ? [] : [""]),
    ...goals.map(
      ({ figure, name, reached, wanted }) =>
        `  ${reached ? "reached" : "MISSED "}  ${name}: ${Number(figure.toPrecision(3))}, to reach ${wanted}`
    ),
    ""
  ].join("\n")
}
