/**
 * The few messages of PostgreSQL's protocol that a `Session` sends and hears. PGlite's own parser takes several times
 * as long and keeps all it has read; an error, which is rare, is left to it.
 */
export interface Heard {
  /** Values of each row as text. */
  readonly rows: ReadonlyArray<ReadonlyArray<string | null>>
  /** Command tags, in the order of the statements, each with the number of rows that came before it. */
  readonly tags: ReadonlyArray<{ readonly text: string; readonly rowsBefore: number }>
  readonly notices: ReadonlyArray<string>
  readonly hasFailed: boolean
  /** Everything was answered. */
  readonly isReady: boolean
}

export const read = (answer: Buffer): Heard => {
  const rows: Array<ReadonlyArray<string | null>> = []
  const tags: Array<Heard["tags"][number]> = []
  const notices: Array<string> = []
  let [hasFailed, isReady] = [false, false]
  for (let at = 0; at < answer.length; at += 1 + answer.readInt32BE(at + 1)) {
    const body = at + 5
    const kind = answer[at]
    if (kind === DATA_ROW) rows.push(rowAt(answer, body))
    else if (kind === COMMAND_COMPLETE) tags.push({ text: textAt(answer, body), rowsBefore: rows.length })
    else if (kind === NOTICE) notices.push(noticeAt(answer, body))
    else if (kind === ERROR) hasFailed = true
    else if (kind === READY) isReady = true
  }
  return { rows, tags, notices, hasFailed, isReady }
}

const rowAt = (answer: Buffer, body: number): ReadonlyArray<string | null> => {
  const values: Array<string | null> = []
  let at = body + 2
  for (let left = answer.readInt16BE(body); left > 0; left--) {
    const size = answer.readInt32BE(at)
    at += 4
    values.push(size < 0 ? null : answer.toString("utf8", at, at + size))
    if (size > 0) at += size
  }
  return values
}

/** Up to its zero byte. */
const textAt = (answer: Buffer, from: number) => answer.toString("utf8", from, answer.indexOf(0, from))

/** A notice is a list of fields, each a letter and a text; `M` is what it says. */
const noticeAt = (answer: Buffer, body: number): string => {
  for (let at = body; answer[at] !== 0; at = answer.indexOf(0, at) + 1) {
    if (answer[at] === MESSAGE) return textAt(answer, at + 1)
  }
  return ""
}

/** Binds and runs a prepared statement; parameters and results are texts. */
export const bindAndExecute = (statement: string, values: ReadonlyArray<string | null>): Buffer => {
  const sizes = values.map((value) => (value === null ? -1 : Buffer.byteLength(value)))
  const bind = 4 + 1 + statement.length + 1 + 2 + 2 + sizes.reduce((sum, size) => sum + 4 + Math.max(0, size), 0) + 2
  const message = Buffer.alloc(1 + bind + EXECUTE.length)
  message[0] = BIND
  message.writeInt32BE(bind, 1)
  // The portal has no name, and ends at once; no formats are given.
  let at = 6 + message.write(statement, 6) + 1 + 2
  at = message.writeInt16BE(values.length, at)
  for (const [i, value] of values.entries()) {
    at = message.writeInt32BE(sizes[i] ?? -1, at)
    if (value !== null) at += message.write(value, at)
  }
  message.set(EXECUTE, at + 2)
  return message
}

const code = (letter: string) => letter.charCodeAt(0)
const [DATA_ROW, COMMAND_COMPLETE, NOTICE, ERROR, READY] = [code("D"), code("C"), code("N"), code("E"), code("Z")]
const [MESSAGE, BIND] = [code("M"), code("B")]
/** The portal without a name, all its rows. */
const EXECUTE = Buffer.from([code("E"), 0, 0, 0, 9, 0, 0, 0, 0, 0])
