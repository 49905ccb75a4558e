/**
 * The one session of the shared PGlite, driven synchronously: a statement is done when the call returns, so nothing can
 * come between. Each statement is prepared once and planned generically, so that a plan follows from the run alone and
 * not from what ran before it. What the audit triggers say comes back as notices with the answer.
 */
import { messages, PGlite, protocol } from "@electric-sql/pglite"
import { pgliteOptions } from "../src/database/pglite.ts"
import { bindAndExecute, type Heard, read } from "./wire.ts"

export interface Answer {
  readonly rows: ReadonlyArray<Record<string, unknown>>
  /** First word of the command tag: `SELECT`, `COMMIT`, `ROLLBACK`. */
  readonly command: string
  readonly affected: number
}

interface Prepared {
  readonly name: string
  readonly parameters: ReadonlyArray<number>
  readonly fields: ReadonlyArray<{ readonly name: string; readonly type: number }>
}

const CLOCK = "select set_config('driftless.now', $1, false)"

type Message = { readonly name: string }

const { serialize } = protocol

export class Session {
  readonly #lite: PGlite
  readonly #prepared = new Map<string, Prepared>()
  #clock = ""
  /** Goes along with the next statement, since a round trip costs as much as a statement. */
  #isClockNew = false
  /** True while PGlite itself runs: its clock is its own. */
  isBusy = false
  /** Statements sent to the database, for the bench. */
  statements = 0
  /** Gets each notice as it is said. */
  onNotice: (text: string) => void = () => undefined

  private constructor(lite: PGlite) {
    this.#lite = lite
  }

  static async open(): Promise<Session> {
    const session = new Session(await PGlite.create({ ...pgliteOptions }))
    session.script("set plan_cache_mode = force_generic_plan; set client_min_messages = notice; set timezone = 'UTC'")
    return session
  }

  close(): Promise<void> {
    return this.#lite.close()
  }

  /** Several statements without parameters. */
  script(text: string): void {
    this.#send([serialize.query(text)])
  }

  /** The time that all SQL sees from the next statement on. */
  setTime(now: number): void {
    const text = new Date(now).toISOString()
    if (text === this.#clock) return
    this.#clock = text
    this.#isClockNew = true
  }

  forgetTime(): void {
    this.#clock = ""
  }

  /** The next statements are prepared anew: their rows may have other columns. */
  forgetPlans(): void {
    this.script("deallocate all")
    this.#prepared.clear()
  }

  /** Throws what the server says, with its SQLSTATE in `code`. */
  query(text: string, parameters: ReadonlyArray<unknown> = []): Answer {
    this.statements++
    const prepared = this.#prepared.get(text) ?? this.#prepare(text)
    const values = parameters.map((value, i) => this.#written(value, prepared.parameters[i] ?? 0))
    const clock = this.#isClockNew ? (this.#prepared.get(CLOCK) ?? this.#prepare(CLOCK)) : undefined
    this.#isClockNew = false
    const { rows, tags } = this.#send([
      ...(clock === undefined ? [] : [bindAndExecute(clock.name, [this.#clock])]),
      bindAndExecute(prepared.name, values),
      SYNC
    ])
    const tag = tags.at(-1)
    const words = tag?.text.split(" ") ?? []
    return {
      // The clock's own row comes before its tag.
      rows: rows.slice(clock === undefined ? 0 : tags[0]?.rowsBefore).map((row) => this.#row(prepared, row)),
      command: words[0] ?? "",
      affected: Number(words.at(-1)) || 0
    }
  }

  #prepare(text: string): Prepared {
    const name = `s${this.#prepared.size}`
    const answer = this.#ask([serialize.parse({ name, text }), serialize.describe({ type: "S", name }), SYNC])
    const said = messagesOf(answer)
    this.#heed(read(answer), answer)
    const prepared: Prepared = {
      name,
      parameters: said.flatMap((message) =>
        message instanceof messages.ParameterDescriptionMessage ? message.dataTypeIDs : []
      ),
      fields: said.flatMap((message) =>
        message instanceof messages.RowDescriptionMessage
          ? message.fields.map((field) => ({ name: field.name, type: field.dataTypeID }))
          : []
      )
    }
    this.#prepared.set(text, prepared)
    return prepared
  }

  #written(value: unknown, type: number): string | null {
    if (value === null || value === undefined) return null
    const write = this.#lite.serializers[type]
    if (write !== undefined) return write(value)
    return typeof value === "string" ? value : JSON.stringify(value)
  }

  #row({ fields }: Prepared, values: ReadonlyArray<string | null>): Record<string, unknown> {
    const row: Record<string, unknown> = {}
    fields.forEach(({ name, type }, i) => {
      const value = values[i] ?? null
      const read = this.#lite.parsers[type]
      row[name] = value === null || read === undefined ? value : read(value, type)
    })
    return row
  }

  #send(parts: ReadonlyArray<Uint8Array>): Heard {
    const answer = this.#ask(parts)
    return this.#heed(read(answer), answer)
  }

  #ask(parts: ReadonlyArray<Uint8Array>): Buffer {
    const chunks: Array<Uint8Array> = []
    this.isBusy = true
    // It is over when the call returns: the promise says nothing more. What would be an error of PGlite itself shows as
    // an answer that does not end.
    void this.#lite
      .execProtocolRawStream(Buffer.concat(parts), {
        syncToFs: false,
        onRawData: (chunk) => void chunks.push(chunk.slice())
      })
      .catch(() => undefined)
    this.isBusy = false
    return Buffer.concat(chunks)
  }

  #heed(heard: Heard, answer: Buffer): Heard {
    for (const notice of heard.notices) this.onNotice(notice)
    if (!heard.hasFailed && heard.isReady) return heard
    // Set again with the next statement, in case that this one took the setting back with it.
    this.#clock = ""
    throw (
      messagesOf(answer).find((message) => message instanceof messages.DatabaseError) ??
      new Error("PGlite broke off in the middle of an answer")
    )
  }
}

/** A parser that has met an error would wait for the rest of its message, so each answer gets its own. */
const messagesOf = (answer: Buffer): ReadonlyArray<Message> => {
  const said: Array<Message> = []
  new protocol.Parser().parse(answer, (message: Message) => said.push(message))
  return said
}

const SYNC = serialize.sync()
