/** Whole runs with a cluster: the same seed is the same run, and what was found by one stays mended. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { taskOf } from "../../simulation/replay.ts"
import { sharedMetrics } from "../../simulation/replica.ts"
import { perform } from "../../simulation/search.ts"
import { openTables } from "../../simulation/tables.ts"
import { type Bench, INSTANCE } from "../../simulation/world.ts"

let bench: Bench
beforeAll(async () => {
  bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
})
afterAll(() => bench.session.close())

const run = (word: string) => perform(bench, taskOf(word))

describe("A run with a cluster", () => {
  it("has the same trace again, alone and after others", async () => {
    const first = await run("namespace:5:faults=cluster.watch#2=silent")
    await run("objects:3:faults=")
    const again = await run("namespace:5:faults=cluster.watch#2=silent")
    assert.isUndefined(first.failure)
    assert.strictEqual(again.hash, first.hash)
    assert.deepStrictEqual(again.trace, first.trace)
  })

  it("ends as without faults when its watches break, expire, lag behind and go silent", async () => {
    const calm = await run("objects:1:faults=")
    const kinds = ["stale", "cut", "expired", "silent", "closed", "replayed", "gone"]
    const faults = kinds.map((kind, index) => `cluster.watch#${index + 1}=${kind}`)
    const struck = await run(`objects:1:faults=${faults.join(",")}`)
    assert.isUndefined(struck.failure)
    assert.lengthOf(struck.struck, kinds.length)
    assert.include(calm.state, "DnsRecord/team/www True Converged")
    assert.strictEqual(struck.state, calm.state)
  })
})

describe("What was found by a run with a cluster", () => {
  it("a Domain stayed unready when a record went after its zone was settled", async () => {
    const { calls } = await run("objects:1:faults=")
    // The last batch but one makes the record that is deleted by the last.
    const batch = (calls.get("provider.batch") ?? 0) - 1
    const { failure, state } = await run(`objects:1:faults=provider.batch#${batch}=errorBefore`)
    assert.isUndefined(failure)
    assert.include(state, "Domain/team/example True Converged")
  })

  it("an object was Ready whose rows a fail-over had lost", async () => {
    const { failure, state } = await run("rotation:1:faults=")
    assert.isUndefined(failure)
    assert.include(state, "A late.zone0.test 192.0.2.2")
  })
})
