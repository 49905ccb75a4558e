/** Order and time of the simulation's kernel. */
import { assert, describe, it } from "vitest"
import { Clock, Effect } from "effect"
import { BEGINNING, Kernel, Process } from "../../simulation/kernel.ts"

const sleeper = (kernel: Kernel, process: Process, heard: Array<string>, millis: number) =>
  Effect.runFork(
    kernel.services(
      process,
      Effect.gen(function* () {
        yield* Effect.sleep(millis)
        heard.push(`${process.name} at ${(yield* Clock.currentTimeMillis) - BEGINNING}`)
      })
    )
  )

describe("Kernel", () => {
  it("lets sleepers wake in the order of their times, without waiting for them", async () => {
    const kernel = new Kernel(1)
    const heard: Array<string> = []
    sleeper(kernel, new Process("late"), heard, 3_600_000)
    sleeper(kernel, new Process("early"), heard, 10)
    await kernel.run(BEGINNING + 7_200_000)
    assert.deepStrictEqual(heard, ["early at 10", "late at 3600000"])
  })

  it("never runs a dead process again, and a paused one only when it goes on, its timers first", async () => {
    const kernel = new Kernel(1)
    const heard: Array<string> = []
    const [dead, paused] = [new Process("dead"), new Process("paused")]
    sleeper(kernel, dead, heard, 10)
    sleeper(kernel, paused, heard, 10)
    kernel.after(9, () => heard.push("an answer"), paused)
    dead.alive = false
    paused.paused = true
    kernel.after(500, () => kernel.resume(paused))
    await kernel.run(BEGINNING + 1000)
    assert.deepStrictEqual(heard, ["paused at 500", "an answer"])
  })

  it("draws the order of what is ready at once from the seed", async () => {
    const orderOf = async (seed: number) => {
      const kernel = new Kernel(seed)
      const heard: Array<string> = []
      for (let i = 0; i < 8; i++) kernel.after(5, () => heard.push(String(i)))
      await kernel.run(BEGINNING + 10)
      return heard.join("")
    }
    assert.strictEqual(await orderOf(7), await orderOf(7))
    const orders = new Set(await Promise.all([1, 2, 3, 4, 5].map(orderOf)))
    assert.isAbove(orders.size, 1)
  })

  it("keeps the first broken invariant and stops there", async () => {
    const kernel = new Kernel(1)
    kernel.after(1, () => kernel.fail("S1", "first"))
    kernel.after(2, () => kernel.fail("S2", "second"))
    await kernel.run(BEGINNING + 10)
    assert.strictEqual(kernel.failure?.invariant, "S1")
    assert.strictEqual(kernel.now, BEGINNING + 1)
  })
})
