/** A failure is made small, is told in words, and fails again by the word that it is told with. */
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { faultOf } from "../../simulation/faults.ts"
import { taskOf, wordOf, type Task } from "../../simulation/replay.ts"
import { sharedMetrics } from "../../simulation/replica.ts"
import { perform, scenarioFor } from "../../simulation/search.ts"
import { shrink } from "../../simulation/shrink.ts"
import { storyOf } from "../../simulation/story.ts"
import { openTables } from "../../simulation/tables.ts"
import { type Bench, INSTANCE } from "../../simulation/world.ts"

let bench: Bench
beforeAll(async () => {
  bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
})
afterAll(() => bench.session.close())

/** While `work` runs, the product is planted with a bug: a success leaves the count of retries as it was. */
const planted = async <A>(work: () => Promise<A>): Promise<A> => {
  const { session } = bench
  const query = session.query.bind(session)
  session.query = (text, parameters) =>
    query(text.replace("retry_count = 0, next_retry_at", "next_retry_at"), parameters)
  try {
    return await work()
  } finally {
    session.query = query
  }
}

describe("A failing run", () => {
  const task: Task = {
    scenario: "upkeep",
    seed: 1,
    // A retry that somebody asks for begins the count anew.
    drop: [8],
    faults: [
      "work.claim#2=slowAfter",
      "provider.list#1=errorAfter",
      "dns.note#2=contention",
      "wake.notify#1=errorBefore"
    ].map(faultOf)
  }

  it("shrinks to the few steps that it takes, and its word fails in the same way", { timeout: 120_000 }, async () => {
    await planted(async () => {
      const found = await perform(bench, task)
      assert.strictEqual(found.failure?.invariant, "S11")
      const small = await shrink(bench, task, found)
      assert.deepStrictEqual(small.faults, [])
      // The provider refuses a name for a while, and somebody asks for that name.
      assert.deepStrictEqual(
        scenarioFor(small).steps.map((step) => step.do),
        ["poison", "create"]
      )

      const told = await perform(bench, small)
      const story = storyOf(small, told)
      const word = /--replay '(?<word>[^']+)'/u.exec(story)?.groups?.["word"] ?? ""
      assert.strictEqual(word, wordOf(small))
      assert.match(story, /^S11 does not hold: /u)
      assert.match(story, /poison name bad/u)
      const again = await perform(bench, taskOf(word))
      assert.deepStrictEqual([again.failure, again.hash], [told.failure, told.hash])
    })
    assert.isUndefined((await perform(bench, task)).failure)
  })
})
