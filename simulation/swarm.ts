/**
 * A world drawn from a seed: what people want, what the environment does, and which faults may strike how often. Each
 * seed enables only some kinds of trouble, so that none hides another.
 */
import { Duration } from "effect"
import { WRITE_MARGIN } from "../src/database/work.ts"
import { type CallClass, type FaultKind, type FaultPlan, CORE_SITES, KINDS } from "./faults.ts"
import { clusterChanceOf, clusterOf } from "./kubernetes/swarm.ts"
import { crowdOf } from "./crowd.ts"
import { type Random, randomOf } from "./random.ts"
import type { Scenario, Step } from "./steps.ts"
import { trialsOf } from "./trials.ts"
import { varied } from "./variety.ts"
import { contentOf } from "./watch-provider.ts"

const NAMES = ["www", "app", "note"] as const
const LENGTH = 180

export const scenarioOf = (seed: number): Scenario => crowdOf(seed) ?? varied(seed, drawnOf(seed))

const drawnOf = (seed: number): Scenario => {
  const random = randomOf(seed, "scenario")
  const zones = random.chance(0.3) ? 2 : 1
  const replicas = random.between(1, 3)
  const asked = wishes(random, zones)
  const late = rejected(seed)
  const own = [
    ...asked,
    ...meddling(random, zones),
    ...troubles(random, replicas, zones, asked),
    ...settings(seed, asked),
    ...late.steps
  ]
  const quota = random.chance(0.2) ? { quota: random.between(40, 80) } : {}
  const isSecondary = random.chance(0.25)
  const { steps, ...cluster } = clusterOf(seed, zones, LENGTH)
  const zoneType = isSecondary ? ({ zoneType: "secondary" } as const) : {}
  const trials = trialsOf(seed, { replicas, zones, length: LENGTH, ...zoneType }, asked)
  const isLossy = [...own, ...steps].some((step) => step.do === "fail-over" && step.lostSeconds > 0)
  return {
    name: "random",
    about: "drawn from the seed",
    replicas,
    zones,
    length: LENGTH,
    // Two zones with one token may have to wait for each other at rest.
    ...(cluster.cluster?.zones === 2 ? {} : quota),
    ...zoneType,
    ...pagesOf(seed),
    rows: late.rows,
    strangers: random.chance(0.3) ? [strangers(random, zones)] : [],
    ...cluster,
    ...unadopted(seed, asked),
    ...trials,
    steps: [
      ...own,
      ...trials.steps,
      ...revocation(seed),
      ...(isSecondary && cluster.cluster === undefined ? undone(seed, own) : []),
      ...steps
    ]
      // A zone that comes back brings all zones back to what they were: it must be the only one.
      .filter((step) => step.do !== "zone gone" || cluster.cluster === undefined)
      // Nobody takes a comment off again that a lost row asked for: what stands then depends on the way, too.
      .filter((step) => !isLossy || isSecondary || !("comment" in step || step.do === "stranger wipes"))
      // Without a mark only the ledger knows what is ours: what it loses is a stranger's from then on.
      .map((step) => (step.do === "fail-over" && isSecondary ? { ...step, lostSeconds: 0 } : step))
      .toSorted((a, b) => a.at - b.at)
  }
}

/** In half of the worlds a list takes several calls. Drawn from a stream of its own, so that the others stay what they were. */
const pagesOf = (seed: number): Pick<Scenario, "pageSize"> => {
  const random = randomOf(seed, "pages")
  return random.chance(0.5) ? { pageSize: random.between(1, 3) } : {}
}

const at = (random: Random, from: number, to: number) => from + Math.round(random.next() * (to - from) * 10) / 10

const wishes = (random: Random, zones: number): Array<Step> => {
  const steps: Array<Step> = []
  for (let zone = 0; zone < zones; zone++) {
    for (const name of NAMES) {
      if (random.chance(0.25)) continue
      const kinds = ["A", "TXT", "CNAME"] as const
      let type: (typeof kinds)[number] = random.pick(kinds)
      let time = at(random, 1, 40)
      const value = () =>
        type === "A"
          ? `192.0.2.${random.between(1, 9)}`
          : type === "TXT"
            ? `text ${random.between(1, 9)}`
            : `host${random.between(1, 9)}.example.net`
      steps.push({ at: time, do: "create", zone, type, name, value: value() })
      for (let more = random.between(0, 3); more > 0; more--) {
        time += random.chance(0.4) ? at(random, 0, 1) : at(random, 1, 40)
        if (time > LENGTH - 20) break
        const kind = random.between(0, 5)
        if (kind <= 1) steps.push({ at: time, do: "change", zone, type, name, value: value() })
        else if (kind === 2) steps.push({ at: time, do: "change", zone, type, name, ttl: random.pick([60, 300, 3600]) })
        else {
          steps.push({ at: time, do: "remove", zone, type, name })
          if (kind === 3) break
          if (kind === 4) type = random.pick(kinds)
          time += random.chance(0.5) ? 0 : at(random, 0, 20)
          steps.push({ at: time, do: "create", zone, type, name, value: value() })
        }
      }
    }
  }
  return steps
}

/** Somebody has a record of a name that we may want: the same, another, or one of another installation. */
const strangers = (random: Random, zones: number) => {
  const zone = random.between(0, zones - 1)
  const type = random.pick(["A", "TXT"])
  const content = type === "A" ? `192.0.2.${random.between(1, 9)}` : `"text ${random.between(1, 9)}"`
  const comment = random.chance(0.5) ? "[driftless:0123456789ab]" : null
  return { zone, type, name: `${random.pick(NAMES)}.zone${zone}.test`, content, comment }
}

const meddling = (random: Random, zones: number): Array<Step> => {
  const steps: Array<Step> = []
  if (!random.chance(0.4)) return steps
  for (let i = random.between(1, 3); i > 0; i--) {
    const place = { at: at(random, 10, LENGTH - 30), zone: random.between(0, zones - 1), name: random.pick(NAMES) }
    const kind = random.between(0, 2)
    const type = random.pick(["A", "TXT"] as const)
    const value = type === "A" ? "203.0.113.1" : "not yours"
    if (kind === 0) steps.push({ ...place, do: "stranger adds", type: "TXT", name: "theirs", value: `theirs ${i}` })
    else if (kind === 1) steps.push({ ...place, do: "stranger edits", type, value })
    else steps.push({ ...place, do: "stranger deletes", type })
  }
  return steps
}

const troubles = (random: Random, replicas: number, zones: number, asked: ReadonlyArray<Step>): Array<Step> => {
  // Trouble in an idle hour meets nobody: half of it comes while something is being asked for.
  const when = () => {
    const wish = random.chance(0.5) && asked.length > 0 ? random.pick(asked) : undefined
    const time = wish === undefined ? at(random, 2, LENGTH - 30) : wish.at + at(random, -8, 2)
    return Math.min(Math.max(2, Math.round(time * 10) / 10), LENGTH - 30)
  }
  const replica = () => random.between(0, replicas - 1)
  const kinds: ReadonlyArray<() => Step> = [
    () => ({ at: when(), do: "outage", seconds: random.between(5, 60), of: random.pick(["all", "writes"]) }),
    () => ({ at: when(), do: "poison", name: random.pick(NAMES), seconds: random.between(10, 90) }),
    () => ({ at: when(), do: "storm", seconds: random.between(20, 150) }),
    ...(zones === 1 ? [(): Step => ({ at: when(), do: "zone gone", seconds: random.between(5, 60) })] : []),
    // Within the minute after which two lists tell for sure what is gone.
    () => ({ at: when(), do: "provider restored", lostSeconds: random.between(1, 50) }),
    () => ({ at: when(), do: "provider slow", seconds: random.between(30, 120) }),
    () => ({ at: when(), do: "provider lags", seconds: random.between(20, 150), behind: random.between(1, 59) }),
    () => ({ at: when(), do: "token revoked", seconds: random.between(5, 60) }),
    () => ({ at: when(), do: "crash", replica: replica(), seconds: random.between(1, 40) }),
    () => ({ at: when(), do: "stall", replica: replica(), seconds: random.between(20, 90) }),
    () => ({ at: when(), do: "stop", replica: replica(), seconds: random.between(1, 20) }),
    () => ({ at: when(), do: "clock jump", replica: replica(), seconds: random.between(-120, 120) }),
    // A server whose clock jumps ahead by the margin of a write's window breaks what that window rests on.
    () => ({ at: when(), do: "server clock jump", seconds: random.between(-60, Duration.toSeconds(WRITE_MARGIN) - 1) }),
    // Little is lost mostly, and who was at work then still is.
    () => ({ at: when(), do: "fail-over", lostSeconds: random.between(0, random.pick([1, 5, 20])) }),
    () => ({ at: when(), do: "connections cut" }),
    () => ({ at: when(), do: "wake-ups", seconds: random.between(20, 120), how: random.pick(["dropped", "repeated"]) }),
    () => ({ at: when(), do: "pages", seconds: random.between(5, 150), how: random.pick(["partial", "reordered"]) }),
    () => ({ at: when(), do: "migration" })
  ]
  return kinds.flatMap((kind) => (random.chance(0.2) ? [kind()] : []))
}

/**
 * The provider goes back to before a removal. Where records bear no mark only the tombstone tells then that what is back
 * was ours. Drawn from a stream of its own, so that the other worlds stay what they were. Not beside a cluster: a Domain
 * that is deleted takes its tombstones along, and what the provider brings back then is nobody's.
 */
const undone = (seed: number, own: ReadonlyArray<Step>): ReadonlyArray<Step> => {
  const random = randomOf(seed, "provider goes back")
  const removals = own.filter((step) => step.do === "remove" && step.at > 4 && step.at < LENGTH - 50)
  const isThere = own.some((step) => step.do === "provider restored")
  if (removals.length === 0 || isThere || !random.chance(0.5)) return []
  const [since, until] = [at(random, 1, 10), at(random, 5, 40)]
  const time = Math.max(2, Math.round((random.pick(removals).at - since) * 10) / 10)
  return [{ at: time, do: "provider restored", lostSeconds: since + until }]
}

/** Some worlds, by a stream of their own, end with a token that is no good any more. */
const revocation = (seed: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "token gone")
  return random.chance(0.06) ? [{ at: at(random, 5, LENGTH - 30), do: "token gone" }] : []
}

/** Somebody wants records proxied and not any more, or with a comment. From a stream of its own, too. */
const settings = (seed: number, asked: ReadonlyArray<Step>): ReadonlyArray<Step> => {
  const random = randomOf(seed, "settings")
  if (!random.chance(0.25)) return []
  return asked.flatMap((step): ReadonlyArray<Step> => {
    if (step.do !== "create" || !random.chance(0.5)) return []
    const { name, type, zone } = step
    const change = { at: at(random, step.at, LENGTH - 20), do: "change", zone, type, name } as const
    // A record that is made of another keeps its comment where nobody asks for one: what stands then depends on the way.
    const isKept = !asked.some((other) => other.do === "remove" && other.zone === zone && other.name === name)
    if (isKept && random.chance(0.4)) return [{ ...change, comment: `words ${random.between(1, 9)}` }]
    return type === "TXT"
      ? []
      : [
          { ...change, proxied: true },
          { ...change, at: change.at + random.between(0, 9), proxied: false }
        ]
  })
}

/**
 * A record that the provider has rejected for hours, and does again: the long waits, and the end of all retries. Mostly
 * somebody asks for it again. From a stream of its own, too.
 */
const rejected = (seed: number): Pick<Scenario, "steps"> & { readonly rows: NonNullable<Scenario["rows"]> } => {
  const random = randomOf(seed, "rejected before")
  if (!random.chance(0.2)) return { rows: [], steps: [] }
  const [name, type] = ["late", "A"] as const
  return {
    rows: [{ domainId: 1, type, name, value: "192.0.2.77", ttl: 120, rejections: random.pick([4, 8, 9]) }],
    steps: [
      { at: at(random, 0, 2), do: "poison", name, seconds: random.between(10, 90) },
      ...(random.chance(0.5) ? [{ at: LENGTH - at(random, 5, 60), do: "retry", zone: 0, type, name } as const] : [])
    ]
  }
}

/** Nothing is adopted, and a stranger has just what somebody asks for. From a stream of its own, too. */
const unadopted = (seed: number, asked: ReadonlyArray<Step>): Pick<Scenario, "adoption" | "strangers"> => {
  const random = randomOf(seed, "adoption")
  const wishes = asked.flatMap((step) => (step.do === "create" ? [step] : []))
  if (wishes.length === 0 || !random.chance(0.15)) return {}
  const { name, type, value, zone } = random.pick(wishes)
  return {
    adoption: "Never",
    strangers: [{ zone, type, name: `${name}.zone${zone}.test`, content: contentOf({ type, value }), comment: null }]
  }
}

/** Writes are the fewest calls, and the ones that nobody can take back. */
const WRITE_WEIGHT = 3

/** Strikes calls by chance: few kinds, one site or all, seldom or often, as the seed says. */
export const chanceOf = (seed: number): FaultPlan => {
  const random = randomOf(seed, "faults")
  const rate = random.pick([0, 0.005, 0.02, 0.05])
  const classes = ["statement", "transaction", "read", "write"] as const
  const everywhere: ReadonlyArray<FaultKind> = [...new Set(classes.flatMap((one) => KINDS[one]))]
  const enabled = new Set(everywhere.filter(() => random.chance(0.5)))
  const [kind, site] = [random.pick(classes), random.pick(Object.keys(CORE_SITES))]
  // Spread over all calls, or most of it on the calls of one kind, or of one site.
  const focus = random.pick(["everything", "kind", "site", "site"])
  const chance = (here: string, call: CallClass) => {
    const often = rate * (call === "write" ? WRITE_WEIGHT : 1)
    if (focus === "everything") return often
    if (focus === "kind") return call === kind ? often * 4 : often / 4
    return here === site ? Math.max(often * 6, 0.1) : often / 4
  }
  return clusterChanceOf(seed, {
    strike: (here, call) => {
      if (!random.chance(chance(here, call))) return undefined
      const kinds = KINDS[call].filter((one) => enabled.has(one))
      return kinds.length === 0 ? undefined : random.pick(kinds)
    }
  })
}
