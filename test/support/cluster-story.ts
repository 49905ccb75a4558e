/** A world with a cluster in memory for one test file; each story in it has a namespace, a zone and a token of its own. */
import { afterAll, beforeAll, expect, vi } from "vitest"
import { MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import { BOUND, type Objects, objectsOf } from "./cluster-objects.ts"
import { type IntakeWorld, startIntakeWorld, TOKEN } from "./intake-world.ts"

export interface Story {
  readonly namespace: string
  readonly domain: string
  readonly token: string
  readonly objects: Objects
  /** What stands in the zone, as `name content`, without what the provider keeps itself. */
  records(): ReadonlyArray<string>
  untilRecords(expected: ReadonlyArray<string>): Promise<void>
}

export const stories = (most: number) => {
  const zones = Array.from({ length: most }, (_, index) => `zone-${index}.test`)
  const cluster = new MemoryCluster()
  const file: { world: IntakeWorld } = { world: undefined as never }
  let used = 0

  beforeAll(async () => {
    file.world = await startIntakeWorld({ cluster: cluster.layer, zones })
    await file.world.intake()
  })
  afterAll(() => file.world?.close())

  const begin = (): Story => {
    const domain = zones[used] ?? ""
    const namespace = `ns-${used}`
    const token = `${TOKEN}-${used++}`
    const { control } = file.world.simulator.engine
    control.setToken(token, { active: true })
    const records = () =>
      control
        .records(domain)
        .filter(({ type }) => type !== "NS" && type !== "SOA")
        .map(({ content, name }) => `${name.slice(0, -domain.length - 1)} ${content}`)
        .toSorted()
    return {
      namespace,
      domain,
      token,
      records,
      objects: objectsOf(cluster, namespace),
      untilRecords: (expected) => vi.waitFor(() => expect(records()).toEqual(expected), BOUND)
    }
  }
  return { begin, cluster, file }
}
