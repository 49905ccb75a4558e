/** Objects become rows, rows become records at the provider, and the objects say so. */
import { describe, expect, it, vi } from "vitest"
import { API_VERSION } from "../../../src/model/kinds/metadata.ts"
import { KIND_NAMES } from "../../../src/model/kinds/kinds.ts"
import { FINALIZER, resourceOf } from "../../../src/reconcilers/kubernetes/objects.ts"
import * as manifests from "../../../src/reconcilers/dns/store/manifests.ts"
import {
  aCredential,
  aDomain,
  aRecord,
  BOUND,
  condition,
  isReady,
  ready,
  statusOf
} from "../../support/cluster-objects.ts"
import { stories } from "../../support/cluster-story.ts"

const { begin, cluster, file } = stories(20)
const has = (reason: string) => (object: Parameters<typeof ready>[0]) => ready(object)?.reason === reason
const document = (kind: string, namespace: string, name: string, spec: object) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { namespace, name },
  spec
})

describe("an object", () => {
  it("becomes records at the provider and says so about the generation that was looked at", async () => {
    const { domain, objects, records, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.1", "192.0.2.2"]))
    const object = await objects.until("DnsRecord", "www", isReady)
    expect(records()).toEqual(["www 192.0.2.1", "www 192.0.2.2"])
    expect(object?.metadata.finalizers).toEqual([FINALIZER])
    expect(statusOf(object)).toMatchObject({ observedGeneration: 1, records: { total: 2, active: 2 }, problems: [] })
    expect(condition(object, "Reconciling")).toMatchObject({ status: "False", reason: "Converged" })
    await objects.until("Domain", "example", isReady)
    await objects.until("Credential", "cloudflare", isReady)
  })

  it("is never Ready for a generation that was not looked at", async () => {
    const { domain, objects, token, untilRecords } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    const told: Array<
      readonly [generation: number | undefined, observed: number | undefined, status: string | undefined]
    > = []
    cluster.options = {
      tells: (event) => {
        if (event.type !== "BOOKMARK" && event.object.metadata.name === "www") {
          const found = ready(event.object)
          told.push([statusOf(event.object).observedGeneration, found?.observedGeneration, found?.status])
        }
        return true
      }
    }
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.9"]))
    await objects.until("DnsRecord", "www", isReady)
    cluster.options = {}
    await untilRecords(["www 192.0.2.9"])
    expect(told.every(([generation, observed]) => generation === observed)).toBe(true)
    expect(told.filter(([generation]) => generation === 2).map(([, , status]) => status)).toEqual(["False", "True"])
  })

  it("that was edited at rest is seen, made and Ready within two seconds", async () => {
    const { domain, objects, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    await objects.until("Domain", "example", isReady)
    const began = performance.now()
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.7"]))
    await objects.until("DnsRecord", "www", (object) => isReady(object) && object?.metadata.generation === 2)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it("comes before what it refers to, and proceeds as soon as that is there", async () => {
    const { domain, objects, token } = begin()
    objects.put("DnsRecord", "www", aRecord("www"))
    const waiting = await objects.until("DnsRecord", "www", has("ReferenceMissing"))
    expect(condition(waiting, "Reconciling")?.status).toBe("True")
    objects.put("Domain", "example", aDomain(domain))
    await objects.until("Domain", "example", has("ReferenceMissing"))
    objects.zone(domain, token)
    await objects.until("DnsRecord", "www", isReady)
  })

  it("that asks for absence alone says what its zone waits for, and no longer than that", async () => {
    const { domain, objects, token } = begin()
    objects.put("Credential", "cloudflare", aCredential)
    objects.put("Domain", "example", aDomain(domain))
    objects.put("DnsRecord", "none", aRecord("none", ["192.0.2.1"], { state: "absent" }))
    await objects.until("DnsRecord", "none", has("TokenMissing"))
    objects.secret("cloudflare", token)
    await objects.until("DnsRecord", "none", has("Absent"))
  })

  it("that has no meaning says what would be right, and keeps the rows of its last good state", async () => {
    const { domain, objects, records, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    objects.put("DnsRecord", "www", aRecord("www", ["not-an-address"]))
    const object = await objects.until("DnsRecord", "www", has("Invalid"))
    expect(ready(object)?.message).toMatch(/^spec\.values\[0\]: /u)
    expect(condition(object, "Stalled")).toMatchObject({ status: "True", observedGeneration: 2 })
    expect(records()).toEqual(["www 192.0.2.1"])
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.3"]))
    await objects.until("DnsRecord", "www", isReady)
    expect(records()).toEqual(["www 192.0.2.3"])
  })

  it("that the provider refuses shows at most ten of its problems, with counts of all", async () => {
    const { domain, objects, token } = begin()
    const held = Array.from({ length: 12 }, (_, index) => `192.0.2.${index + 1}`)
    file.world.simulator.engine.control.edit({
      op: "create",
      zone: domain,
      record: { type: "CNAME", name: `www.${domain}`, content: "other.test" }
    })
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www", held))
    const object = await objects.until("DnsRecord", "www", has("HeldBySomeoneElse"))
    expect(statusOf(object).records).toMatchObject({ total: 12, error: 12 })
    expect(statusOf(object).problems).toHaveLength(10)
  })
})

describe("several objects", () => {
  it("that want one record with the same settings share it, and it goes with the last of them", async () => {
    const { domain, objects, records, token, untilRecords } = begin()
    objects.zone(domain, token)
    for (const name of ["one", "two"]) objects.put("DnsRecord", name, aRecord("www"))
    await objects.until("DnsRecord", "one", isReady)
    await objects.until("DnsRecord", "two", isReady)
    expect(records()).toEqual(["www 192.0.2.1"])
    objects.remove("DnsRecord", "one")
    await objects.until("DnsRecord", "one", (object) => object === undefined)
    expect(records()).toEqual(["www 192.0.2.1"])
    objects.remove("DnsRecord", "two")
    await untilRecords([])
  })

  it("that want it with other settings show Conflict on the later one, and the first goes on", async () => {
    const { domain, objects, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "one", aRecord("www"))
    await objects.until("DnsRecord", "one", isReady)
    objects.put("DnsRecord", "two", aRecord("www", ["192.0.2.1"], { ttl: 600 }))
    const second = await objects.until("DnsRecord", "two", has("Conflict"))
    expect(ready(second)?.message).toContain("/one")
    expect(isReady(objects.get("DnsRecord", "one"))).toBe(true)
    objects.remove("DnsRecord", "one")
    await objects.until("DnsRecord", "two", isReady)
  })

  it("of kind Domain for one zone show Conflict on the later one, which gets the zone when the first is gone", async () => {
    const { domain, namespace, objects, token } = begin()
    objects.zone(domain, token)
    await objects.until("Domain", "example", isReady)
    objects.put("Domain", "second", aDomain(domain))
    const second = await objects.until("Domain", "second", has("Conflict"))
    expect(ready(second)?.message).toContain(`${namespace}/example`)
    expect(isReady(objects.get("Domain", "example"))).toBe(true)
    objects.remove("Domain", "example")
    await objects.until("Domain", "second", isReady)
  })
})

describe("what was made over HTTP", () => {
  it("is not taken by an object of the same zone, until it is handed over on purpose", async () => {
    const { domain, objects, records, token } = begin()
    const { sql } = file.world
    const [key] = await sql<{ id: number }>("insert into api_keys (name, api_token) values ('http', $1) returning id", [
      token
    ])
    const [zone] = await sql<{ id: number }>("insert into domains (domain) values ($1) returning id", [domain])
    await sql("insert into domain_dns_providers (domain_id, api_key_id) values ($1, $2)", [zone?.id, key?.id])
    await sql("insert into dns_records (domain_id, type, name, value) values ($1, 'A', 'www', '192.0.2.1')", [zone?.id])
    await vi.waitFor(() => expect(records()).toEqual(["www 192.0.2.1"]), BOUND)
    objects.zone(domain, token)
    const refused = await objects.until("Domain", "example", has("Conflict"))
    expect(ready(refused)?.message).toContain("made over the API")
    objects.annotate("Domain", "example", { "driftless.dev/adopt": "true" })
    await objects.until("Domain", "example", isReady)
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.2"]), { annotations: { "driftless.dev/adopt": "true" } })
    await objects.until("DnsRecord", "www", isReady)
    expect(records()).toEqual(["www 192.0.2.2"])
    const rows = await sql("select r.id from dns_records r join domains d on d.id = r.domain_id where d.domain = $1", [
      domain
    ])
    expect(rows).toHaveLength(1)
  })

  it("and once more by a document is handed over with it: the object alone keeps the record", async () => {
    const { domain, namespace, objects, records, token } = begin()
    const { sql } = file.world
    objects.zone(domain, token)
    await objects.until("Domain", "example", isReady)
    await sql(
      "insert into dns_records (domain_id, type, name, value) select id, 'A', 'www', '192.0.2.1' from domains where domain = $1",
      [domain]
    )
    const others = [
      document("DnsRecord", namespace, "web", aRecord("www")),
      document("DnsRecord", namespace, "more", aRecord("www", ["192.0.2.1", "192.0.2.2"]))
    ]
    await file.world.run(manifests.apply(others, { dryRun: false }))
    await vi.waitFor(() => expect(records()).toEqual(["www 192.0.2.1", "www 192.0.2.2"]), BOUND)
    objects.put("DnsRecord", "www", aRecord("www"), { annotations: { "driftless.dev/adopt": "true" } })
    await objects.until("DnsRecord", "www", isReady)
    const left = () =>
      sql(
        "select m.name, r.value from dns_records r join domains d on d.id = r.domain_id left join manifests m on m.id = r.manifest_id where d.domain = $1",
        [domain]
      )
    await vi.waitFor(async () => expect(await left()).toEqual([{ name: "www", value: "192.0.2.1" }]), BOUND)
    const documents = () => sql("select name from manifests where namespace = $1 and kind = 'DnsRecord'", [namespace])
    await vi.waitFor(async () => expect(await documents()).toEqual([{ name: "www" }]), BOUND)
    expect(records()).toEqual(["www 192.0.2.1"])
    objects.remove("DnsRecord", "www")
    await objects.until("DnsRecord", "www", (object) => object === undefined)
    expect(records()).toEqual([])
  })

  it("as a document under the same name is kept apart, and the object's rows are not changed over HTTP", async () => {
    const { domain, namespace, objects, token } = begin()
    objects.zone(domain, token)
    await objects.until("Domain", "example", isReady)
    const spec = aDomain(domain, { purpose: "cdn" })
    const answer = file.world.run(manifests.apply([document("Domain", namespace, "example", spec)], { dryRun: false }))
    await expect(answer).rejects.toThrow("kept by its object in the cluster")
    await expect(file.world.run(manifests.remove("Domain", namespace, "example"))).rejects.toThrow("kept by its object")
  })
})

describe("Events", () => {
  it("tell what became of an object, and count what is told again", async () => {
    const { domain, objects, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.2"]))
    await objects.until("DnsRecord", "www", (object) => isReady(object) && object?.metadata.generation === 2)
    await vi.waitFor(() => {
      const own = objects.events().filter((event) => event.metadata.name.startsWith("www."))
      expect(own.filter((event) => JSON.stringify(event).includes("Converged"))).toMatchObject([
        { type: "Normal", reason: "Converged", series: { count: 2 } }
      ])
    }, BOUND)
  })
})

describe("a cluster at rest", () => {
  it("is not written to", async () => {
    const { domain, objects, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    await objects.until("Domain", "example", isReady)
    const idle = async () => {
      const [{ left } = { left: -1 }] = await file.world.sql<{ left: number }>(
        "select count(*)::int as left from reconcile_work where reconciler = 'kubernetes' and (owner is not null or due_at <= now())"
      )
      expect(left).toBe(0)
    }
    await vi.waitFor(idle, BOUND)
    const versions = () =>
      KIND_NAMES.flatMap((kind) =>
        cluster.all({ resource: resourceOf(kind) }).map(({ metadata }) => metadata.resourceVersion)
      )
    const before = versions()
    // Every object is looked at again, and each says what it said.
    await file.world.sql("update reconcile_work set due_at = now() where reconciler = 'kubernetes'")
    await vi.waitFor(idle, BOUND)
    expect(versions()).toEqual(before)
  })
})
