/**
 * What some worlds are put to besides, each drawn from a stream of its own, so that the others stay what they were: moments
 * that chance alone would seldom bring about.
 */
import { type Random, randomOf } from "./random.ts"
import type { Scenario, Step } from "./steps.ts"

type Trial = Pick<Scenario, "adoption" | "echoes"> & { readonly steps: ReadonlyArray<Step> }

const at = (random: Random, from: number, to: number) => from + Math.round(random.next() * (to - from) * 10) / 10
/** Within what it takes to plan a change and to send it, in seconds. */
const amid = (random: Random) => random.between(0, 300) / 1000

export const trialsOf = (
  seed: number,
  world: Pick<Scenario, "replicas" | "zones" | "zoneType" | "length">,
  asked: ReadonlyArray<Step>
): Trial => {
  const { length, replicas, zones } = world
  const echoes = randomOf(seed, "token echoed").chance(0.2)
  const denied = refused(seed, length)
  return {
    ...(echoes ? { echoes } : {}),
    ...(denied.length === 0 ? {} : { adoption: "Never" }),
    steps: [
      ...denied,
      ...(zones > 1 ? uneven(seed, length) : []),
      ...(world.zoneType === "secondary" ? [] : wiped(seed, asked, length)),
      ...resting(seed, replicas, length),
      ...edited(seed, length)
    ]
  }
}

/** A stranger makes just what we were refused for the limit, before we may ask again; nothing is adopted. */
const refused = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "refused and taken")
  if (!random.chance(0.06)) return []
  const time = at(random, 20, length - 100)
  const place = { zone: 0, type: "A", name: "taken", value: "192.0.2.55" } as const
  return [
    // A list that is young enough keeps the next pass from being refused as it lists.
    { at: time - at(random, 5, 20), do: "create", zone: 0, type: "A", name: "before", value: "192.0.2.54" },
    { at: time, do: "create", ...place },
    { at: time, do: "storm", seconds: random.between(15, 60) },
    { at: time + at(random, 1, 14), do: "stranger adds", ...place }
  ]
}

/** Several calls are under way when a storm begins, in which each answer says another time to wait. */
const uneven = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "uneven storm")
  if (!random.chance(0.5)) return []
  const time = at(random, 20, length - 100)
  return [
    ...[0, 1].map((zone): Step => ({ at: time, do: "create", zone, type: "A", name: "peak", value: "192.0.2.66" })),
    { at: time + amid(random), do: "storm", seconds: random.between(30, 60), uneven: true }
  ]
}

/** Somebody takes the comments of records that we made away, and with them our marks. */
const wiped = (seed: number, asked: ReadonlyArray<Step>, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "comments wiped")
  if (!random.chance(0.15)) return []
  return asked.flatMap((step): ReadonlyArray<Step> => {
    if (step.do !== "create" || !random.chance(0.5)) return []
    const { name, type, zone } = step
    return [{ at: at(random, step.at, length - 10), do: "stranger wipes", zone, type, name }]
  })
}

/** A domain rests while its rows are changed and removed, one of them just when its record is made and its maker dies. */
const resting = (seed: number, replicas: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "resting domain")
  if (!random.chance(0.1)) return []
  const time = at(random, 20, length - 90)
  const place = { zone: 0, type: "A", name: "brief" } as const
  const other = { zone: 0, type: "TXT", name: "steady" } as const
  return [
    { at: time - 10, do: "create", ...other, value: "steady 1" },
    { at: time, do: "create", ...place, value: "192.0.2.88" },
    ...Array.from({ length: replicas }, (_, replica): Step => {
      return { at: time + 0.05 + amid(random), do: "crash", replica, seconds: random.between(1, 5) }
    }),
    { at: time + 0.5, do: "set domain", zone: 0, status: "inactive" },
    { at: time + at(random, 1, 10), do: "remove", ...place },
    { at: time + at(random, 1, 30), do: "change", ...other, value: "steady 2" },
    { at: time + at(random, 40, 60), do: "set domain", zone: 0, status: "active" },
    // A fail-over may have lost that.
    { at: length - 2, do: "set domain", zone: 0, status: "active" }
  ]
}

/** What the provider refuses is edited while it is on its way. */
const edited = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "edited on its way")
  if (!random.chance(0.1)) return []
  const time = at(random, 5, length - 60)
  const place = { zone: 0, type: "A", name: "hasty" } as const
  return [
    { at: time - 1, do: "poison", name: place.name, seconds: random.between(5, 30) },
    { at: time, do: "create", ...place, value: "192.0.2.91" },
    { at: time + 0.01 + amid(random), do: "change", ...place, value: "192.0.2.92" }
  ]
}
