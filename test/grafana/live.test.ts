/**
 * The shipped queries and alerts against the real thing: the product with zones that each have one fault, scraped by a
 * real Prometheus. Every panel shows something, or is named here with the reason why not; and every fault that can be
 * made within a minute fires its alert.
 */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { aCredential, aRecord, aZone, recordName, type Replica, startReplica } from "./replica.ts"
import { type Prometheus, startPrometheus } from "./prometheus.ts"
import { filledIn, hasPrometheus, queries, withoutPrometheus } from "./shipped.ts"

const LIMITED = ["one", "two", "three", "four", "five", "six"].map((name) => `${name}.limited.test`)
const ZONES = [
  "healthy.test",
  "contested.test",
  "down.test",
  "revoked.test",
  "held.test",
  "busy.test",
  "slow.test",
  ...LIMITED
]
const TOKENS = {
  good: "token-good",
  down: "token-down",
  revoked: "token-revoked",
  busy: "token-busy",
  limited: "token-limited"
}

/** Panels that rightly stay empty here, and why. */
const EMPTY: Readonly<Record<string, string>> = {
  "Driftless / Runtime: Leases and fences (B)": "one process alone loses no lease; see replicas.test.ts"
}

/** Seconds that a write takes in the slow zone: more than two minutes on the clock of the rules. */
const SLOW = 4

/** Milliseconds, of a loaded machine. */
const PATIENCE = 75_000

let simulator: Simulator
let product: Replica
let prometheus: Prometheus
let changing: Promise<void>
/** What was started, the last first. */
const stops: Array<() => Promise<void>> = []

const recordsOf = (zone: string) => simulator.engine.control.records(zone).filter(({ type }) => type === "A")
const contentOf = (zone: string) =>
  recordsOf(zone)
    .map(({ content }) => content)
    .sort()

/** Somebody else changes the records of a zone. */
const drift = (zone: string, content: string) => {
  for (const { id } of recordsOf(zone)) simulator.engine.control.edit({ op: "edit", zone, id, fields: { content } })
}

const healed = (zone: string, contents: ReadonlyArray<string>) =>
  vi.waitFor(() => expect(contentOf(zone)).toEqual(contents), { timeout: PATIENCE, interval: 50 })

const converge = async () => {
  const everywhere = [...ZONES, "missing.test"].map((zone) => {
    const token = LIMITED.includes(zone) ? "limited" : zone.replace(".test", "")
    return aZone(zone, token in TOKENS ? token : "good", zone === "held.test" ? { maxDeletions: "0" } : {})
  })
  const records = ZONES.flatMap((zone) => [aRecord(zone, "a", "192.0.2.1"), aRecord(zone, "b", "192.0.2.2")])
  await product.apply(...Object.keys(TOKENS).map(aCredential), ...everywhere, ...records)
  for (const zone of ZONES) await healed(zone, ["192.0.2.1", "192.0.2.2"])
}

const makeFaults = async () => {
  const { control } = simulator.engine
  const faulty = (zone: string, kind: string, status: number) =>
    control.addFault({
      match: { path: control.setZone(zone), ...(kind !== "" && { kind }) },
      times: "always",
      effect: { do: "answer", status, ...(status === 429 && { retryAfterSeconds: 1 }) }
    })
  faulty("down.test", "", 503)
  faulty("contested.test", "write", 503)
  for (const zone of LIMITED) faulty(zone, "", 429)
  control.setToken(TOKENS.revoked, { active: false })
  control.useUp(TOKENS.busy, 950)
  control.addFault({
    match: { path: control.setZone("slow.test"), kind: "write" },
    times: "always",
    effect: { do: "slow", ms: 1000 * SLOW }
  })
  drift("contested.test", "198.51.100.1")
  await product.apply(aRecord("contested.test", "b", "192.0.2.3"))
  await product.apply(...LIMITED.map((_, index) => aRecord("slow.test", `late-${index}`, "192.0.2.4")))
  for (const name of ["a", "b"]) await product.remove("DnsRecord", recordName("held.test", name))
}

const keepChanging = async () => {
  // The zones of a token share its calls, so a turn takes seconds: all of them together far less than the alert's hour.
  for (let turn = 0; turn < 6; turn++) {
    drift("healthy.test", `198.51.100.${turn + 1}`)
    await healed("healthy.test", ["192.0.2.1", "192.0.2.2"])
  }
}

describe.runIf(hasPrometheus)(`a running system${withoutPrometheus}`, () => {
  beforeAll(async () => {
    simulator = await startSimulator({ zones: ZONES, tokens: Object.values(TOKENS) })
    stops.unshift(simulator.close)
    const directory = mkdtempSync(join(tmpdir(), "driftless-live-"))
    stops.unshift(async () => rmSync(directory, { recursive: true }))
    product = await startReplica(TOKENS, {
      DRIFTLESS_DATA_DIR: directory,
      DRIFTLESS_DNS_INTERVAL: "1s",
      CLOUDFLARE_BASE_URL: simulator.url
    })
    stops.unshift(product.stop)
    prometheus = await startPrometheus(product.metrics)
    stops.unshift(prometheus.stop)
    await converge()
    await makeFaults()
    changing = keepChanging()
    // Its failure is told by the test that waits for it.
    changing.catch(() => {})
  })

  afterAll(async () => {
    for (const stop of stops) await stop()
  })

  it.for([
    ["DriftlessCredentialRejected", "a token is revoked"],
    ["DriftlessDomainStalled", "a token is revoked, and deletions are held"],
    ["DriftlessDeletionsHeld", "more is to be deleted than maxDeletions allows"],
    ["DriftlessRateLimited", "the provider answers 429"],
    ["DriftlessBudgetLow", "somebody else uses up the calls of a token"],
    ["DriftlessProviderUnavailable", "the provider answers 503"],
    ["DriftlessZoneNotFound", "a Domain names a zone that is not there"],
    ["DriftlessReconcileErrors", "most zones cannot be looked at"],
    ["DriftlessDriftNotHealed", "a record is changed by somebody else, and writes fail"],
    ["DriftlessConvergenceSlow", "writes take long"],
    ["DriftlessNonTerminalTooLong", "a change cannot be written"]
  ] as const)("fires %s when %s", { timeout: PATIENCE + 5000 }, async ([alert]) => {
    const { annotations, labels } = await prometheus.fired(alert, PATIENCE)
    expect(labels).toMatchObject({ job: "driftless", namespace: "edge" })
    expect(`${annotations["summary"]} ${annotations["description"]}`).not.toMatch(/<|NaN|Inf/u)
  })

  it(
    "fires DriftlessDriftRecurring when somebody changes a record again and again",
    { timeout: 2 * PATIENCE },
    async () => {
      await changing
      const { labels } = await prometheus.fired("DriftlessDriftRecurring", PATIENCE)
      expect(labels["zone"]).toBe("healthy.test")
    }
  )

  it("fires nothing that has no fault", async () => {
    const fired = await prometheus.history(`ALERTS{alertstate="firing"}`)
    const names = new Set(fired.map(({ labels }) => labels["alertname"]))
    for (const alert of ["ReconcilePanics", "ReconcileTimeouts", "LeaseExpired", "FenceRejected", "RecordsStalled"]) {
      expect([...names]).not.toContain(`Driftless${alert}`)
    }
  })

  it("sees the first changes of a process too", async () => {
    const changes = ZONES.length * 2 + LIMITED.length
    const [seen] = await prometheus.history("sum(increase(driftless_convergence_seconds_count[1h]))")
    expect(seen?.value).toBeGreaterThanOrEqual(changes)
  })

  it("shows something in every panel that is not named as empty", { timeout: PATIENCE }, async () => {
    const empty: Array<string> = []
    for (const { expr, name } of queries) {
      const shown = await prometheus.history(filledIn(expr, { interval: "10s", range: "5m" }))
      if (shown.length === 0) empty.push(name)
    }
    expect(new Set(empty)).toEqual(new Set(Object.keys(EMPTY)))
  })

  it("fires DriftlessReplicaDown and DriftlessDown when the only replica dies", { timeout: 2 * PATIENCE }, async () => {
    const since = Date.now()
    await product.kill()
    const { labels } = await prometheus.fired("DriftlessReplicaDown", PATIENCE, since)
    expect(labels["instance"]).toBe(product.metrics)
    await prometheus.fired("DriftlessDown", PATIENCE, since)
  })
})
