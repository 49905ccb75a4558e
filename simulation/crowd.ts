/**
 * Worlds in which zones compete for the slots of the replicas: each replica works on one zone at a time, an answer of the
 * provider takes seconds, in one zone more than there are slots something is asked for all the time, and in another one
 * nothing ever again. Three in a hundred seeds are such a world, drawn from a stream of its own.
 */
import { randomOf } from "./random.ts"
import type { Scenario, Step } from "./steps.ts"

/** Seconds: some fifty claims after those of the quiet zone's resync that begins to be old. */
const LENGTH = 700
/** A pass takes longer. */
const BUSY = 4
/** So long somebody may ask for more than that, in seconds. */
const HURRY = 60

export const crowdOf = (seed: number): Scenario | undefined => {
  const random = randomOf(seed, "crowd")
  if (!random.chance(0.03)) return undefined
  const replicas = random.between(1, 2)
  const busy = Array.from({ length: replicas + 1 }, (_, i) => i + 1)
  const steps: ReadonlyArray<Step> = [
    { at: 1, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
    { at: 10, do: "provider slow", seconds: LENGTH - 10 },
    ...busy.flatMap((zone) => changes(zone, random.pick([1, 2, BUSY]), random.next()))
  ]
  return {
    name: "random",
    about: "drawn from the seed: more is asked for in some zones than the replicas can do, and nothing in another",
    replicas,
    zones: 1 + busy.length,
    concurrency: 1,
    length: LENGTH,
    steps: steps.toSorted((a, b) => a.at - b.at)
  }
}

const changes = (zone: number, hurry: number, phase: number): ReadonlyArray<Step> => {
  const steps: Array<Step> = [{ at: 2, do: "create", zone, type: "A", name: "www", value: "192.0.2.1" }]
  for (let at = 12 + Math.round(phase * 1000) / 1000; at < LENGTH; at += at < HURRY ? hurry : BUSY) {
    steps.push({ at, do: "change", zone, type: "A", name: "www", value: `192.0.2.${2 + (steps.length % 8)}` })
  }
  return steps
}
