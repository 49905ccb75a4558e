/** A run as one word that can be printed, copied and run again: `scenario:seed[:drop=0,2][:faults=site#1=kind,…]`. */
import { type Fault, faultOf, nameOf } from "./faults.ts"

export interface Task {
  /** `random` is drawn from the seed. */
  readonly scenario: string
  readonly seed: number
  /** Undefined draws them from the seed. */
  readonly faults?: ReadonlyArray<Fault>
  /** Steps of the scenario, by number, that are left out. */
  readonly drop?: ReadonlyArray<number>
}

export const wordOf = ({ drop = [], faults, scenario, seed }: Task): string =>
  [
    scenario,
    String(seed),
    ...(drop.length === 0 ? [] : [`drop=${drop.join(",")}`]),
    ...(faults === undefined ? [] : [`faults=${faults.map(nameOf).join(",")}`])
  ].join(":")

/** Throws on a word that names no run. */
export const taskOf = (word: string): Task => {
  const [scenario = "", seed = "", ...rest] = word.split(":")
  if (!/^\d+$/u.test(seed)) throw new Error(`${word}: after the scenario comes its seed`)
  let task: Task = { scenario, seed: Number(seed) }
  for (const part of rest) {
    const [name, list] = [part.slice(0, part.indexOf("=")), part.slice(part.indexOf("=") + 1)]
    const items = list === "" ? [] : list.split(",")
    if (name === "drop") task = { ...task, drop: items.map(Number) }
    else if (name === "faults") task = { ...task, faults: items.map(faultOf) }
    else throw new Error(`${word}: ${part} is neither drop= nor faults=`)
  }
  return task
}
