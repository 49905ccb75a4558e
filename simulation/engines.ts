/** The provider's side of a world: the simulator's engine with the zones, the tokens and the limit of its scenario. */
import { type Engine, makeEngine } from "../src/simulator/engine.ts"
import type { Kernel } from "./kernel.ts"
import { randomOf } from "./random.ts"
import type { Scenario } from "./steps.ts"

/** `name` tells its ids from those of another one. */
export const engineOf = (
  name: string,
  kernel: Kernel,
  { quota, zoneType }: Scenario,
  zones: ReadonlyArray<string>,
  tokens: ReadonlyArray<string>
): Engine => {
  const random = randomOf(kernel.seed, `ids ${name}`)
  return makeEngine({
    now: () => kernel.now,
    id: () => random.hex(32),
    zones,
    zoneType: zoneType ?? "full",
    tokens,
    ...(quota === undefined ? {} : { rateLimit: { quota } })
  })
}
