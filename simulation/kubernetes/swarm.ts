/**
 * A cluster drawn from a seed, beside what else a world has: a quarter of the worlds have one. Drawn from streams of its
 * own, so that the others stay what they were.
 */
import { type CallClass, type FaultKind, type FaultPlan, KINDS, SITES } from "../faults.ts"
import { type Random, randomOf } from "../random.ts"
import type { Scenario, Step } from "../steps.ts"
import { credential, domain, record } from "./scenarios.ts"
import { isKubectl } from "./users.ts"

const NAMES = ["www", "app", "note"] as const

/** `zone` is the number of the first zone that is the cluster's. */
export const clusterOf = (seed: number, zone: number, length: number): Pick<Scenario, "cluster" | "steps"> => {
  const random = randomOf(seed, "cluster scenario")
  if (!random.chance(0.25)) return { steps: [] }
  const [when, kind] = [at(random, 20, length - 60), random.between(0, 5)]
  const all = withSettings(seed, [...base(random, zone), ...NAMES.flatMap((name) => wishes(random, name, length))])
  const others = another(seed, zone + 1, length)
  // A Domain that is deleted waits for its records: nobody asks for more of them then.
  const steps = kind === 0 ? all.filter((step) => step.at < when) : all
  return {
    cluster: { zones: others.length > 0 ? 2 : 1, initialEvents: random.chance(0.7) },
    steps: [
      ...steps,
      ...ends(random, kind, when, zone),
      ...troubles(random, length),
      ...lost(random, steps),
      ...unwatched(seed, length),
      ...absent(seed, kind === 0 ? when : undefined, length),
      ...(kind === 0 ? [] : [...sharers(seed, length), ...toggled(seed, length)]),
      ...others
    ]
  }
}

const at = (random: Random, from: number, to: number) => from + Math.round(random.next() * (to - from) * 10) / 10

/** In any order: each waits for what it refers to. */
const base = (random: Random, zone: number): ReadonlyArray<Step> => [
  { at: at(random, 1, 10), do: "kubectl secret", name: "cloudflare", token: 0 },
  { at: at(random, 1, 10), do: "kubectl apply", kind: "Credential", name: "cloudflare", spec: credential },
  { at: at(random, 1, 10), do: "kubectl apply", kind: "Domain", name: "example", spec: domain(`zone${zone}.test`) }
]

const wishes = (random: Random, name: string, length: number): ReadonlyArray<Step> => {
  const steps: Array<Step> = []
  const type = random.pick(["A", "TXT"])
  const values = () =>
    Array.from({ length: random.between(1, 2) }, (_, i) =>
      type === "A" ? `192.0.2.${10 * i + random.between(1, 9)}` : `text ${10 * i + random.between(1, 9)}`
    )
  const ttl = () => (random.chance(0.3) ? { ttl: random.pick([60, 300]) } : {})
  let time = at(random, 1, 40)
  for (let more = random.between(0, 5); more > 0 && time < length - 20; more--) {
    const kind = random.between(0, 9)
    if (kind === 0) steps.push({ at: time, do: "kubectl strip", kind: "DnsRecord", name })
    if (kind <= 2) steps.push({ at: time, do: "kubectl delete", kind: "DnsRecord", name })
    else {
      const spec = record(name, values(), { type, ...ttl() })
      steps.push({ at: time, do: "kubectl apply", kind: "DnsRecord", name, spec })
    }
    time += random.chance(0.4) ? at(random, 0, 1) : at(random, 1, 40)
  }
  return steps
}

/** What happens to what the records need. */
const ends = (random: Random, kind: number, when: number, zone: number): ReadonlyArray<Step> => {
  switch (kind) {
    case 0: {
      const again = base(random, zone).slice(1)
      return [
        { at: when, do: "kubectl delete", kind: "Domain", name: "example" },
        { at: when, do: "kubectl delete", kind: "Credential", name: "cloudflare" },
        ...NAMES.map((name): Step => ({ at: when, do: "kubectl delete", kind: "DnsRecord", name })),
        ...(random.chance(0.5) ? again.map((step) => ({ ...step, at: when + 1 })) : [])
      ]
    }
    case 1:
      return [
        { at: when, do: "token revoked", seconds: 600, token: 0 },
        { at: when + random.between(0, 20), do: "kubectl secret", name: "cloudflare", token: 1 }
      ]
    case 2:
      return [
        { at: when, do: "kubectl secret", name: "cloudflare", token: null },
        { at: when + random.between(0, 30), do: "kubectl secret", name: "cloudflare", token: random.between(0, 1) }
      ]
    case 3:
      return [{ at: when, do: "kubectl delete namespace" }]
    default:
      return []
  }
}

/** What somebody has just applied is lost. */
const lost = (random: Random, steps: ReadonlyArray<Step>): ReadonlyArray<Step> => {
  const edits = steps.filter((step) => step.do === "kubectl apply" && step.at > 10)
  if (edits.length === 0 || !random.chance(0.2)) return []
  return [{ at: random.pick(edits).at - 3, do: "fail-over", lostSeconds: random.between(4, 10) }]
}

/** An object goes for good, finalizer or not, in a moment in which nobody watches. From a stream of its own, too. */
const unwatched = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "cluster gap")
  if (!random.chance(0.3)) return []
  const [time, name] = [at(random, 20, length - 60), random.pick(NAMES)]
  return [
    { at: time, do: "cluster forgets" },
    { at: time, do: "kubectl strip", kind: "DnsRecord", name },
    { at: time, do: "kubectl delete", kind: "DnsRecord", name }
  ]
}

/** An object that asks for absence alone: it has no rows, and its Domain, deleted then, waits for it all the same. */
const absent = (seed: number, deleted: number | undefined, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "cluster absence")
  if (!random.chance(0.4)) return []
  const object = { kind: "DnsRecord", name: "none" } as const
  const spec = record("none", ["192.0.2.1"], { state: "absent" })
  const end = deleted === undefined ? at(random, 20, length - 60) : deleted + at(random, 0, 20)
  return [
    { at: at(random, 1, 19), do: "kubectl apply", ...object, spec },
    ...(deleted !== undefined || random.chance(0.5) ? [{ at: end, do: "kubectl delete", ...object } as const] : [])
  ]
}

/** Records are proxied or not and have words of their own; half of the time just that is changed soon after. */
const withSettings = (seed: number, steps: ReadonlyArray<Step>): ReadonlyArray<Step> => {
  const random = randomOf(seed, "cluster settings")
  if (!random.chance(0.5)) return steps
  // A comment that nobody asks for any more may stay or not, by the way on which it came to that: all or none has one.
  const worded = new Set(NAMES.filter(() => random.chance(0.4)).map(String))
  return steps.flatMap((step): ReadonlyArray<Step> => {
    if (step.do !== "kubectl apply" || step.kind !== "DnsRecord") return [step]
    const { type } = step.spec as { readonly type: string }
    const words = () => (worded.has(step.name) ? { comment: `words ${random.between(1, 9)}` } : {})
    const traffic = (proxied: boolean) => (type === "A" ? { proxied } : {})
    const isProxied = random.chance(0.5)
    const first = { ...step, spec: { ...step.spec, ...words(), ...traffic(isProxied) } }
    if (!random.chance(0.5)) return [first]
    const change = random.chance(0.5) ? words() : traffic(!isProxied)
    return [first, { ...first, at: at(random, step.at, step.at + 10), spec: { ...first.spec, ...change } }]
  })
}

/** An object of which nothing is changed but whether it is proxied, or its words. */
const toggled = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "cluster toggles")
  if (!random.chance(0.4)) return []
  const steps: Array<Step> = []
  let [time, proxied, words] = [at(random, 1, 60), random.chance(0.5), 1]
  for (let more = random.between(2, 4); more > 0 && time < length - 20; more--) {
    const spec = record("traffic", ["192.0.2.1"], { proxied, comment: `words ${words}` })
    steps.push({ at: time, do: "kubectl apply", kind: "DnsRecord", name: "traffic", spec })
    time += at(random, 1, 30)
    if (random.chance(0.7)) proxied = !proxied
    else words++
  }
  return steps
}

/** Two objects ask for the very same record, and mostly one of them goes. */
const sharers = (seed: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "cluster sharers")
  if (!random.chance(0.3)) return []
  const spec = record("both", ["192.0.2.1"])
  const [first, second] = [at(random, 1, 30), at(random, 1, 40)]
  const end = at(random, 41, length - 30)
  return [
    { at: first, do: "kubectl apply", kind: "DnsRecord", name: "one", spec },
    { at: second, do: "kubectl apply", kind: "DnsRecord", name: "two", spec },
    ...(random.chance(0.7)
      ? [{ at: end, do: "kubectl delete", kind: "DnsRecord", name: random.pick(["one", "two"]) } as const]
      : [])
  ]
}

/** A second namespace, with a Domain of the same name and records of its own. */
const another = (seed: number, zone: number, length: number): ReadonlyArray<Step> => {
  const random = randomOf(seed, "cluster namespaces")
  if (!random.chance(0.4)) return []
  const steps = [...base(random, zone), ...NAMES.flatMap((name) => wishes(random, name, length))]
  return steps.flatMap((step) => (isKubectl(step) ? [{ ...step, namespace: "other" }] : []))
}

const troubles = (random: Random, length: number): ReadonlyArray<Step> => {
  const when = () => at(random, 2, length - 30)
  const kinds: ReadonlyArray<() => Step> = [
    () => ({ at: when(), do: "cluster away", seconds: random.between(2, 40) }),
    () => ({ at: when(), do: "cluster forgets" }),
    () => ({ at: when(), do: "cluster expires" }),
    () => ({ at: when(), do: "cluster closes" }),
    () => ({ at: when(), do: "cluster meddles" })
  ]
  return kinds.flatMap((kind) => (random.chance(0.3) ? [kind()] : []))
}

const CLASSES: ReadonlyArray<CallClass> = ["get", "list", "watch", "change"]
const isCluster = (call: CallClass) => CLASSES.includes(call)

/** Strikes calls to the API server by chance; the others as `plan` says. */
export const clusterChanceOf = (seed: number, plan: FaultPlan): FaultPlan => {
  const random = randomOf(seed, "cluster faults")
  const rate = random.pick([0, 0.01, 0.03, 0.08])
  const everywhere: ReadonlyArray<FaultKind> = [...new Set(CLASSES.flatMap((one) => KINDS[one]))]
  const enabled = new Set(everywhere.filter(() => random.chance(0.5)))
  const site = random.pick(Object.keys(SITES).filter((one) => isCluster(SITES[one] ?? "read")))
  const isFocused = random.chance(0.5)
  const chance = (here: string) => (isFocused ? (here === site ? Math.max(rate * 4, 0.1) : rate / 4) : rate)
  return {
    strike: (here, call, occurrence) => {
      if (!isCluster(call)) return plan.strike(here, call, occurrence)
      if (!random.chance(here === "cluster.watch" ? 3 * chance(here) : chance(here))) return undefined
      const kinds = KINDS[call].filter((one) => enabled.has(one))
      return kinds.length === 0 ? undefined : random.pick(kinds)
    }
  }
}
