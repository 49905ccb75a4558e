/** Whole runs: the same seed is the same run, faults strike where they are told to, and what does not hold is seen. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { faultOf } from "../../simulation/faults.ts"
import { taskOf, wordOf } from "../../simulation/replay.ts"
import { sharedMetrics } from "../../simulation/replica.ts"
import { perform, shareOf, singles, unreached } from "../../simulation/search.ts"
import { openTables } from "../../simulation/tables.ts"
import { type Bench, INSTANCE } from "../../simulation/world.ts"

let bench: Bench
beforeAll(async () => {
  bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
})
afterAll(() => bench.session.close())

describe("A run", () => {
  it("has the same trace again, alone and after others", async () => {
    const first = await perform(bench, { scenario: "random", seed: 11 })
    await perform(bench, { scenario: "take-over", seed: 3, faults: [faultOf("work.claim#4=crashAfter")] })
    const again = await perform(bench, { scenario: "random", seed: 11 })
    assert.strictEqual(again.hash, first.hash)
    assert.deepStrictEqual(again.trace, first.trace)
  })

  it("has another trace with another seed", async () => {
    const hashes = await Promise.resolve([
      await perform(bench, { scenario: "create", seed: 1, faults: [] }),
      await perform(bench, { scenario: "create", seed: 2, faults: [] })
    ])
    assert.notStrictEqual(hashes[0]?.hash, hashes[1]?.hash)
    assert.strictEqual(hashes[0]?.state, hashes[1]?.state)
  })

  it("is the same when the faults that were drawn are told", async () => {
    const drawn = await perform(bench, { scenario: "random", seed: 2 })
    assert.isNotEmpty(drawn.struck)
    const told = await perform(bench, { scenario: "random", seed: 2, faults: drawn.struck })
    assert.strictEqual(told.hash, drawn.hash)
  })

  it("is struck at the call that is named, and converges to what it would have been", async () => {
    const calm = await perform(bench, { scenario: "delete", seed: 1, faults: [] })
    const fault = faultOf("provider.batch#2=errorAfter")
    const struck = await perform(bench, { scenario: "delete", seed: 1, faults: [fault] })
    assert.deepStrictEqual(struck.struck, [fault])
    assert.isUndefined(struck.failure)
    assert.strictEqual(struck.state, calm.state)
    assert.notStrictEqual(struck.hash, calm.hash)
  })

  it("fails when no fault that was told has struck, and not when the first of two keeps the second from it", async () => {
    const unreached = faultOf("provider.batch#99=errorAfter")
    const missed = await perform(bench, { scenario: "create", seed: 1, faults: [unreached] })
    assert.strictEqual(missed.failure?.invariant, "Struck")
    const pair = await perform(bench, {
      scenario: "create",
      seed: 1,
      faults: [faultOf("provider.batch#1=errorAfter"), unreached]
    })
    assert.isUndefined(pair.failure)
  })
})

describe("A row whose record the provider brings back after it was deleted", () => {
  const happened = ["provider answers", "the provider has lost", "calls dns.accepted"]
  it.each([
    ["before the answer is heard", 1, [0, 1, 2]],
    ["afterwards", 50, [0, 2, 1]]
  ])("may go: %s, the record goes too", async (_, seed, order) => {
    const verdict = await perform(bench, { scenario: "undone", seed, faults: [] })
    assert.isUndefined(verdict.failure)
    const deletion = verdict.trace.slice(verdict.trace.findIndex((line) => line.includes("calls provider.batch#2")))
    const told = happened.map((words) => deletion.findIndex((line) => line.includes(words)))
    assert.deepStrictEqual(
      told.toSorted((a, b) => a - b),
      order.map((which) => told[which])
    )
    assert.strictEqual(verdict.state, "")
  })
})

describe("A search", () => {
  it("lists each call with each fault that can befall it, and shares cover the list once", async () => {
    const calm = await perform(bench, { scenario: "create", seed: 1, faults: [] })
    const list = singles(calm)
    const claims = calm.calls.get("work.claim") ?? 0
    assert.strictEqual(list.filter(({ faults }) => faults?.[0]?.site === "work.claim").length, claims * 8)
    const shares = [0, 1, 2].map((part) => shareOf(list, 7 + part, 3))
    assert.strictEqual(new Set(shares.flat()).size, list.length)
  })

  it("names the sites that no fault has reached", () => {
    assert.include(unreached([faultOf("work.claim#1=errorBefore")]), "dns.accepted")
    assert.notInclude(unreached([faultOf("work.claim#1=errorBefore")]), "work.claim")
    assert.deepStrictEqual(unreached([faultOf("work.claim#1=errorBefore")], ["work.claim", "dns.rows"]), ["dns.rows"])
  })

  it("reads back the word that names a run", () => {
    const word = "random:17:drop=0,3:faults=provider.list#2=stale,dns.note#1=pauseInside"
    assert.strictEqual(wordOf(taskOf(word)), word)
    assert.throws(() => taskOf("random:17:faults=provider.list#2=crashInside"), /no such fault/u)
  })
})
