/**
 * S10: a secret is nowhere but where it has to be. What the product logs is looked through as it would be written, down to
 * debug and with all fields; so is what it sends to the database, its metrics, and what the tables hold at the end.
 */
import { Effect } from "effect"
import type { Metrics } from "../src/metrics.ts"
import type { Kernel } from "./kernel.ts"
import type { Session } from "./session.ts"
import { dumpTables } from "./tables.ts"

/** Compares with what stands in clear, and replaces it. */
const SEALING = "credentials.seal"

export class Leaks {
  readonly #kernel: Kernel
  readonly #secrets: ReadonlyArray<string>

  constructor(kernel: Kernel, secrets: ReadonlyArray<string>) {
    this.#kernel = kernel
    this.#secrets = secrets
  }

  /** A line of a replica's log, in JSON. */
  logged(replica: string, line: string): void {
    this.#scan("the log", line)
    if (LOUD.test(line)) this.#kernel.say(`log ${replica}: ${saidIn(line)}`)
  }

  /** The parameters of a statement, before it is carried out. */
  sent(site: string, parameters: ReadonlyArray<unknown>): void {
    if (site === SEALING) return
    for (const parameter of parameters) {
      if (typeof parameter === "string") this.#scan(`a statement of ${site}`, parameter)
      else if (typeof parameter === "object") this.#scan(`a statement of ${site}`, JSON.stringify(parameter))
    }
  }

  async atEnd(session: Session, metrics: Metrics["Service"]): Promise<void> {
    this.#scan("the database", dumpTables(session))
    this.#scan("the metrics", await Effect.runPromise(metrics.expose))
  }

  #scan(where: string, text: string): void {
    const secret = this.#secrets.find((one) => text.includes(one))
    if (secret === undefined) return
    const at = text.indexOf(secret)
    this.#kernel.fail("S10", `a token is in ${where}, in clear: ${text.slice(Math.max(0, at - AROUND), at + AROUND)}`)
  }
}

/** Characters of what is told around a token. */
const AROUND = 80

/** From warnings up. */
const LOUD = /^\{"level":[456]0,/u

/** Without the stack of an error, which says where the program lies. */
const saidIn = (line: string): string => {
  const { err, msg, reason } = JSON.parse(line) as {
    readonly msg?: string
    readonly reason?: string
    readonly err?: { readonly message: string }
  }
  return [msg, reason, err?.message].filter((part) => part !== undefined).join(": ")
}
