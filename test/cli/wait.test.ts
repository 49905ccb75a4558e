/** What a wait makes of an object, row by row of its table, and how it tells its progress. */
import { Duration, Effect } from "effect"
import { describe, expect, test } from "vitest"
import type { ManifestObject } from "../../src/cli/objects.ts"
import { makeProgress } from "../../src/cli/progress.ts"
import { verdictOf } from "../../src/cli/wait.ts"
import { conditionsOf, type Facts } from "../../src/model/conditions.ts"

const COUNTS = { total: 2, active: 2, pending: 0, running: 0, error: 0, stopped: 0 }

const aRecord = (facts: Partial<Facts> = {}): ManifestObject => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind: "DnsRecord",
  metadata: { name: "www", generation: 3, creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {},
  status: {
    observedGeneration: 3,
    conditions: conditionsOf({
      about: "records",
      generation: 3,
      deleting: false,
      absent: false,
      counts: COUNTS,
      problem: undefined,
      zone: undefined,
      behind: false,
      ...facts
    })
  }
})

const open = aRecord({ counts: { ...COUNTS, active: 1, pending: 1 } })
const stopped = aRecord({
  counts: { ...COUNTS, active: 1, error: 1, stopped: 1 },
  problem: { reason: "RejectedByProvider", message: "code 9005" }
})
const wanted = { generation: 3 }
const ready = (stalledFor: Duration.Input = "0 seconds") => ({
  until: "ready" as const,
  stalledFor: Duration.fromInputUnsafe(stalledFor)
})
const gone = { until: "gone", stalledFor: Duration.zero } as const

describe("a wait for ready", () => {
  test("fails when somebody deleted the object", () => {
    expect(verdictOf(wanted, undefined, ready())).toEqual({ is: "failed", text: "was deleted by somebody else" })
  })
  test("is done when the object is Ready in this generation or a newer one", () => {
    expect(verdictOf(wanted, aRecord(), ready())).toEqual({ is: "done", text: "Converged: 2 records as asked for" })
    expect(verdictOf({ generation: 2 }, aRecord(), ready()).is).toBe("done")
  })
  test("goes on when what is Ready is an older generation", () => {
    expect(verdictOf({ generation: 4 }, aRecord(), ready()).is).toBe("open")
  })
  test("fails with the reason when the object stays stalled", () => {
    expect(verdictOf(wanted, stopped, ready("3 seconds"))).toEqual({
      is: "failed",
      text: "RejectedByProvider: code 9005"
    })
  })
  test("goes on for a moment when the object is stalled, since that may be older than the change", () => {
    expect(verdictOf(wanted, stopped, ready("2 seconds")).is).toBe("open")
  })
  test("goes on while records are not written", () => {
    expect(verdictOf(wanted, open, ready("1 hour"))).toEqual({
      is: "open",
      text: "Pending: 1 of 2 records not written yet"
    })
  })
})

describe("a wait for gone", () => {
  test("is done when the object is not there", () => {
    expect(verdictOf(wanted, undefined, gone).is).toBe("done")
  })
  test("goes on while it is there, whatever it says", () => {
    expect(verdictOf(wanted, aRecord({ deleting: true }), gone)).toEqual({
      is: "open",
      text: "Deleting: waits until 2 records are gone"
    })
    expect(verdictOf(wanted, aRecord(), gone).is).toBe("open")
  })
})

const written = (columns: number | undefined) => {
  const texts: Array<string> = []
  return { texts, progress: makeProgress({ write: (text) => texts.push(text), columns }) }
}
const www = { label: "dnsrecord/www", text: "Pending: 1 of 2", done: false }
const mail = { label: "dnsrecord/mail", text: "Pending: 1 of 1", done: false }

test("progress that is no terminal's gets one line for each change", () => {
  const { progress, texts } = written(undefined)
  Effect.runSync(progress.show([www, mail]))
  Effect.runSync(progress.show([www, { ...mail, text: "Converged\u001b[2J", done: true }]))
  Effect.runSync(progress.end)
  expect(texts).toEqual([
    "dnsrecord/www Pending: 1 of 2\n",
    "dnsrecord/mail Pending: 1 of 1\n",
    "dnsrecord/mail Converged\\u001b[2J\n"
  ])
})

test("progress on a terminal is one line that is drawn again, never wider than the terminal, and taken away", () => {
  const { progress, texts } = written(48)
  Effect.runSync(progress.show([www, mail]))
  Effect.runSync(progress.show([www, { ...mail, done: true }]))
  Effect.runSync(progress.end)
  expect(texts).toEqual([
    "\r\u001b[K0 of 2 done; dnsrecord/www Pending: 1 of 2 (and",
    "\r\u001b[K1 of 2 done; dnsrecord/www Pending: 1 of 2",
    "\r\u001b[K"
  ])
})
