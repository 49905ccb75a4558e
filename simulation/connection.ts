/** A replica's connections to the shared PGlite, as Kysely drives them: where the faults of transactions strike. */
import { Effect, References } from "effect"
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult
} from "kysely"
import { Database, makeDatabase } from "../src/database/database.ts"
import type { Tables } from "../src/database/tables.ts"
import type { Process } from "./kernel.ts"
import { attempt, type Outside } from "./outside.ts"
import type { Answer } from "./session.ts"
import { connectionLost, type PassId, SLOW, type Store, WAY } from "./store.ts"

class Victim extends Error {
  readonly code = "40001"
}

export const databaseOf = (store: Store, process: Process): Database["Service"] => {
  const listen = () => store.listen(process)
  const at = (site: string, pass: PassId | undefined) => {
    const dialect = {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new StoreDriver(store, process, site, pass),
      createIntrospector: (db: Kysely<unknown>) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler()
    }
    return makeDatabase("postgres", new Kysely<Tables>({ dialect }), listen)
  }
  const base = at("none", undefined)
  return Database.of({
    backend: "postgres",
    listen,
    afterCommit: base.afterCommit,
    query: (operation, run) =>
      Effect.flatMap(References.CurrentLogAnnotations, (fields) => {
        store.named.add(operation)
        return at(operation, passOf(fields)).query(operation, run)
      }),
    transaction: (operation, body) =>
      Effect.flatMap(References.CurrentLogAnnotations, (fields) => {
        store.named.add(operation)
        return at(operation, passOf(fields)).transaction(operation, body)
      })
  })
}

const passOf = ({ fence, key }: Readonly<Record<string, unknown>>): PassId | undefined =>
  typeof key === "string" && typeof fence === "number" ? { key, fence } : undefined

const sent = <R>(answer: Answer): QueryResult<R> => ({
  // The rows are what the statement says they are, as with any driver.
  rows: answer.rows as Array<R>,
  numAffectedRows: BigInt(answer.affected)
})

class StoreDriver implements Driver {
  readonly #store: Store
  readonly #process: Process
  readonly #site: string
  readonly #pass: PassId | undefined

  constructor(store: Store, process: Process, site: string, pass: PassId | undefined) {
    this.#store = store
    this.#process = process
    this.#site = site
    this.#pass = pass
  }

  async init() {}
  async destroy() {}
  async releaseConnection() {}

  async acquireConnection() {
    return new StoreConnection(this.#store, this.#process, this.#site, this.#pass)
  }

  beginTransaction(connection: DatabaseConnection) {
    return own(connection).begin()
  }

  commitTransaction(connection: DatabaseConnection) {
    return own(connection).commit()
  }

  rollbackTransaction(connection: DatabaseConnection) {
    return own(connection).rollback()
  }
}

const own = (connection: DatabaseConnection): StoreConnection => {
  if (connection instanceof StoreConnection) return connection
  throw new Error("a connection of another driver")
}

class StoreConnection implements DatabaseConnection {
  readonly #store: Store
  readonly #process: Process
  readonly #site: string
  readonly #pass: PassId | undefined
  #state: "idle" | "open" | "broken" = "idle"
  #fault: ReturnType<Outside["draw"]>

  constructor(store: Store, process: Process, site: string, pass: PassId | undefined) {
    this.#store = store
    this.#process = process
    this.#site = site
    this.#pass = pass
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#state === "broken") throw connectionLost()
    if (this.#state === "open") return sent(this.#store.run(this.#site, query))
    return sent(await this.#store.single(this.#site, this.#process, this.#pass, query))
  }

  streamQuery(): never {
    throw new Error("nothing is streamed")
  }

  begin(): Promise<void> {
    const { outside } = this.#store
    const { kernel } = outside
    const [process, site] = [this.#process, this.#site]
    this.#fault = outside.draw(site, process)
    const fault = this.#fault
    kernel.say(
      `${process.name} calls ${site}#${outside.counts.get(site)}${fault === undefined ? "" : `, struck by ${fault}`}`
    )
    return new Promise((resolve, reject) => {
      const [{ generation }, there] = [this.#store, outside.time(fault === "slowBefore" ? SLOW : WAY)]
      const open = () => {
        if (generation !== this.#store.generation) return reject(connectionLost())
        this.#state = "open"
        kernel.inTransaction = true
        this.#store.run(site, BEGIN)
        resolve()
      }
      if (fault === "crashBefore") return outside.crash(process)
      if (fault === "errorBefore") return void kernel.after(there, () => reject(connectionLost()), process)
      if (fault === "pauseBefore") outside.pause(process)
      kernel.after(there, open, process)
    })
  }

  commit(): Promise<void> {
    const { outside } = this.#store
    const { kernel } = outside
    const process = this.#process
    const fault = this.#fault
    const back = outside.time(fault === "slowAfter" ? SLOW : WAY)
    return new Promise((resolve, reject) => {
      if (fault === "crashInside" || fault === "pauseInside" || fault === "contention") {
        this.#undo(fault === "contention" ? "idle" : "broken")
        if (fault === "crashInside") return outside.crash(process)
        if (fault === "pauseInside") outside.pause(process)
        const error = fault === "contention" ? new Victim("could not serialize access") : connectionLost()
        return void kernel.after(back, () => reject(error), process)
      }
      const outcome = attempt(() => this.#store.run(this.#site, COMMIT))
      this.#state = "idle"
      kernel.inTransaction = false
      if (!outcome.ok || outcome.value.command !== "COMMIT") {
        this.#store.rolledBack()
        const error = outcome.ok ? new Error("rolled back") : outcome.error
        return void kernel.after(back, () => reject(error), process)
      }
      this.#store.committed({
        site: this.#site,
        process,
        pass: this.#pass,
        parameters: [],
        sentAt: this.#store.outside.kernel.now
      })
      if (fault === "crashAfter") return outside.crash(process)
      if (fault === "pauseAfter") outside.pause(process)
      if (fault === "errorAfter") this.#state = "broken"
      kernel.after(back, () => (fault === "errorAfter" ? reject(connectionLost()) : resolve()), process)
    })
  }

  rollback(): Promise<void> {
    const { outside } = this.#store
    if (this.#state === "broken") return Promise.reject(connectionLost())
    if (this.#state === "open") this.#undo("idle")
    return new Promise((resolve) => outside.kernel.after(outside.time(WAY), () => resolve(), this.#process))
  }

  #undo(state: "idle" | "broken"): void {
    // As it is: in a transaction that has failed nothing else is taken, the time neither.
    this.#store.session.query(ROLLBACK.sql)
    this.#store.rolledBack()
    this.#store.outside.kernel.inTransaction = false
    this.#state = state
  }
}

const BEGIN = CompiledQuery.raw("begin")
const COMMIT = CompiledQuery.raw("commit")
const ROLLBACK = CompiledQuery.raw("rollback")
