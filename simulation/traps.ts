/**
 * Real time and real chance inside a run would make it differ from its repetition. While a run is on, whoever reaches
 * for them outside of PGlite makes it fail; and SQL must not read a clock or draw numbers of its own.
 */
import crypto from "node:crypto"
import { syncBuiltinESMExports } from "node:module"
import timers from "node:timers"
import promised from "node:timers/promises"

/** What must not be reached for, by who holds it and how that is called. */
const FORBIDDEN_CALLS: ReadonlyArray<readonly [string, object, ReadonlyArray<string>]> = [
  ["", globalThis, ["setTimeout", "setInterval"]],
  ["timers.", timers, ["setTimeout", "setInterval"]],
  ["timers/promises.", promised, ["setTimeout", "setInterval"]],
  ["timers/promises.scheduler.", promised.scheduler, ["wait"]],
  ["Date.", Date, ["now"]],
  ["performance.", performance, ["now"]],
  ["Math.", Math, ["random"]],
  ["crypto.", crypto, ["randomUUID", "randomBytes", "randomInt", "randomFill", "randomFillSync"]],
  // What `node:crypto` exports of it goes by the same object.
  ["webcrypto.", crypto.webcrypto, ["randomUUID", "getRandomValues"]]
]

const PGLITE = /wasm:\/\/|@electric-sql\/pglite/u

type Catch = (what: string) => void

/** Runs `work` with the traps set; `caught` is told what was touched. PGlite's own calls are let through by `isFree`. */
export const withTraps = async <A>(caught: Catch, isFree: () => boolean, work: () => Promise<A>): Promise<A> => {
  const touched: Catch = (what) => {
    const stack = isFree() ? undefined : new Error("").stack
    // PGlite's own timers come between two steps; its WebAssembly or its glue shows on the stack.
    if (stack !== undefined && !PGLITE.test(stack)) caught(`${what}${stack.split("\n")[3] ?? ""}`)
  }
  const undo = FORBIDDEN_CALLS.flatMap(([holder, object, names]) =>
    names.map((name) => replace(object, name, (original) => trapped(original, () => touched(`${holder}${name}`))))
  )
  undo.push(replace(globalThis, "Date", (date) => timeless(date, () => touched("the time of Date"))))
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    for (const one of undo) one()
    syncBuiltinESMExports()
  }
}

/** Puts another value in the place of a property; what it returns puts it back. */
const replace = (object: object, name: string, make: (original: object) => object): (() => void) => {
  const before = Object.getOwnPropertyDescriptor(object, name)
  const value = make(Reflect.get(object, name) as object)
  Object.defineProperty(object, name, {
    value,
    configurable: true,
    writable: true,
    enumerable: before?.enumerable ?? true
  })
  return () => {
    if (before === undefined) Reflect.deleteProperty(object, name)
    else Object.defineProperty(object, name, before)
  }
}

const trapped = (original: object, touched: () => void): object =>
  new Proxy(original, {
    apply: (target, self, args) => {
      touched()
      return Reflect.apply(target as () => unknown, self, args) as unknown
    }
  })

/** A Date of a given time is free; one of now is not. */
const timeless = (date: object, touched: () => void): object =>
  new Proxy(date, {
    apply: (target, self, args) => {
      touched()
      return Reflect.apply(target as () => unknown, self, args) as unknown
    },
    construct: (target, args: Array<unknown>, made) => {
      if (args.length === 0) touched()
      return Reflect.construct(target as new () => object, args, made) as object
    }
  })

/** A function of SQL that reads a clock or draws a number, or undefined. */
export const forbiddenIn = (statement: string): string | undefined => FORBIDDEN.exec(statement)?.[0]

const FORBIDDEN =
  /(?<![a-z_.])(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid|uuidv7|uuidv4)\s*\(|\bcurrent_(?:timestamp|date|time)\b|\blocaltime(?:stamp)?\b/iu
