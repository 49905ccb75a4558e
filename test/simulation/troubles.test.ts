/** What the environment does to a world: each trouble lasts as long as it says, and as nobody else says. */
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

describe("An outage", () => {
  const scenario: Scenario = {
    name: "troubles",
    about: "a short trouble ends within a longer one",
    replicas: 1,
    zones: 1,
    length: 80,
    steps: [
      { at: 2, do: "outage", of: "writes", seconds: 60 },
      { at: 4, do: "create", zone: 0, type: "A", name: "www", value: "192.0.2.1" },
      { at: 5, do: "poison", name: "bad", seconds: 1 },
      { at: 6, do: "pages", how: "reordered", seconds: 1 }
    ]
  }

  it("goes on when another trouble ends before it", async () => {
    const { failure, trace } = await runScenario(bench, 1, scenario, exactly([]))
    assert.isUndefined(failure)
    const batches = trace.filter((line) => line.includes("records/batch with"))
    const answered = batches.map((line) => ({ at: Number.parseFloat(line), status: line.slice(-3) }))
    const during = answered.filter(({ at }) => at < 62)
    assert.isNotEmpty(during.filter(({ at }) => at > 7))
    assert.deepStrictEqual([...new Set(during.map(({ status }) => status))], ["503"])
    assert.strictEqual(answered.at(-1)?.status, "200")
  })
})
