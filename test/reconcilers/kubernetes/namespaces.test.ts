/** Of several namespaces one is not there, or may not be read: the others do not wait for it, and it may come back. */
import { Context, Duration, Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, it, vi } from "vitest"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { failure, Forbidden, Kubernetes } from "../../../src/providers/kubernetes.ts"
import { placeOf } from "../../../src/reconcilers/kubernetes/objects.ts"
import { aRecord, BOUND, isReady, objectsOf, ready } from "../../support/cluster-objects.ts"
import { type IntakeWorld, OTHER_TOKEN, startIntakeWorld, TOKEN } from "../../support/intake-world.ts"

const HERE = "here.test"
const AWAY = "away.test"
const cluster = new MemoryCluster()
const here = objectsOf(cluster, "here")
const away = objectsOf(cluster, "away")
let world: IntakeWorld
let stop: () => Promise<void>
let hidden = false

/** A server that does not serve a kind any more says of each object that it is not there. */
const forgetful = Layer.effect(
  Kubernetes,
  Effect.gen(function* () {
    const kubernetes = Context.get(yield* Layer.build(cluster.layer), Kubernetes)
    return Kubernetes.of({
      ...kubernetes,
      get: (place) => (hidden && place.namespace === "away" ? Effect.succeed(null) : kubernetes.get(place))
    })
  })
)

/** As after `kubectl delete namespace away`: the Role that was in it is gone with it. */
const isAway = (isIt: boolean) => {
  hidden = isIt
  const refusal = failure(new Forbidden({ message: "cannot list resource in the namespace away" }))
  cluster.options = {
    before: (_verb, _resource, _name, namespace) => (isIt && namespace === "away" ? Effect.fail(refusal) : Effect.void)
  }
  if (isIt) cluster.breakWatches()
}
const start = async () => {
  const tuning = { leastWait: Duration.millis(20), mostWait: Duration.millis(200) }
  stop = await world.intake({ watchNamespaces: ["here", "away"], tuning })
}
const names = (zone: string) =>
  world.simulator.engine.control
    .records(zone)
    .filter(({ type }) => type === "A")
    .map(({ content, name }) => `${name.split(".")[0]} ${content}`)
    .toSorted()
const untilNames = (zone: string, expected: ReadonlyArray<string>) =>
  vi.waitFor(() => expect(names(zone)).toEqual(expected), BOUND)
const warnings = () => world.logs.filter((line) => line.includes("of the namespace away cannot be read"))

beforeAll(async () => {
  world = await startIntakeWorld({ cluster: forgetful, zones: [HERE, AWAY] })
  isAway(true)
  await start()
})
afterAll(() => world?.close())

it("does not keep the intake of the others from its start, and is told once of each kind", async () => {
  here.zone(HERE, TOKEN)
  here.put("DnsRecord", "www", aRecord("www"))
  await here.until("DnsRecord", "www", isReady)
  here.put("DnsRecord", "www", aRecord("www", ["192.0.2.2"]))
  await untilNames(HERE, ["www 192.0.2.2"])
  expect(warnings().map((line) => /"(\w+) of the namespace/u.exec(line)?.[1])).toEqual(
    expect.arrayContaining(["credentials", "domains", "dnsrecords"])
  )
  expect(warnings()).toHaveLength(3)
})

it("is taken in when it is made", async () => {
  away.zone(AWAY, OTHER_TOKEN)
  away.put("DnsRecord", "www", aRecord("www"))
  away.put("DnsRecord", "api", aRecord("api"))
  isAway(false)
  await away.until("DnsRecord", "www", isReady)
  await away.until("DnsRecord", "api", isReady)
})

it("loses nothing when it goes while we run, and when we are started again without it", async () => {
  isAway(true)
  here.put("DnsRecord", "www", aRecord("www", ["192.0.2.3"]))
  await untilNames(HERE, ["www 192.0.2.3"])
  await stop()
  await start()
  here.put("DnsRecord", "www", aRecord("www", ["192.0.2.4"]))
  await untilNames(HERE, ["www 192.0.2.4"])
  await here.until("DnsRecord", "www", isReady)
  // What is due there is looked at, and nothing is concluded from an empty cache.
  await world.sql("update reconcile_work set due_at = now() where key like 'DnsRecord/away/%'")
  here.put("DnsRecord", "www", aRecord("www", ["192.0.2.5"]))
  await untilNames(HERE, ["www 192.0.2.5"])
  expect(names(AWAY)).toEqual(["api 192.0.2.1", "www 192.0.2.1"])
})

it("is compared with what was known when it is made again", async () => {
  const api = placeOf({ kind: "DnsRecord", namespace: "away", name: "api" })
  cluster.patch(api, { how: "merge", body: { metadata: { finalizers: null } } })
  cluster.delete(api)
  away.put("DnsRecord", "www", aRecord("www", ["192.0.2.9"]))
  isAway(false)
  await untilNames(AWAY, ["www 192.0.2.9"])
  await away.until("DnsRecord", "www", (object) => ready(object)?.status === "True" && isReady(object))
})
