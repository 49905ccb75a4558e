/** The orders of the statements of two sides, depth first, each on a database that is as it was. */
import type pg from "pg"
import type { Side } from "./gate.ts"

export interface Order {
  /** Who went, step by step. */
  readonly steps: ReadonlyArray<string>
  /** Somebody was the victim of a deadlock and ran again. */
  readonly deadlocks: number
  /** Position in the order at which each side ended. */
  readonly ends: ReadonlyMap<string, number>
}

export interface Explored {
  readonly orders: number
  readonly deadlocks: number
}

/** Steps of a real server that take longer mean that something hangs. Milliseconds. */
const BOUND = 15_000

/**
 * Runs `attempt` once for each order in which a side that could go on is passed over at most so often; one that waits
 * for a lock, or is over, is not passed over. `attempt` resets the database, starts both sides, and returns their ends and what to
 * check when both are over.
 */
export const explore = async (
  control: pg.Client,
  sides: readonly [Side, Side],
  mostTurns: number,
  attempt: () => Promise<{ readonly over: Promise<unknown>; readonly check: (order: Order) => Promise<void> }>
): Promise<Explored> => {
  let prefix: ReadonlyArray<number> = []
  let [orders, deadlocks] = [0, 0]
  while (true) {
    const { check, over } = await attempt()
    const { choices, order } = await follow(control, sides, prefix)
    await over
    await check(order)
    orders++
    deadlocks += order.deadlocks
    const next = successor(choices, mostTurns)
    if (next === undefined) break
    prefix = next
  }
  return { orders, deadlocks }
}

interface Choice {
  readonly taken: number
  /** Who else could go, and has not been tried yet. */
  readonly other: number | undefined
  /** How often a side was passed over, this choice included. */
  readonly turns: number
}

/** The next order of the depth-first search; undefined when there is none. */
const successor = (choices: ReadonlyArray<Choice>, mostTurns: number): ReadonlyArray<number> | undefined => {
  for (let i = choices.length - 1; i >= 0; i--) {
    const choice = choices[i]
    const isPassedOver = i > 0
    if (choice?.other === undefined || (isPassedOver && choice.turns >= mostTurns)) continue
    return [...choices.slice(0, i).map(({ taken }) => taken), choice.other]
  }
  return undefined
}

const follow = async (control: pg.Client, sides: readonly [Side, Side], prefix: ReadonlyArray<number>) => {
  const choices: Array<Choice> = []
  const steps: Array<string> = []
  const ends = new Map<string, number>()
  let deadlocks = 0
  while (true) {
    deadlocks += await settle(control, sides)
    for (const { name, state } of sides) if (state === "over" && !ends.has(name)) ends.set(name, steps.length)
    const beginning = sides.find(({ next, state }) => state === "at gate" && next === "begin")
    if (beginning !== undefined) {
      // Nobody else can tell when.
      beginning.release()
      continue
    }
    const possible = sides.flatMap(({ state }, index) => (state === "at gate" ? [index] : []))
    const [first] = possible
    if (first === undefined) break
    const last = choices.at(-1)
    // Who had the last turn goes on.
    const usual = last !== undefined && possible.includes(last.taken) ? last.taken : first
    const wanted = prefix[choices.length]
    const taken = wanted !== undefined && possible.includes(wanted) ? wanted : usual
    const isUsual = taken === usual
    const turns = last === undefined ? 0 : last.turns + (isUsual ? 0 : 1)
    choices.push({ taken, other: isUsual ? possible.find((side) => side !== usual) : undefined, turns })
    steps.push(sides[taken]?.name ?? "")
    sides[taken]?.release()
  }
  return { choices, order: { steps, deadlocks, ends } satisfies Order }
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Until each side is at its gate, over, or waits for a lock that the other holds. Counts the deadlocks on the way. */
const settle = async (control: pg.Client, sides: readonly [Side, Side]): Promise<number> => {
  const began = Date.now()
  let deadlocks = 0
  while (Date.now() - began < BOUND) {
    await turn()
    if (sides.every(({ state }) => state === "at gate" || state === "over")) return deadlocks
    if (sides.some(({ state }) => state === "out")) continue
    const sent = sides.filter(({ state }) => state === "sent")
    const { rows } = await control.query<{ pid: number }>(
      "select pid from unnest($1::int[]) as p (pid) where cardinality(pg_blocking_pids(pid)) > 0",
      [sent.map(({ pid }) => pid)]
    )
    const waiting = sent.filter(({ pid, state }) => state === "sent" && rows.some((row) => row.pid === pid))
    for (const side of waiting) side.hasWaited = true
    if (sent.length === 0 || waiting.length < sent.length) continue
    // Both wait: the server ends one of them.
    if (waiting.length === 2) {
      deadlocks++
      while (waiting.every(({ state }) => state === "sent") && Date.now() - began < BOUND) await turn()
      continue
    }
    return deadlocks
  }
  throw new Error(
    `stands still: ${sides.map(({ log, name, state }) => `${name} ${state} after ${log.at(-1)?.slice(0, 60)}`).join("; ")}`
  )
}
