/** Runs on processes of their own: each comes to a report, whatever becomes of it. */
import { assert, describe, it } from "vitest"
import { Pool } from "../../simulation/pool.ts"
import type { Report } from "../../simulation/worker.ts"

describe("A run that throws", () => {
  it("is reported as a failure, and those after it run all the same", { timeout: 300_000 }, async () => {
    const pool = new Pool(1)
    const reports: Array<Report> = []
    const tasks = [
      { scenario: "nowhere", seed: 3 },
      { scenario: "create", seed: 1, faults: [] }
    ]
    await pool.run(tasks, (report) => reports.push(report))
    pool.close()
    assert.deepStrictEqual(
      reports.map(({ task }) => task),
      tasks
    )
    assert.strictEqual(reports[0]?.failure?.invariant, "Thrown")
    assert.match(reports[0]?.failure?.message ?? "", /there is no scenario nowhere/u)
    assert.isUndefined(reports[1]?.failure)
    assert.isAbove(reports[1]?.statements ?? 0, 0)
  })
})
