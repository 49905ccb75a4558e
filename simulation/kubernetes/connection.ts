/**
 * The answer to a watch, on its way through the network: what was sent arrives in its order, some of it in halves,
 * until somebody closes it, it breaks, or nothing comes any more and nobody says so.
 */
import type { Answer } from "../../src/providers/kubernetes-http.ts"
import type { Process } from "../kernel.ts"
import type { Outside } from "../outside.ts"

type Part = { readonly text: string } | { readonly end: Error | undefined }
type Reader = (part: Part) => void

/** One way, in milliseconds. */
const WAY = [1, 40] as const

export class Connection implements Answer {
  readonly statusCode = 200
  readonly headers = {}
  /** Of the server: that nobody reads any more. */
  onClose: () => void = () => undefined
  readonly #outside: Outside
  readonly #process: Process
  readonly #sent: Array<Part> = []
  readonly #arrived: Array<Part> = []
  #reader: Reader | undefined
  #state: "open" | "silent" | "closed" = "open"

  constructor(outside: Outside, process: Process) {
    this.#outside = outside
    this.#process = process
  }

  get isOpen(): boolean {
    return this.#state !== "closed" && this.#process.alive
  }

  send(text: string): void {
    const { random } = this.#outside
    const middle = random.chance(0.1) ? random.between(1, text.length - 1) : text.length
    this.#put({ text: text.slice(0, middle) })
    if (middle < text.length) this.#put({ text: text.slice(middle) })
  }

  /** Closed by the server, or broken. */
  end(error?: Error): void {
    this.#put({ end: error })
    if (this.#state === "open") this.#state = "closed"
    this.onClose()
  }

  /** From now on nothing arrives, not even the end. */
  silence(): void {
    if (this.#state === "open") this.#state = "silent"
  }

  destroy(): void {
    this.#state = "closed"
    this.onClose()
  }

  #put(part: Part): void {
    if (this.#state !== "open" || !this.#process.alive) return
    this.#sent.push(part)
    // Whichever of these comes first, what was sent first arrives.
    this.#outside.kernel.after(this.#outside.time(WAY), () => this.#arrive(), this.#process)
  }

  #arrive(): void {
    const part = this.#sent.shift()
    if (part === undefined) return
    const reader = this.#reader
    this.#reader = undefined
    if (reader === undefined) this.#arrived.push(part)
    else reader(part)
  }

  [Symbol.asyncIterator]() {
    return {
      next: () =>
        new Promise<IteratorResult<string, undefined>>((resolve, reject) => {
          const read = (part: Part) => {
            if ("text" in part) resolve({ done: false, value: part.text })
            else if (part.end === undefined) resolve({ done: true, value: undefined })
            else reject(part.end)
          }
          const part = this.#arrived.shift()
          if (part === undefined) this.#reader = read
          else read(part)
        })
    }
  }
}
