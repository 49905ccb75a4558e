/** What a search is told by its arguments. */
import { assert, describe, it } from "vitest"
import { argumentsOf, campaignOf, isWhole } from "../../simulation/arguments.ts"

const planOf = (...args: ReadonlyArray<string>) => campaignOf(argumentsOf(args).values, 1, () => "0000000b")

describe("The arguments of a simulation", () => {
  it("ask for everything when there are none", () => {
    assert.isTrue(isWhole(argumentsOf([]).values))
    assert.deepInclude(planOf(), { firstSeed: 1, seeds: 2000, singles: true, pairs: 500, scenario: undefined })
  })

  it("ask for worlds from a seed on", () => {
    const plan = { firstSeed: 7, singles: false, pairs: 0 }
    assert.deepInclude(planOf("--seed", "7"), { ...plan, seeds: 1 })
    assert.deepInclude(planOf("--seed", "7", "--seeds", "50"), { ...plan, seeds: 50 })
    assert.deepInclude(planOf("--minutes", "60"), { minutes: 60, seeds: Number.MAX_SAFE_INTEGER, singles: false })
    assert.throws(() => planOf("--seed", "seven"), /seven is no number/u)
  })

  it("ask for one scenario, with the seed that is told, and refuse to draw worlds beside it", () => {
    assert.deepInclude(planOf("--scenario", "delete"), { scenario: "delete", firstSeed: 1, seeds: 0, singles: true })
    assert.deepInclude(planOf("--scenario", "delete", "--seed", "7"), { firstSeed: 7, seeds: 0, singles: true })
    for (const option of ["--seeds", "--minutes"]) {
      assert.throws(() => planOf("--scenario", "delete", option, "5"), /--scenario is one world/u)
    }
  })

  it("ask for the share of a commit, or for one that is named", () => {
    assert.deepInclude(planOf("--ci"), { seeds: 300, singles: true, share: { part: 11, parts: 200 } })
    assert.deepInclude(planOf("--share", "3/40"), { seeds: 0, singles: true, share: { part: 3, parts: 40 } })
    assert.isUndefined(planOf("--seed", "1").share)
  })
})
