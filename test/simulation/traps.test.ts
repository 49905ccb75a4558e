/** Real time and real chance are caught while a run is on, and free again when it is over. */
import crypto, { getRandomValues, randomInt, randomUUID } from "node:crypto"
import timers from "node:timers"
import { scheduler, setTimeout as sleep } from "node:timers/promises"
import { assert, describe, it } from "vitest"
import { withTraps } from "../../simulation/traps.ts"

const reaches: ReadonlyArray<readonly [string, () => unknown]> = [
  ["the time of Date", () => new Date()],
  ["the time of Date", () => Date()],
  ["Date.now", () => Date.now()],
  ["performance.now", () => performance.now()],
  ["Math.random", () => Math.random()],
  ["setTimeout", () => clearTimeout(setTimeout(() => undefined, 0))],
  ["timers.setTimeout", () => clearTimeout(timers.setTimeout(() => undefined, 0))],
  ["timers/promises.setTimeout", () => sleep(0)],
  ["timers/promises.scheduler.wait", () => scheduler.wait(0)],
  ["crypto.randomUUID", () => randomUUID()],
  ["crypto.randomInt", () => randomInt(9)],
  ["webcrypto.randomUUID", () => globalThis.crypto.randomUUID()],
  ["webcrypto.getRandomValues", () => getRandomValues(new Uint8Array(1))],
  ["webcrypto.getRandomValues", () => crypto.webcrypto.getRandomValues(new Uint8Array(1))]
]

const caughtBy = async (reach: () => unknown, isFree = false) => {
  const caught: Array<string> = []
  await withTraps(
    (what) => caught.push(what.trim().split(/\s+at /u)[0] ?? ""),
    () => isFree,
    async () => void (await reach())
  )
  return caught
}

describe("While a run is on", () => {
  it.each(reaches)("%s is caught, and neither where it is free nor afterwards", async (what, reach) => {
    assert.include(await caughtBy(reach), what)
    assert.deepStrictEqual(await caughtBy(reach, true), [])
    await reach()
    assert.deepStrictEqual(await caughtBy(() => undefined), [])
  })

  it("a Date of a given time is one as ever", async () => {
    const caught = await caughtBy(() => {
      const date = new Date(86_400_000)
      assert.instanceOf(date, Date)
      assert.strictEqual(date.toISOString(), "1970-01-02T00:00:00.000Z")
    })
    assert.deepStrictEqual(caught, [])
    assert.isAbove(new Date().getTime(), 0)
  })
})
