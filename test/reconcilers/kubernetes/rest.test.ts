/**
 * At rest for hours: everything is looked at again and again (Secrets, zones, each object, and the lists beside the
 * watches), and nothing is written to the cluster but the Lease. On a clock that the test owns.
 */
import { PGlite } from "@electric-sql/pglite"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { Database } from "../../../src/database/database.ts"
import { fromPglite, pgliteOptions } from "../../../src/database/pglite.ts"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { aRecord, BOUND, isReady, objectsOf } from "../../support/cluster-objects.ts"
import { VirtualClock } from "../../support/dns-clock.ts"
import { type IntakeWorld, startIntakeWorld, TOKEN } from "../../support/intake-world.ts"

const HOURS = 3
/** Seconds that pass at a time; everything that is due by then is over before the next. */
const STEP = 40
const clock = new VirtualClock(Date.parse("2026-01-05T10:00:00Z"))
const asked = new Map<string, number>()
const cluster = new MemoryCluster({
  now: () => new Date(clock.now).toISOString(),
  before: (verb, { plural }) =>
    Effect.sync(() => void asked.set(`${verb} ${plural}`, (asked.get(`${verb} ${plural}`) ?? 0) + 1))
})
const objects = objectsOf(cluster, "rest")
let lite: PGlite
let world: IntakeWorld

beforeAll(async () => {
  lite = await PGlite.create(pgliteOptions)
  await setTime()
  const database = Layer.succeed(Database, fromPglite(lite))
  world = await startIntakeWorld({ cluster: cluster.layer, database, clock, zones: ["rest.test"] })
  await world.intake()
})
afterAll(async () => {
  await world?.close()
  await lite?.close()
})

const setTime = () => lite.query("select set_config('driftless.now', $1, false)", [new Date(clock.now).toISOString()])
/** By a second at most, and a statement each: whatever asks the database has its answer before its time is out. */
const advance = async (millis: number) => {
  for (let left = millis; left > 0; left -= 1000) {
    clock.advance(Math.min(left, 1000))
    await setTime()
  }
}

/** Time passes, and what is due then is done. */
const pass = async (seconds: number) => {
  await advance(seconds * 1000)
  await vi.waitFor(
    async () => {
      const due = await lite.query(
        "select from reconcile_work where owner is not null or (due_at <= driftless_now() and reconciler in ('dns', 'kubernetes'))"
      )
      // Who went to sleep a moment too late must wake, too.
      if (due.rows.length > 0) await advance(20)
      expect(due.rows).toHaveLength(0)
    },
    { ...BOUND, interval: 2 }
  )
}

const passes = async () => {
  const success = /^controller_runtime_reconcile_total\{controller="kubernetes",result="success"\} (\d+)/mu
  return Number(success.exec(await world.metrics())?.[1])
}

it(`is not written to for ${HOURS} hours, though all of it is looked at`, async () => {
  objects.zone("rest.test", TOKEN)
  for (const name of ["www", "api", "mail"]) objects.put("DnsRecord", name, aRecord(name))
  const isAllReady = () =>
    [objects.get("Credential", "cloudflare"), objects.get("Domain", "example"), objects.get("DnsRecord", "mail")].every(
      isReady
    )
  await vi.waitFor(async () => {
    await pass(1)
    expect(isAllReady()).toBe(true)
  }, BOUND)
  // Events are told a moment later.
  for (let i = 0; i < 3; i++) await pass(STEP)

  const before = await passes()
  asked.clear()
  world.simulator.engine.control.clearCalls()
  for (let seconds = 0; seconds < HOURS * 3600; seconds += STEP) await pass(STEP)

  const writes = [...asked].filter(([what]) => /^(?:create|replace|patch) /u.test(what) && !what.endsWith(" leases"))
  expect(writes).toEqual([])
  const times = (HOURS * 3600) / STEP
  expect(asked.get("get secrets")).toBeGreaterThan(times - 10)
  expect(asked.get("replace leases")).toBeGreaterThan(times - 10)
  expect(asked.get("list dnsrecords")).toBeGreaterThanOrEqual(HOURS - 1)
  expect(world.simulator.engine.control.counts()["list"]).toBeGreaterThan(times / 2)
  // Each record and the domain, every hour.
  expect((await passes()) - before).toBeGreaterThanOrEqual(4 * (HOURS - 1))
  expect(world.logs.filter((line) => /^(?:Warn|Error|Fatal)/u.test(line))).toEqual([])
}, 180_000)
