/**
 * Faults that a test asks for: which calls they meet, how often, and what goes wrong. A fault comes after
 * authentication and the request limit. All matching faults are gone through in the order they were added: delays add
 * up, edits are collected, and the first that decides the answer ends the search.
 */
import { Schema } from "effect"
import type { Kind } from "./calls.ts"
import { WRITES } from "./calls.ts"
import { Edit } from "./edits.ts"

const Match = Schema.Struct({
  method: Schema.optionalKey(Schema.String),
  /** Part of the path. */
  path: Schema.optionalKey(Schema.String),
  /** Part of the query, such as `page=2`. */
  query: Schema.optionalKey(Schema.String),
  /** A kind of call, or `write` for all that change records. */
  kind: Schema.optionalKey(Schema.String),
  /** Part of the body: with `times: "always"` it makes one record poisonous. */
  body: Schema.optionalKey(Schema.String)
})

const Effect = Schema.Union([
  /** Answers instead of doing anything; a 429 without a code is 10429. */
  Schema.Struct({
    do: Schema.Literal("answer"),
    status: Schema.Int,
    code: Schema.optionalKey(Schema.Int),
    message: Schema.optionalKey(Schema.String),
    body: Schema.optionalKey(Schema.Literals(["json", "html"])),
    retryAfterSeconds: Schema.optionalKey(Schema.Int)
  }),
  Schema.Struct({ do: Schema.Literal("slow"), ms: Schema.Int }),
  /** The caller gets no whole answer; `when` says whether the call was carried out. */
  Schema.Struct({
    do: Schema.Literal("lose"),
    when: Schema.Literals(["before", "after"]),
    how: Schema.optionalKey(Schema.Literals(["close", "reset", "midway"]))
  }),
  /** A page of a list that is in another order or lacks its last records, though its count says otherwise. */
  Schema.Struct({
    do: Schema.Literal("page"),
    reverse: Schema.optionalKey(Schema.Boolean),
    drop: Schema.optionalKey(Schema.Int)
  }),
  /** An edit right after the call was carried out: between two pages, or between a list and a write. */
  Schema.Struct({ do: Schema.Literal("edit"), edit: Edit })
])

export const Fault = Schema.Struct({
  match: Schema.optionalKey(Match),
  /** How many matching calls go by unharmed first; 0 by default. */
  skip: Schema.optionalKey(Schema.Int),
  /** How many calls it meets; 1 by default. */
  times: Schema.optionalKey(Schema.Union([Schema.Int, Schema.Literal("always")])),
  effect: Effect
})
export type Fault = typeof Fault.Type
export type FaultEffect = Fault["effect"]

/** A call as faults see it. */
export interface Target {
  readonly kind: Kind
  readonly method: string
  readonly path: string
  readonly query: string
  readonly body: string
}

/** What befalls one call. */
export interface Mishap {
  readonly delayMs: number
  readonly answer?: Extract<FaultEffect, { do: "answer" }>
  readonly lose?: Extract<FaultEffect, { do: "lose" }>
  readonly page?: Extract<FaultEffect, { do: "page" }>
  readonly edits: ReadonlyArray<Edit>
}

interface Armed {
  readonly fault: Fault
  skip: number
  left: number
}

export class Faults {
  #armed: Array<Armed> = []

  /** What it returns takes this fault away again, and no other. */
  add(fault: Fault): () => void {
    const { skip = 0, times = 1 } = fault
    const armed: Armed = { fault, skip, left: times === "always" ? Number.POSITIVE_INFINITY : times }
    this.#armed.push(armed)
    return () => {
      this.#armed = this.#armed.filter((other) => other !== armed)
    }
  }

  clear(): void {
    this.#armed = []
  }

  /** Faults that will still meet a call. */
  pending(): ReadonlyArray<Fault> {
    return this.#armed.map(({ fault }) => fault)
  }

  meet(target: Target): Mishap {
    let delayMs = 0
    let page: Mishap["page"]
    const edits: Array<Edit> = []
    const met = () => ({ delayMs, edits, ...(page !== undefined && { page }) })
    for (const effect of this.#strikes(target)) {
      switch (effect.do) {
        case "slow":
          delayMs += effect.ms
          break
        case "edit":
          edits.push(effect.edit)
          break
        case "page":
          page = effect
          break
        case "answer":
          return { ...met(), answer: effect }
        case "lose":
          return { ...met(), lose: effect }
      }
    }
    return met()
  }

  /** The effects that meet this call; one that is not drawn is not used up. */
  *#strikes(target: Target): Generator<FaultEffect> {
    for (const armed of this.#armed) {
      if (!matches(armed.fault, target)) continue
      if (armed.skip > 0) {
        armed.skip--
        continue
      }
      armed.left--
      if (armed.left <= 0) this.#armed = this.#armed.filter((other) => other !== armed)
      yield armed.fault.effect
    }
  }
}

const matches = ({ match = {} }: Fault, target: Target): boolean =>
  (match.method === undefined || match.method.toUpperCase() === target.method) &&
  (match.path === undefined || target.path.includes(match.path)) &&
  (match.query === undefined || target.query.includes(match.query)) &&
  (match.body === undefined || target.body.includes(match.body)) &&
  (match.kind === undefined || match.kind === target.kind || (match.kind === "write" && WRITES.includes(target.kind)))
