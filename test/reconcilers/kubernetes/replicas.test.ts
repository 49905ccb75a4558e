/** Several replicas on one PostgreSQL take the same objects in at once: nothing is lost, nothing doubled. */
import { Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { aRecord, BOUND, isReady, objectsOf } from "../../support/cluster-objects.ts"
import { anyPostgres, layerFresh, skipped } from "../../support/database.ts"
import { type IntakeWorld, startIntakeWorld, TOKEN } from "../../support/intake-world.ts"

const offer = await anyPostgres()
const NAMES = Array.from({ length: 60 }, (_, index) => `r${index}`)

describe.skipIf(offer.missing !== undefined)(`three replicas of the intake${skipped(offer)}`, () => {
  const cluster = new MemoryCluster()
  const objects = objectsOf(cluster, "many")
  let world: IntakeWorld
  beforeAll(async () => {
    const database = Layer.orDie(layerFresh(offer, 12))
    world = await startIntakeWorld({ cluster: cluster.layer, database, zones: ["replicas.test"] })
    // Each has a Lease of its own: all of them believe that they are alone.
    for (const name of ["a", "b", "c"]) await world.intake({ lease: { namespace: "own", name, owner: name } })
  })
  afterAll(() => world?.close())

  const names = () =>
    world.simulator.engine.control
      .records("replicas.test")
      .filter(({ type }) => type === "A")
      .map(({ content, name }) => `${name.split(".")[0]} ${content}`)
      .toSorted()

  it("makes each record once, edits it once, and lets everything go", async () => {
    objects.zone("replicas.test", TOKEN)
    for (const name of NAMES) objects.put("DnsRecord", name, aRecord(name, ["192.0.2.1"]))
    for (const name of NAMES) await objects.until("DnsRecord", name, isReady)
    expect(names()).toEqual(NAMES.map((name) => `${name} 192.0.2.1`).toSorted())
    for (const name of NAMES) objects.put("DnsRecord", name, aRecord(name, ["192.0.2.2"]))
    await vi.waitFor(() => expect(names()).toEqual(NAMES.map((name) => `${name} 192.0.2.2`).toSorted()), BOUND)
    for (const name of NAMES) await objects.until("DnsRecord", name, isReady)
    objects.removeSecret("cloudflare")
    objects.remove("Credential", "cloudflare")
    objects.remove("Domain", "example")
    for (const name of NAMES) objects.remove("DnsRecord", name)
    await objects.until("Credential", "cloudflare", (object) => object === undefined)
    expect(names()).toEqual([])
    const known = () => world.sql("select kind, name from kubernetes_objects")
    await vi.waitFor(async () => expect(await known()).toEqual([]), BOUND)
    expect(await world.metrics()).not.toMatch(/^controller_runtime_reconcile_(?:panics|timeouts)_total\{.*\} [1-9]/mu)
  })
})
