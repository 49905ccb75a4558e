/**
 * A run from its beginning to its verdict. Liveness is checked with windows that follow from the product's own bounds:
 *
 *   L1 B = max(lease + open write, longest backoff, longest wait of a rejected row) + resync, after the last fault
 *   L2 then three intervals without a write
 *   L3 every generation was observed, or a condition says why not
 *   L5 every row is active, or in error with a reason, and shown so; a zone whose token is revoked for good says so
 *
 * What waits for a person is left to wait for three intervals in which it must be told, and then has B once more.
 */
import { Duration } from "effect"
import { HEARTBEAT, LEASE } from "../src/database/work.ts"
import { backoff } from "../src/reconcilers/pass.ts"
import { LONGEST_WINDOW } from "./disturbances.ts"
import { becalm, happen } from "./environment.ts"
import { problems, stateOf, unexplainedIn, untold } from "./end.ts"
import type { Fault, FaultPlan } from "./faults.ts"
import { BEGINNING, type Failure } from "./kernel.ts"
import { isCluster } from "./kubernetes/cluster.ts"
import { stepsOf } from "./kubernetes/end.ts"
import { isKubectl } from "./kubernetes/users.ts"
import { isSql, operate } from "./operator.ts"
import { isAsking, isMeddling, People } from "./people.ts"
import { misshown } from "./shown.ts"
import type { Scenario, Step } from "./steps.ts"
import { withTraps } from "./traps.ts"
import { isAnyFull, NOTHING, type Waiting, waitingIn } from "./waiting.ts"
import { type Bench, INTERVAL, TOKEN, World } from "./world.ts"

export interface Verdict {
  readonly seed: number
  readonly scenario: string
  readonly failure: Failure | undefined
  readonly trace: ReadonlyArray<string>
  readonly hash: string
  readonly struck: ReadonlyArray<Fault>
  /** Calls of each site while faults could strike. */
  readonly calls: ReadonlyMap<string, number>
  /** What the product sent to its database, by name, with what is inside of transactions. */
  readonly named: ReadonlySet<string>
  /** Virtual milliseconds. */
  readonly duration: number
  readonly replicas: number
  readonly statements: number
  /** What stands at the end, in words that do not depend on ids and times. */
  readonly state: string
  /** The same end asked for at once, in a fresh world: it must come to the same state. */
  readonly fresh: Scenario
}

const RESYNC = Duration.times(Duration.minutes(5), 1.1)
const millis = Duration.toMillis

/** `end`: a run whose state alone is asked for is over when it has converged, and nobody looks whether that lasts. */
export const runScenario = async (
  bench: Bench,
  seed: number,
  scenario: Scenario,
  plan: FaultPlan,
  end: "converged" | "quiet" = "quiet"
): Promise<Verdict> => {
  const statements = bench.session.statements
  const world = new World(seed, scenario, plan, bench)
  const { kernel, outside } = world
  let calls: ReadonlyMap<string, number> = new Map()
  await withTraps(
    (what) => kernel.fail("OwnTime", `the run reaches for ${what}`),
    () => bench.session.isBusy,
    async () => {
      begin(world)
      const people = new People(world)
      // Those of one moment come in their order.
      for (const [index, step] of scenario.steps.entries()) {
        kernel.after(step.at * 1000 + index / 1000, () => take(world, people, step))
      }
      await kernel.run(BEGINNING + scenario.length * 1000)
      calls = new Map(outside.counts)
      outside.plan = { strike: () => undefined }
      await calmDown(world, people, end)
    }
  )
  if (kernel.failure === undefined) await world.leaks.atEnd(bench.session, bench.metrics)
  return {
    seed,
    scenario: scenario.name,
    failure: kernel.failure,
    trace: kernel.trace,
    hash: kernel.hash,
    struck: outside.struck,
    calls,
    named: world.store.named,
    duration: kernel.now - BEGINNING,
    replicas: scenario.replicas,
    statements: bench.session.statements - statements,
    state: stateOf(world),
    fresh: freshOf(world)
  }
}

/** Asks for what is asked for now, from the start, beside what strangers have. */
const freshOf = (world: World): Scenario => ({
  name: "fresh",
  about: "the end of another run, asked for at once",
  replicas: 1,
  zones: world.scenario.zones,
  length: 1 + (world.cluster === undefined ? 0 : 2 * stepsOf(world.cluster).length),
  ...(world.scenario.cluster === undefined ? {} : { cluster: world.scenario.cluster }),
  ...(world.scenario.adoption === undefined ? {} : { adoption: world.scenario.adoption }),
  ...(world.scenario.zoneType === undefined ? {} : { zoneType: world.scenario.zoneType }),
  rows: [...world.storeWatch.records.values()]
    .filter(({ manifestId, present }) => present && manifestId === undefined)
    .toSorted((a, b) => a.id - b.id),
  strangers: world.zones.flatMap((name, zone) =>
    world
      .recordsOf(name)
      .filter(({ id }) => !world.providerWatch.ours.has(id))
      .map((record) => ({ ...record, zone }))
  ),
  steps: [
    ...(world.isTokenGone ? [{ at: 0, do: "token gone" } as const] : []),
    ...(world.cluster === undefined ? [] : stepsOf(world.cluster))
  ]
})

const begin = (world: World): void => {
  const { engine, scenario, store, zones } = world
  store.session.setTime(store.now)
  if (scenario.zones > 0)
    store.session.query("insert into api_keys (name, api_token) values ('simulated', $1)", [TOKEN])
  for (const [index, zone] of zones.slice(0, scenario.zones).entries()) {
    const { adoption = "Matching", maxDeletions = null } = scenario
    const domain = [zone, adoption, maxDeletions]
    store.session.query("insert into domains (domain, adoption, max_deletions) values ($1, $2, $3)", domain)
    store.session.query("insert into domain_dns_providers (domain_id, api_key_id) values ($1, 1)", [index + 1])
  }
  for (const row of scenario.rows ?? []) {
    const { comment = null, domainId, name, ownerId = 0, proxied = false, rejections = 0, ttl, type, value } = row
    store.session.query(
      `insert into dns_records (domain_id, type, name, value, ttl, proxied, comment, owner_id, retry_count,
          rejected_generation, error_reason, next_retry_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, case when $10 then 1 end,
          case when $10 then 'RejectedByProvider' end, case when $10 then driftless_now() + interval '5 seconds' end)`,
      [domainId, type, name, value, ttl, proxied, comment, ownerId, rejections, rejections > 0]
    )
  }
  world.reread()
  store.rolledBack()
  for (const { comment = null, content, name, ttl = 1, type, zone } of scenario.strangers ?? []) {
    engine.control.edit({ op: "create", zone: zones[zone] ?? "", record: { type, name, content, comment, ttl } })
  }
  world.remember()
  for (let i = 0; i < scenario.replicas; i++) world.kernel.after(i, () => world.start(i))
}

const take = (world: World, people: People, step: Step): void => {
  if (isKubectl(step)) world.cluster?.users.ask(step)
  else if (isCluster(step)) world.cluster?.happen(step)
  else if (isAsking(step)) people.ask(step)
  else if (isMeddling(step)) people.meddle(step)
  else if (isSql(step)) operate(world, step)
  else happen(world, step)
}

/** From the last fault to the verdict. */
const calmDown = async (world: World, people: People, end: "converged" | "quiet"): Promise<void> => {
  const { kernel } = world
  if (kernel.failure !== undefined) return
  becalm(world)
  kernel.say("nothing goes wrong from here on")
  // What still stands still, is down or is on its way ends by itself.
  const waiting = () => people.open + (world.cluster?.users.open ?? 0)
  await kernel.run(kernel.now + STRAGGLERS, () => waiting() === 0 && world.isUp())
  if (kernel.failure !== undefined) return
  // Only now, so that whoever may yet be answered is waited for.
  if (people.owed + (world.cluster?.users.open ?? 0) > 0)
    return kernel.fail("L3", "somebody asked in vain until after the last fault")
  world.calmSince = kernel.now
  world.disturbances.disturbAll()
  await converge(world, people, waitingIn)
  if (waitingIn(world).domains.size > 0) await helped(world, people)
  if (kernel.failure !== undefined) return
  kernel.say(`all has converged: ${stateOf(world)}`)
  world.settledAt = kernel.now
  if (end === "converged") return
  await kernel.run(kernel.now + 3 * millis(INTERVAL) + millis(HEARTBEAT))
  if (kernel.failure !== undefined) return
  const again = problems(world, NOTHING)
  if (again.length > 0) return kernel.fail("L2", `what had converged did not stay: ${again.join("; ")}`)
  const quiet = untold(world)
  if (quiet.length > 0) return kernel.fail("L5", `no longer: ${quiet.join("; ")}`)
  const wrong = misshown(world.store, world.storeWatch.records.values())
  if (wrong !== undefined) return kernel.fail("L5", wrong)
  const unexplained = unexplainedIn(world)
  if (unexplained > 0) return kernel.fail("L5", `${unexplained} rows or zones are neither done nor say why`)
}

/** What waits for a person is told all the while, and goes on once somebody helps. */
const helped = async (world: World, people: People): Promise<void> => {
  const { kernel } = world
  if (kernel.failure !== undefined) return
  const until = kernel.now + 3 * millis(INTERVAL)
  kernel.say("all has converged but for what waits for a person")
  // Whether there is room is tried again and again.
  if (!isAnyFull(world)) world.settledAt = kernel.now
  while (kernel.now < until && kernel.failure === undefined) {
    await kernel.run(Math.min(until, kernel.now + LOOK))
    const open = problems(world, waitingIn(world))
    if (open.length > 0) return kernel.fail("L5", `what waits for a person is not told any more: ${open.join("; ")}`)
  }
  world.settledAt = undefined
  if (kernel.failure !== undefined) return
  people.help()
  await kernel.run(kernel.now + STRAGGLERS, () => people.open === 0)
  if (people.owed > 0) return kernel.fail("L3", "somebody tried in vain to help")
  await converge(world, people, () => NOTHING)
}

/** Within B from now; but for what waits for a person. */
const converge = async (world: World, people: People, waitingIn: (world: World) => Waiting): Promise<void> => {
  const { kernel, providerWatch, storeWatch } = world
  const began = kernel.now
  const longest = Math.max(millis(LEASE) + LONGEST_WINDOW, millis(backoff(100)) * 1.1)
  const retry = () => Math.max(0, ...[...storeWatch.records.values()].map((row) => row.nextRetryAt - world.store.skew))
  const lastMoment = () => Math.max(began + longest, retry()) + millis(RESYNC) + Math.max(0, -world.store.skew)
  let deadline = lastMoment()
  let open: ReadonlyArray<string> = ["nothing was looked at"]
  let silent: ReadonlyArray<string> = []
  while (kernel.now < deadline && kernel.failure === undefined) {
    await kernel.run(Math.min(deadline, kernel.now + LOOK))
    providerWatch.look()
    people.revive()
    // What was on its way may yet be rejected; nothing is that was sent from then on.
    if (kernel.now - began <= LONGEST_WINDOW) deadline = Math.max(deadline, lastMoment())
    open = problems(world, waitingIn(world))
    silent = untold(world)
    if (open.length + silent.length === 0) break
  }
  if (kernel.failure !== undefined) return
  const waited = `${(deadline - began) / 1000} s after the last fault`
  if (open.length > 0) return kernel.fail("L1", `${waited}: ${open.join("; ")}`)
  if (silent.length > 0) return kernel.fail("L5", `${waited}: ${silent.join("; ")}`)
}

/** How often convergence is looked at; it costs no call. */
const LOOK = 1_000
/** A pause of 90 s, a restart after 12 s, and a user who asks again. */
const STRAGGLERS = 300_000
