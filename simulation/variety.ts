/**
 * What some of the random worlds have besides: two rows for one record, an operator with SQL, a bound of deletions, and a
 * zone that is full. Drawn from a stream of its own, so that the other worlds stay what they were; a world has one kind of
 * it, or those that bear each other.
 */
import { type Random, randomOf } from "./random.ts"
import type { Scenario, Step } from "./steps.ts"

type Wish = Extract<Step, { readonly do: "create" }>

const KINDS = ["sharers", "sql", "sharers and sql", "guarded", "guarded", "full", "full"] as const

export const varied = (seed: number, scenario: Scenario): Scenario => {
  const random = randomOf(seed, "variety")
  if (!random.chance(0.5)) return scenario
  const kind = random.pick(KINDS)
  const { length, steps } = scenario
  const asked = steps.filter((step) => step.do === "create")
  if (kind === "guarded") return guarded(random, scenario, asked)
  if (kind === "full") return filled(random, scenario, asked)
  const wishes = asked.filter((step) => isWordless(step, steps))
  const more = [
    ...(kind.startsWith("sharers") ? wishes.flatMap((wish) => sharers(random, wish, length - 20)) : []),
    ...(kind.endsWith("sql") ? wishes.flatMap((wish, i) => bySql(random, wish, i, length - 20)) : [])
  ]
  return { ...scenario, steps: [...steps, ...more].toSorted((a, b) => a.at - b.at) }
}

/** A record that is made of another keeps its comment where nobody asks for one: what stands then depends on the way. */
const isWordless = ({ name, zone }: Wish, steps: ReadonlyArray<Step>) =>
  !steps.some((step) => "comment" in step && "name" in step && step.name === name && step.zone === zone)

const later = (random: Random, at: number, most: number, end: number) =>
  Math.min(end, at + Math.round(random.next() * most * 10) / 10)

/** Somebody else asks for the very same, and one of them or both let go of it, or none. */
const sharers = (random: Random, wish: Wish, end: number): ReadonlyArray<Step> => {
  if (!random.chance(0.6)) return []
  const { name, type, zone } = wish
  const second = { ...wish, at: later(random, wish.at, 15, end), owner: 1 }
  const removal = { at: later(random, second.at, 60, end), do: "remove", zone, type, name } as const
  const end_ = random.between(0, 4)
  return [
    second,
    ...(end_ === 1 || end_ === 3 ? [removal] : []),
    ...(end_ === 2 || end_ === 3 ? [{ ...removal, at: later(random, removal.at, 10, end), owner: 1 }] : [])
  ]
}

/**
 * An operator changes a row of that name through the view, moves it to another name, or deletes it. To a name of its own:
 * a row that is refused where it goes keeps what it had, which nobody asks for any more then.
 */
const bySql = (random: Random, wish: Wish, number: number, end: number): ReadonlyArray<Step> => {
  if (!random.chance(0.6)) return []
  const { name, type, value, zone } = wish
  return Array.from({ length: random.between(1, 2) }, (_, i): Step => {
    const place = { at: later(random, wish.at, 90, end), zone, type, name }
    switch (random.between(0, 3)) {
      case 0:
        return { ...place, do: "sql delete" }
      case 1:
        return { ...place, do: "sql update", set: { ttl: random.pick([60, 300, 3600]) } }
      case 2:
        return { ...place, do: "sql update", set: { value: value.replace(/\d(?=$|\.example)/u, "7") } }
      default:
        return { ...place, do: "sql update", set: { name: `moved${number}${i}` } }
    }
  })
}

/** Where calls are few a zone may have to say that instead. */
const isFree = ({ quota }: Scenario) => quota === undefined

/** More records are let go of than may be deleted without a person, who confirms it later, or in the end. */
const guarded = (random: Random, scenario: Scenario, asked: ReadonlyArray<Wish>): Scenario => {
  if (!isFree(scenario)) return scenario
  const end = scenario.length - 20
  const removals = asked.flatMap(({ at, name, type, zone }): ReadonlyArray<Step> =>
    random.chance(0.6) ? [{ at: later(random, at, 120, end), do: "remove", zone, type, name }] : []
  )
  const confirmations = removals.flatMap(({ at }): ReadonlyArray<Step> =>
    random.chance(0.25)
      ? [{ at: later(random, at, 40, end), do: "confirm domain", zone: random.between(0, scenario.zones - 1) }]
      : []
  )
  const steps = [...scenario.steps, ...removals, ...confirmations].toSorted((a, b) => a.at - b.at)
  return { ...scenario, maxDeletions: random.pick(["0", "1", "50%"]), steps }
}

/** A zone is full as somebody asks for more, and gets room later, or in the end. */
const filled = (random: Random, scenario: Scenario, asked: ReadonlyArray<Wish>): Scenario => {
  // A zone that comes back has no limit.
  if (!isFree(scenario) || asked.length === 0 || scenario.steps.some((step) => step.do === "zone gone")) return scenario
  const end = scenario.length - 20
  const { at, zone } = random.pick(asked)
  const full: Step = { at: Math.max(1, at - random.between(0, 5)), do: "zone full", zone, room: random.between(0, 1) }
  const room: Step = { at: later(random, at + 10, 120, end), do: "zone has room", zone }
  const steps = [...scenario.steps, full, ...(random.chance(0.4) ? [room] : [])]
  return { ...scenario, steps: steps.toSorted((a, b) => a.at - b.at) }
}
