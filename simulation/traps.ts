/**
 * Real time and real chance inside a run would make it differ from its repetition. While a run is on, whoever reaches
 * for them outside of PGlite makes it fail; and SQL must not read a clock or draw numbers of its own.
 */
import crypto from "node:crypto"
import { syncBuiltinESMExports } from "node:module"

const real = {
  setTimeout: globalThis.setTimeout,
  setInterval: globalThis.setInterval,
  now: Date.now,
  random: Math.random,
  randomUUID: crypto.randomUUID,
  randomBytes: crypto.randomBytes
}

/** Runs `work` with the traps set; `caught` is told what was touched. PGlite's own calls are let through by `isFree`. */
export const withTraps = async <A>(
  caught: (what: string) => void,
  isFree: () => boolean,
  work: () => Promise<A>
): Promise<A> => {
  const trap =
    <A extends ReadonlyArray<unknown>, B>(what: string, original: (...args: A) => B) =>
    (...args: A): B => {
      const stack = isFree() ? undefined : new Error("").stack
      // PGlite's own timers come between two steps; its WebAssembly shows on the stack.
      if (stack !== undefined && !stack.includes("wasm://")) caught(`${what}${stack.split("\n")[2] ?? ""}`)
      return original(...args)
    }
  Object.assign(globalThis, {
    setTimeout: trap("setTimeout", real.setTimeout),
    setInterval: trap("setInterval", real.setInterval)
  })
  Object.assign(Date, { now: trap("Date.now", real.now) })
  Object.assign(Math, { random: trap("Math.random", real.random) })
  Object.assign(crypto, {
    randomUUID: trap("crypto.randomUUID", real.randomUUID),
    randomBytes: trap("crypto.randomBytes", real.randomBytes)
  })
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    const { now, random, randomBytes, randomUUID, setInterval, setTimeout } = real
    Object.assign(globalThis, { setTimeout, setInterval })
    Object.assign(Date, { now })
    Object.assign(Math, { random })
    Object.assign(crypto, { randomUUID, randomBytes })
    syncBuiltinESMExports()
  }
}

/** A function of SQL that reads a clock or draws a number, or undefined. */
export const forbiddenIn = (statement: string): string | undefined => FORBIDDEN.exec(statement)?.[0]

const FORBIDDEN =
  /(?<![a-z_.])(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|random|gen_random_uuid|uuidv7|uuidv4)\s*\(|\bcurrent_(?:timestamp|date|time)\b|\blocaltime(?:stamp)?\b/iu
