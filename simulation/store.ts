/**
 * The product's `Database` for a replica, over the one PGlite that all replicas share. A transaction is one step: from
 * BEGIN to COMMIT nothing else is sent and time stands still; its duration is virtual time before and after. An outside
 * call or a sleep inside of one would never come back, and fails the run.
 */
import { Cause, Effect, Queue, Stream } from "effect"
import type { CompiledQuery } from "kysely"
import { type DatabaseError, toDatabaseError } from "../src/database/database.ts"
import type { Process } from "./kernel.ts"
import type { Outside } from "./outside.ts"
import type { Answer, Session } from "./session.ts"
import { forbiddenIn } from "./traps.ts"

/** A row that a statement changed, as the audit triggers saw it. */
export interface Change {
  readonly table: string
  readonly op: "INSERT" | "UPDATE" | "DELETE"
  readonly old: Row | null
  readonly new: Row | null
}
export type Row = Readonly<Record<string, unknown>>

/** The pass that a statement belongs to, by the log fields that the loop gives it. */
export interface PassId {
  readonly key: string
  readonly fence: number
}

export interface Commit {
  readonly site: string
  readonly process: Process
  readonly pass: PassId | undefined
  readonly changes: ReadonlyArray<Change>
  /** Of a single statement. */
  readonly parameters: ReadonlyArray<unknown>
  /** By the true time, when whoever waits for its answer sent it. */
  readonly sentAt: number
}

interface Listener {
  readonly process: Process
  readonly hear: (payload: string) => void
  readonly cut: () => void
}

/** One way between a process and the database server, in milliseconds. */
export const WAY = [0.1, 2] as const
/** Longer than the loop waits for a statement, shorter than the server lets one run. */
export const SLOW = [5_500, 20_000] as const

export class Store {
  readonly session: Session
  readonly outside: Outside
  /** Milliseconds that the server's clock is ahead. */
  skew = 0
  /** What happens to a notice on its way: how often it arrives. */
  copies: () => number = () => 1
  onCommit: (commit: Commit) => void = () => undefined
  /** Is told of each statement before it is carried out. */
  onStatement: (site: string, parameters: ReadonlyArray<unknown>) => void = () => undefined
  commits = 0
  /** Statements and transactions that the product sent, by their names in its source, those inside of others too. */
  readonly named = new Set<string>()
  #generation = 0
  #listeners: Array<Listener> = []
  #changes: Array<Change> = []

  constructor(session: Session, outside: Outside) {
    this.session = session
    this.outside = outside
    session.onNotice = (text) => {
      if (text.startsWith("audit ")) this.#changes.push(JSON.parse(text.slice(6)) as Change)
    }
  }

  get now(): number {
    return this.outside.kernel.now + this.skew
  }

  /** Breaks every connection: what was sent and not answered yet never is. */
  cutAll(): void {
    this.#generation++
    for (const listener of this.#listeners.splice(0)) listener.cut()
  }

  run(site: string, query: CompiledQuery): Answer {
    if (!innocent.has(query.sql)) {
      const forbidden = forbiddenIn(query.sql)
      if (forbidden === undefined) innocent.add(query.sql)
      else this.outside.kernel.fail("OwnTime", `${site} says ${forbidden} in SQL`)
    }
    this.onStatement(site, query.parameters)
    this.session.setTime(this.now)
    return this.session.query(query.sql, query.parameters)
  }

  committed(commit: Omit<Commit, "changes">): void {
    this.commits++
    const changes = this.#changes.splice(0)
    if (changes.length > 0) this.onCommit({ ...commit, changes })
  }

  rolledBack(): void {
    this.#changes = []
  }

  single(site: string, process: Process, pass: PassId | undefined, query: CompiledQuery): Promise<Answer> {
    const generation = this.#generation
    const sentAt = this.outside.kernel.now
    return this.outside.make<Answer>({
      site,
      process,
      way: WAY,
      slow: SLOW,
      broken: connectionLost,
      perform: () => {
        if (generation !== this.#generation) throw connectionLost()
        try {
          const answer = this.run(site, query)
          if (query.sql.startsWith("select pg_notify(")) this.#notify(String(query.parameters[1]))
          this.committed({ site, process, pass, parameters: query.parameters, sentAt })
          return answer
        } catch (cause) {
          this.rolledBack()
          throw cause
        }
      }
    })
  }

  #notify(payload: string): void {
    const { kernel } = this.outside
    for (const listener of this.#listeners) {
      for (let copy = this.copies(); copy > 0; copy--) {
        kernel.after(this.outside.time([0.5, 20]), () => listener.hear(payload), listener.process)
      }
    }
  }

  listen(process: Process): Stream.Stream<string, DatabaseError> {
    return Stream.callback<string, DatabaseError>((queue) =>
      Effect.sync(() => {
        const hear = (payload: string) => void Queue.offerUnsafe(queue, payload)
        const fail = () => void Queue.failCauseUnsafe(queue, Cause.fail(toDatabaseError("listen")(connectionLost())))
        const cut = () => void this.outside.kernel.after(1, fail, process)
        this.outside.kernel.after(
          this.outside.time(WAY),
          () => {
            this.#listeners.push({ process, hear, cut })
            hear("")
          },
          process
        )
      })
    )
  }

  get generation(): number {
    return this.#generation
  }
}

/** Statements that were read already. */
const innocent = new Set<string>()

class ConnectionLost extends Error {
  readonly code = "08006"
}
export const connectionLost = () => new ConnectionLost("the connection to the database was lost")
