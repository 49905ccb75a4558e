/**
 * Two replicas on one PostgreSQL, scraped by a real Prometheus: gauges of the database are not counted twice, and a
 * replica that is killed in the middle of its work fires the alert on leases.
 */
import { Effect, Exit, Redacted, Scope } from "effect"
import { randomBytes } from "node:crypto"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { type Simulator, startSimulator } from "../../src/simulator/server.ts"
import { anyPostgres, freshUrl, skipped } from "../support/database.ts"
import { type Prometheus, startPrometheus } from "./prometheus.ts"
import { aCredential, aRecord, aZone, type Replica, startReplica } from "./replica.ts"
import { filledIn, hasPrometheus, queries, withoutPrometheus } from "./shipped.ts"

const ZONES = Array.from({ length: 12 }, (_, index) => `zone-${index}.test`)
const TOKENS = { main: "token-main" }
const PATIENCE = 60_000
const BOUND = { timeout: PATIENCE, interval: 50 }

const offer = await anyPostgres()

let simulator: Simulator
let first: Replica
let second: Replica
let prometheus: Prometheus
const stops: Array<() => Promise<void>> = []

const recordsOf = (zone: string) => simulator.engine.control.records(zone)
const batches = () => simulator.engine.control.counts()["batch"] ?? 0

const shown = async (panel: string) => {
  const query = queries.find(({ name }) => name === panel)
  if (query === undefined) throw new Error(`there is no panel ${panel}`)
  return prometheus.history(filledIn(query.expr, { interval: "10s", range: "5m" }))
}

describe.runIf(hasPrometheus && offer.missing === undefined)(
  `two replicas${withoutPrometheus}${skipped(offer)}`,
  () => {
    beforeAll(async () => {
      const scope = Scope.makeUnsafe()
      stops.unshift(() => Effect.runPromise(Scope.close(scope, Exit.void)))
      const url = await Effect.runPromise(Scope.provide(freshUrl(offer), scope))
      simulator = await startSimulator({ zones: ZONES, tokens: Object.values(TOKENS) })
      stops.unshift(simulator.close)
      const settings = {
        DATABASE_URL: Redacted.value(url),
        DRIFTLESS_ENCRYPTION_KEY: randomBytes(32).toString("base64"),
        // Nothing is due by itself, so that the work is where the test puts it.
        DRIFTLESS_DNS_INTERVAL: "1h",
        CLOUDFLARE_BASE_URL: simulator.url
      }
      ;[first, second] = await Promise.all([startReplica(TOKENS, settings), startReplica(TOKENS, settings)])
      stops.unshift(first.kill, second.kill)
      prometheus = await startPrometheus(first.metrics, second.metrics)
      stops.unshift(prometheus.stop)
      await first.apply(aCredential("main"), ...ZONES.map((zone) => aZone(zone, "main")))
      await first.apply(...ZONES.map((zone) => aRecord(zone, "a", "192.0.2.1")))
      for (const zone of ZONES) await vi.waitFor(() => expect(recordsOf(zone)).toHaveLength(1), BOUND)
    })

    afterAll(async () => {
      for (const stop of stops) await stop()
    })

    it("count a zone's records once, though both publish them", async () => {
      await vi.waitFor(async () => {
        const published = await prometheus.history(`driftless_dns_desired_records{zone="zone-0.test"}`)
        expect(published.map(({ value }) => value)).toEqual([1, 1])
      }, BOUND)
      const zones = await shown("Driftless / DNS: Zones (A)")
      expect(zones.map(({ labels, value }) => [labels["zone"], value])).toEqual(
        expect.arrayContaining(ZONES.map((zone) => [zone, 1]))
      )
      expect(zones).toHaveLength(ZONES.length)
    })

    it(
      "fire DriftlessLeaseExpired when one is killed in the middle of its work",
      { timeout: 2 * PATIENCE },
      async () => {
        simulator.engine.control.addFault({
          match: { kind: "batch" },
          times: ZONES.length,
          // Longer than a busy machine takes from the last of them to the kill.
          effect: { do: "slow", ms: 8000 }
        })
        const before = batches()
        // It stands still, so that all of the work is the other's.
        second.signal("SIGSTOP")
        await first.apply(...ZONES.map((zone) => aRecord(zone, "b", "192.0.2.2")))
        await vi.waitFor(() => expect(batches()).toBe(before + ZONES.length), BOUND)
        await first.kill()
        second.signal("SIGCONT")
        const { labels } = await prometheus.fired("DriftlessLeaseExpired", PATIENCE)
        expect(labels["reconciler"]).toBe("dns")
        expect(await shown("Driftless / Runtime: Leases and fences (A)")).toHaveLength(1)
        for (const zone of ZONES) expect(recordsOf(zone)).toHaveLength(2)
      }
    )
  }
)
