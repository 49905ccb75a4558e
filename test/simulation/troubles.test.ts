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

describe("A token that is revoked for good", () => {
  const place = { zone: 0, type: "TXT", name: "www" } as const
  const lastly = (value: string): Scenario => ({
    name: "troubles",
    about: "a row that is removed can never go, and another is to be changed",
    replicas: 1,
    zones: 1,
    length: 20,
    steps: [
      { at: 2, do: "create", ...place, value: "one" },
      { at: 5, do: "token gone" },
      { at: 7, do: "remove", ...place },
      { at: 8, do: "create", ...place, value: "two" },
      { at: 9, do: "change", ...place, value }
    ]
  })

  it("excuses that a row cannot be changed to what the removed one asked for", async () => {
    const { failure, trace } = await runScenario(bench, 1, lastly("one"), exactly([]))
    assert.isUndefined(failure)
    assert.isNotEmpty(trace.filter((line) => line.includes("user: hears Failure")))
  })

  it("excuses no other wish that is refused again and again", async () => {
    const { failure } = await runScenario(bench, 1, lastly("x".repeat(5000)), exactly([]))
    assert.strictEqual(failure?.invariant, "L3")
  })
})
