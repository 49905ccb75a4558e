/** What refers to one another comes at the same moment: nobody waits for what is there by then. */
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { Database } from "../../../src/database/database.ts"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { aCredential, aDomain, BOUND, isReady, objectsOf, ready } from "../../support/cluster-objects.ts"
import { anyPostgres, layerFresh, skipped } from "../../support/database.ts"
import { type IntakeWorld, startIntakeWorld, TOKEN } from "../../support/intake-world.ts"

const offer = await anyPostgres()

describe.skipIf(offer.missing !== undefined)(`objects that come together${skipped(offer)}`, () => {
  const cluster = new MemoryCluster()
  const objects = objectsOf(cluster, "together")
  const held = Promise.withResolvers<void>()
  const isWaiting = Promise.withResolvers<void>()
  /** The first transaction of a pass stands still before its end, until the other one waits for it. */
  let isFirst = true
  const hesitant = Layer.effect(
    Database,
    Effect.map(Database, (database) =>
      Database.of({
        ...database,
        query: (operation, run) => {
          if (operation !== "work.fence" || !isFirst) return database.query(operation, run)
          isFirst = false
          held.resolve()
          return Effect.andThen(
            Effect.promise(() => isWaiting.promise),
            database.query(operation, run)
          )
        }
      })
    )
  ).pipe(Layer.provide(Layer.orDie(layerFresh(offer, 12))))
  let world: IntakeWorld
  beforeAll(async () => {
    world = await startIntakeWorld({ cluster: cluster.layer, database: hesitant, zones: ["together.test"] })
    await world.intake()
  })
  afterAll(() => world?.close())

  it("are told of what was written while they began to wait for it", async () => {
    objects.secret("cloudflare", TOKEN)
    objects.put("Credential", "cloudflare", aCredential)
    await held.promise
    objects.put("Domain", "example", aDomain("together.test"))
    // It waits for the other's end, or has looked for the last time, which would be too early.
    await vi.waitFor(async () => {
      const locks = await world.sql("select from pg_locks where locktype = 'advisory' and not granted")
      expect(locks.length > 0 || ready(objects.get("Domain", "example")) !== undefined).toBe(true)
    }, BOUND)
    isWaiting.resolve()
    // An object that waits looks again by itself after a minute.
    const domain = await objects.until("Domain", "example", isReady)
    expect(ready(domain)?.reason).toBe("Converged")
  })
})
