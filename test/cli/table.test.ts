/** Tables stay tables, whatever is in their cells. */
import { CliOutput } from "effect/cli"
import { expect, test } from "vitest"
import { ageText, coloured, type Column, plain, renderTable, shorten, widthsOf } from "../../src/cli/table.ts"

interface Row {
  readonly name: string
  readonly ready: boolean
}

const columns: ReadonlyArray<Column<Row>> = [
  { title: "NAME", cell: ({ name }) => name },
  { title: "READY", cell: ({ ready }) => String(ready), tone: ({ ready }) => (ready ? "good" : "bad") },
  { title: "AGE", cell: () => "5s" }
]

test("columns are as wide as their widest cell, three spaces apart", () => {
  const rows = [
    { name: "www", ready: true },
    { name: "mail-of-example", ready: false }
  ]
  expect(renderTable(columns, rows, { paint: plain })).toEqual([
    "NAME              READY   AGE",
    "www               true    5s",
    "mail-of-example   false   5s"
  ])
})

test("an empty cell is shown, so that columns can be cut out by their number", () => {
  expect(renderTable(columns, [{ name: "", ready: true }], { paint: plain })[1]).toBe("-      true    5s")
})

test("colour changes nothing of where the columns stand", () => {
  const rows = [
    { name: "a", ready: true },
    { name: "b", ready: false }
  ]
  const painted = renderTable(columns, rows, { paint: coloured })
  expect(painted[1]).toContain("\u001b[32mtrue\u001b[39m")
  expect(painted[2]).toContain("\u001b[31mfalse\u001b[39m")
  // oxlint-disable-next-line no-control-regex
  expect(painted.map((line) => line.replaceAll(/\u001b\[\d+m/gu, ""))).toEqual(
    renderTable(columns, rows, { paint: plain })
  )
})

test("characters that take two places are counted as two", () => {
  const [title = "", ...lines] = renderTable(
    columns,
    [
      { name: "例え", ready: true },
      { name: "latin", ready: true }
    ],
    { paint: plain }
  )
  const start = title.indexOf("READY")
  for (const line of lines) expect(CliOutput.displayWidth(line.slice(0, line.indexOf("true")))).toBe(start)
})

test("what others wrote cannot move the cursor or turn the text around", () => {
  const [, line] = renderTable(columns, [{ name: "a\u001b[2Jb\n\u202ec", ready: true }], { paint: plain })
  expect(line).toBe("a\\u001b[2Jb\\u000a\\u202ec   true    5s")
})

test("a later row can stand below the columns of an earlier table", () => {
  const widths = widthsOf(columns, [{ name: "mail-of-example", ready: false }])
  expect(renderTable(columns, [{ name: "www", ready: true }], { paint: plain, widths, title: false })).toEqual([
    "www               true    5s"
  ])
  const longer = { name: "longer-than-the-column-was", ready: true }
  expect(renderTable(columns, [longer], { paint: plain, widths, title: false })).toEqual([
    "longer-than-the-column-was   true    5s"
  ])
})

test("long values are cut to a length, with a mark", () => {
  expect(shorten("12345", 5)).toBe("12345")
  expect(shorten("123456", 5)).toBe("1234…")
})

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
test.each([
  [-5 * SECOND, "0s"],
  [119 * SECOND, "119s"],
  [2 * MINUTE, "2m"],
  [187 * SECOND, "3m7s"],
  [25 * MINUTE + 30 * SECOND, "25m"],
  [179 * MINUTE, "179m"],
  [3 * HOUR, "3h"],
  [4 * HOUR + 10 * MINUTE, "4h10m"],
  [20 * HOUR + 59 * MINUTE, "20h"],
  [2 * DAY, "2d"],
  [3 * DAY + 4 * HOUR, "3d4h"],
  [400 * DAY, "400d"]
])("an age of %d ms is %s", (millis, text) => {
  expect(ageText(millis)).toBe(text)
})
