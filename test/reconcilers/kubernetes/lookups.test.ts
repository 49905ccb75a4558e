/** What many passes read at the same time is read once. */
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { Database } from "../../../src/database/database.ts"
import { layerMemory } from "../../../src/database/pglite.ts"
import { API_VERSION } from "../../../src/model/kinds/metadata.ts"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import * as manifests from "../../../src/reconcilers/dns/store/manifests.ts"
import { Lookups } from "../../../src/reconcilers/kubernetes/lookups.ts"
import { aCredential, aDomain, aRecord } from "../../support/cluster-objects.ts"
import { type IntakeWorld, startIntakeWorld } from "../../support/intake-world.ts"

const asked: Array<string> = []
const counted = Layer.effect(
  Database,
  Effect.map(Database, (database) =>
    Database.of({
      ...database,
      query: (operation, run) => {
        asked.push(operation)
        return database.query(operation, run)
      }
    })
  )
).pipe(Layer.provide(layerMemory))

let world: IntakeWorld
beforeAll(async () => {
  world = await startIntakeWorld({ cluster: new MemoryCluster().layer, database: counted, zones: [] })
})
afterAll(() => world?.close())

const look = <A, E>(each: (lookups: Lookups["Service"], index: number) => Effect.Effect<A, E>) =>
  world.run(
    Effect.flatMap(Lookups, (lookups) =>
      Effect.forEach(
        Array.from({ length: RECORDS }, (_, index) => index),
        (index) => each(lookups, index),
        { concurrency: "unbounded" }
      )
    ).pipe(Effect.provide(Lookups.layer))
  )
const timesOf = (operation: string) => asked.filter((each) => each === operation).length
const RECORDS = 50

it("answers each what it asked for, with one statement for all", async () => {
  const document = (kind: string, name: string, spec: object) => ({
    apiVersion: API_VERSION,
    kind,
    metadata: { name },
    spec
  })
  const names = Array.from({ length: RECORDS }, (_, index) => `r${index}`)
  await world.run(
    manifests.apply(
      [
        document("Credential", "cloudflare", { ...aCredential, tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } }),
        document("Domain", "example", aDomain("lookups.test")),
        ...names.map((name) => document("DnsRecord", name, aRecord(name)))
      ],
      { dryRun: false }
    )
  )
  const ids = await world.sql<{ id: number }>(
    "select id from manifests where kind = 'DnsRecord' order by length(name), name"
  )
  await world.sql(
    `insert into kubernetes_objects (kind, namespace, name, uid, generation, resource_version, fingerprint, manifest_id)
     select kind, 'here', name, name || '-uid', 1, '1', '', id from manifests where kind = 'DnsRecord' and name <> 'r7'`
  )
  asked.length = 0
  const views = await look((lookups, index) => lookups.view(ids[index]?.id ?? 0))
  expect(views.map((found) => found?.view.metadata.name)).toEqual(names)
  expect([timesOf("manifests.some"), timesOf("tallies.count")]).toEqual([1, 1])

  const known = await look((lookups, index) =>
    lookups.known({ kind: "DnsRecord", namespace: "here", name: `r${index}` })
  )
  expect(known.map((found) => found?.uid)).toEqual(names.map((name) => (name === "r7" ? undefined : `${name}-uid`)))
  expect(timesOf("kubernetes.find")).toBe(1)
})

it("tells all who asked that the database could not be read", async () => {
  const failed = await look((lookups) => Effect.flip(lookups.view(Number.NaN)))
  expect(new Set(failed.map(({ _tag }) => _tag))).toEqual(new Set(["DatabaseError"]))
})
