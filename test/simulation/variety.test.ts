/** What waits for a person waits until the end of a run, is told, and goes on then; what SQL changes is done, too. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { exactly } from "../../simulation/faults.ts"
import { sharedMetrics } from "../../simulation/replica.ts"
import { runScenario } from "../../simulation/run.ts"
import type { Scenario } from "../../simulation/steps.ts"
import { openTables } from "../../simulation/tables.ts"
import { type Bench, INSTANCE } from "../../simulation/world.ts"

let bench: Bench
beforeAll(async () => {
  bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
})
afterAll(() => bench.session.close())

const run = (steps: Scenario["steps"], settings: Partial<Scenario> = {}) =>
  runScenario(
    bench,
    1,
    { name: "variety", about: "one kind of it", replicas: 1, zones: 1, length: 20, ...settings, steps },
    exactly([])
  )
const WAITS = "all has converged but for what waits for a person"
const www = { zone: 0, type: "A", name: "www" } as const

describe("A world in which a person has to help", () => {
  it("waits with deletions that are more than the bound, and ends without them", async () => {
    const steps = [
      { at: 1, do: "create", ...www, value: "192.0.2.1" },
      { at: 10, do: "remove", ...www }
    ] as const
    const { failure, state, trace } = await run(steps, { maxDeletions: "0" })
    assert.isUndefined(failure)
    assert.isTrue(trace.some((line) => line.endsWith(WAITS)))
    assert.strictEqual(state, "")
  })

  it("waits with a record that finds no room, and ends with it", async () => {
    const steps = [
      { at: 1, do: "zone full", zone: 0, room: 0 },
      { at: 2, do: "create", ...www, value: "192.0.2.1" }
    ] as const
    const { failure, state, trace } = await run(steps)
    assert.isUndefined(failure)
    assert.isTrue(trace.some((line) => line.endsWith(WAITS)))
    assert.include(state, "A www.zone0.test 192.0.2.1")
  })

  it("waits for nobody where what is wanted fits", async () => {
    const steps = [
      { at: 1, do: "zone full", zone: 0, room: 1 },
      { at: 2, do: "create", ...www, value: "192.0.2.1" }
    ] as const
    const { failure, trace } = await run(steps)
    assert.isUndefined(failure)
    assert.isFalse(trace.some((line) => line.endsWith(WAITS)))
  })
})

describe("A row that two owners have, and that an operator renames for one of them", () => {
  it("stands under both names", async () => {
    const { failure, state } = await run([
      { at: 1, do: "create", ...www, value: "192.0.2.1" },
      { at: 2, do: "create", ...www, value: "192.0.2.1", owner: 1 },
      { at: 10, do: "sql update", ...www, set: { name: "moved" } }
    ])
    assert.isUndefined(failure)
    assert.include(state, "A www.zone0.test 192.0.2.1")
    assert.include(state, "A moved.zone0.test 192.0.2.1")
  })
})
