/** Whose a record is, as the simulation judges it: what nobody can tell from a stranger's is not held against us. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { exactly, faultOf } from "../../simulation/faults.ts"
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

describe("A create that is delivered twice in a zone without marks where nothing is adopted", () => {
  const scenario: Scenario = {
    name: "delivered twice",
    about: "only the refusal of the second delivery is heard",
    replicas: 1,
    zones: 1,
    length: 120,
    zoneType: "secondary",
    adoption: "Never",
    steps: [
      { at: 2, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
      { at: 2, do: "create", zone: 0, type: "A", name: "app", value: "192.0.2.2" },
      { at: 40, do: "remove", zone: 0, type: "A", name: "www" }
    ]
  }

  const ended = async (seed: number) => {
    const twice = exactly([faultOf("provider.batch#1=duplicate")])
    const { failure, trace } = await runScenario(bench, seed, scenario, twice)
    assert.isUndefined(failure)
    const said = (what: string) => trace.filter((line) => line.includes(what))
    return { refusals: said("calls dns.refused").length, end: said("all has converged").join() }
  }

  it("makes what is ours when the first answer is heard, so that it goes with its row", async () => {
    const { end, refusals } = await ended(1)
    assert.strictEqual(refusals, 0)
    assert.include(end, "A app 192.0.2.2 120 present active")
    assert.notInclude(end, "www.zone0.test")
  })

  it("makes what is a stranger's when only the refusal is heard, so that it outlives its row", async () => {
    const { end, refusals } = await ended(2)
    assert.strictEqual(refusals, 1)
    assert.include(end, "A app 192.0.2.2 120 present HeldBySomeoneElse")
    assert.include(end, "A www.zone0.test 192.0.2.1")
  })
})
