/** Deletion cleans up outside first, in whatever order things vanish, and hangs on nothing for ever. */
import { Effect } from "effect"
import { describe, expect, it, vi } from "vitest"
import { FINALIZER, placeOf } from "../../../src/reconcilers/kubernetes/objects.ts"
import { aDomain, aRecord, BOUND, condition, isReady, ready } from "../../support/cluster-objects.ts"
import { type Story, stories } from "../../support/cluster-story.ts"

const { begin, cluster, file } = stories(30)
const KINDS = ["DnsRecord", "Domain", "Credential"] as const

const settled = async (spec: object = {}): Promise<Story> => {
  const story = begin()
  const { domain, objects, token } = story
  objects.zone(domain, token)
  objects.put("Domain", "example", aDomain(domain, spec))
  objects.put("DnsRecord", "www", aRecord("www"))
  await objects.until("DnsRecord", "www", isReady)
  await objects.until("Domain", "example", isReady)
  return story
}
const gone = (object: unknown) => object === undefined
const rowsOf = ({ namespace }: Pick<Story, "namespace">) =>
  file.world.sql(
    `select kind from kubernetes_objects where namespace = $1
      union all select kind from manifests where namespace = $1
      union all select key from reconcile_work where reconciler = 'kubernetes' and key like '%/' || $1 || '/%' and observed < generation`,
    [namespace]
  )
const names = { DnsRecord: "www", Domain: "example", Credential: "cloudflare" } as const

describe("an object that is deleted", () => {
  it("stays until the provider has confirmed that its record is gone", async () => {
    const { domain, objects, records } = await settled()
    const { control } = file.world.simulator.engine
    control.addFault({ match: { kind: "write", path: "" }, times: "always", effect: { do: "answer", status: 503 } })
    objects.remove("DnsRecord", "www")
    const object = await objects.until("DnsRecord", "www", (each) => ready(each)?.reason === "Deleting")
    expect(condition(object, "Reconciling")?.status).toBe("True")
    expect(object?.metadata.deletionTimestamp).toBeDefined()
    expect(records()).toEqual(["www 192.0.2.1"])
    control.clearFaults()
    await file.world.sql("update reconcile_work set due_at = now() where reconciler = 'dns' and owner is null")
    await objects.until("DnsRecord", "www", gone)
    expect(control.records(domain).filter(({ type }) => type === "A")).toEqual([])
  })

  it("leaves the record where the Domain retains, without our mark", async () => {
    const { domain, objects, records } = await settled({ deletionPolicy: "Retain" })
    objects.remove("DnsRecord", "www")
    await objects.until("DnsRecord", "www", gone)
    expect(records()).toEqual(["www 192.0.2.1"])
    const [record] = file.world.simulator.engine.control.records(domain).filter(({ type }) => type === "A")
    expect(record?.comment ?? "").not.toContain("driftless")
  })

  it("is cleaned up also when somebody took our finalizer off", async () => {
    const story = await settled()
    const { namespace, objects, untilRecords } = story
    const place = placeOf({ kind: "DnsRecord", namespace, name: "www" })
    cluster.patch(place, { how: "merge", body: { metadata: { finalizers: null } } })
    objects.remove("DnsRecord", "www")
    await untilRecords([])
    await vi.waitFor(async () => {
      const known = await file.world.sql(
        "select name from kubernetes_objects where namespace = $1 and kind = 'DnsRecord'",
        [namespace]
      )
      expect(known).toEqual([])
    }, BOUND)
  })

  it("and made anew under its name keeps its record, changed in place", async () => {
    const { domain, namespace, objects, records, untilRecords } = await settled()
    const place = placeOf({ kind: "DnsRecord", namespace, name: "www" })
    const [before] = file.world.simulator.engine.control.records(domain).filter(({ type }) => type === "A")
    // In one moment, as in a gap of the watch: nobody sees the old one go.
    cluster.patch(place, { how: "merge", body: { metadata: { finalizers: null } } })
    objects.remove("DnsRecord", "www")
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.8"]))
    await objects.until("DnsRecord", "www", isReady)
    await untilRecords(["www 192.0.2.8"])
    const [after] = file.world.simulator.engine.control.records(domain).filter(({ type }) => type === "A")
    expect(after?.id).toBe(before?.id)
    expect(records()).toHaveLength(1)
  })

  it("and let go by another replica is not taken up again by one that did not hear of it", async () => {
    const { domain, namespace, objects } = begin()
    const place = placeOf({ kind: "Domain", namespace, name: "ghost" })
    const asked: Array<string> = []
    cluster.options = {
      before: (verb, resource, name, where) =>
        Effect.sync(() => void (where === namespace && name === "ghost" && asked.push(`${verb} ${resource.plural}`))),
      tells: (event) => event.type === "ADDED" || event.type === "BOOKMARK"
    }
    objects.put("Domain", "ghost", aDomain(domain), { finalizers: [FINALIZER] })
    cluster.patch(place, { how: "merge", body: { metadata: { finalizers: null } } })
    objects.remove("Domain", "ghost")
    await vi.waitFor(() => expect(asked).toContain("get domains"), BOUND)
    cluster.options = {}
    // Taken, it would have been told of before.
    expect(asked[0]).toBe("get domains")
    await vi.waitFor(async () => expect(await rowsOf({ namespace })).toEqual([]), BOUND)
  })

  it("as a Domain, made anew for another zone, gives the first zone up before it takes the second", async () => {
    const { namespace, objects, untilRecords } = await settled()
    const other = begin()
    const place = placeOf({ kind: "Domain", namespace, name: "example" })
    file.world.simulator.engine.control.setToken(other.token, { active: true })
    objects.remove("DnsRecord", "www")
    cluster.patch(place, { how: "merge", body: { metadata: { finalizers: null } } })
    objects.remove("Domain", "example")
    objects.put("Domain", "example", aDomain(other.domain))
    await untilRecords([])
    await objects.until("Domain", "example", isReady)
    const rows = await file.world.sql("select domain from domains where domain = $1", [other.domain])
    expect(rows).toHaveLength(1)
  })

  it("as a Domain, made anew for another zone and refused for something else at first, gives the first zone up, too", async () => {
    const { domain, namespace, objects, token, untilRecords } = await settled()
    const other = begin()
    const { control } = file.world.simulator.engine
    control.setToken(other.token, { active: true })
    objects.remove("DnsRecord", "www")
    await objects.until("DnsRecord", "www", gone)
    const place = placeOf({ kind: "Domain", namespace, name: "example" })
    cluster.patch(place, { how: "merge", body: { metadata: { finalizers: null } } })
    objects.remove("Domain", "example")
    objects.put("Domain", "example", aDomain(other.domain, { credentialRef: { name: "second" } }))
    await objects.until("Domain", "example", (each) => ready(each)?.reason === "ReferenceMissing")
    expect(await file.world.sql("select id from domains where domain = $1", [domain])).toHaveLength(1)
    objects.secret("second", token)
    const tokenFrom = { secretRef: { name: "second", key: "token" } }
    objects.put("Credential", "second", { provider: "cloudflare", tokenFrom })
    await objects.until("Domain", "example", isReady)
    await untilRecords([])
    const rows = await file.world.sql("select domain from domains where domain = any($1)", [[domain, other.domain]])
    expect(rows).toEqual([{ domain: other.domain }])
  })
})

describe("a Domain that is deleted while an object that asks for absence refers to it", () => {
  const waiting = async () => {
    const story = await settled()
    const { namespace, objects } = story
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.1"], { state: "absent" }))
    await objects.until("DnsRecord", "www", (each) => ready(each)?.reason === "Absent")
    await vi.waitFor(async () => {
      const rows = await file.world.sql(
        "select r.id from dns_records r join manifests m on m.id = r.manifest_id where m.namespace = $1",
        [namespace]
      )
      expect(rows).toEqual([])
    }, BOUND)
    objects.remove("Domain", "example")
    const kept = await objects.until("Domain", "example", (each) => ready(each)?.reason === "Deleting")
    expect(ready(kept)?.message).toBe("waits for what refers to it")
    return story
  }

  it("waits for it, and goes with it", async () => {
    const story = await waiting()
    const { domain, objects } = story
    objects.remove("DnsRecord", "www")
    for (const kind of ["DnsRecord", "Domain"] as const) await objects.until(kind, names[kind], gone)
    expect(await file.world.sql("select id from domains where domain = $1", [domain])).toEqual([])
    objects.put("Domain", "example", aDomain(domain))
    await objects.until("Domain", "example", isReady)
  })

  it("goes when that one refers to another Domain from then on", async () => {
    const { domain, objects } = await waiting()
    const other = begin()
    objects.put("Domain", "other", aDomain(other.domain))
    file.world.simulator.engine.control.setToken(other.token, { active: true })
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.1"], { state: "absent", domainRef: { name: "other" } }))
    await objects.until("Domain", "example", gone)
    expect(await file.world.sql("select id from domains where domain = $1", [domain])).toEqual([])
  })
})

it("a Credential that is deleted goes when its last Domain uses another one from then on", async () => {
  const { objects, token } = await settled()
  objects.secret("second", token)
  const tokenFrom = { secretRef: { name: "second", key: "token" } }
  objects.put("Credential", "second", { provider: "cloudflare", tokenFrom })
  await objects.until("Credential", "second", isReady)
  objects.remove("Credential", "cloudflare")
  await objects.until("Credential", "cloudflare", (each) => ready(each)?.reason === "Deleting")
  objects.put("Domain", "example", { credentialRef: { name: "second" } })
  await objects.until("Credential", "cloudflare", gone)
  await objects.until("Domain", "example", isReady)
})

describe("a namespace that is deleted with all in it", () => {
  it.each([
    [["DnsRecord", "Domain", "Credential"]],
    [["Credential", "Domain", "DnsRecord"]],
    [["Domain", "Credential", "DnsRecord"]]
  ] as const)("comes to its end in the order %s, its Secret gone first", async (order) => {
    const story = await settled()
    const { objects, records } = story
    objects.removeSecret("cloudflare")
    for (const kind of order) objects.remove(kind, names[kind])
    for (const kind of KINDS) await objects.until(kind, names[kind], gone)
    expect(records()).toEqual([])
    await vi.waitFor(async () => expect(await rowsOf(story)).toEqual([]), BOUND)
    const left = await file.world.sql("select id from domains where domain = $1", [story.domain])
    expect(left).toEqual([])
  })

  it("does not hang on a token that was revoked: after ten minutes it names the way out, which leaves the outside", async () => {
    const story = await settled()
    const { namespace, objects, records, token } = story
    file.world.simulator.engine.control.setToken(token, { active: false })
    // They were deleted eleven minutes ago.
    cluster.options = { now: () => new Date(Date.now() - 11 * 60_000).toISOString() }
    for (const kind of KINDS) objects.remove(kind, names[kind])
    cluster.options = {}
    const stalled = await objects.until("Domain", "example", (each) => condition(each, "Stalled")?.status === "True")
    expect(ready(stalled)?.message).toContain(
      `kubectl annotate domain -n ${namespace} example driftless.dev/abandon=true`
    )
    await objects.until("DnsRecord", "www", (each) => ready(each)?.reason === "CredentialRejected")
    objects.annotate("Domain", "example", { "driftless.dev/abandon": "true" })
    for (const kind of KINDS) await objects.until(kind, names[kind], gone)
    expect(records()).toEqual(["www 192.0.2.1"])
    await vi.waitFor(async () => expect(await rowsOf(story)).toEqual([]), BOUND)
  })
})

describe("an annotation to abandon", () => {
  it("does nothing to an object that is not being deleted", async () => {
    const { objects, records } = await settled()
    objects.annotate("DnsRecord", "www", { "driftless.dev/abandon": "true" })
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.4"]))
    await objects.until("DnsRecord", "www", (object) => isReady(object) && object?.metadata.generation === 2)
    expect(records()).toEqual(["www 192.0.2.4"])
  })

  /** Lets these go while nothing can be done outside, and repairs the token afterwards. */
  const abandoned = async ({ objects, token }: Story, ...kinds: ReadonlyArray<(typeof KINDS)[number]>) => {
    const { control } = file.world.simulator.engine
    control.setToken(token, { active: false })
    for (const kind of kinds) objects.remove(kind, names[kind])
    for (const kind of kinds) {
      await objects.until(kind, names[kind], (each) => ready(each)?.reason === "Deleting" || each === undefined)
      if (objects.get(kind, names[kind]) !== undefined)
        objects.annotate(kind, names[kind], { "driftless.dev/abandon": "true" })
    }
    for (const kind of kinds) await objects.until(kind, names[kind], gone)
    control.setToken(token, { active: true })
  }

  it("leaves the record outside for good, also when its zone can be reached again", async () => {
    const story = await settled()
    const { objects, records } = story
    await abandoned(story, "DnsRecord")
    objects.put("DnsRecord", "other", aRecord("other", ["192.0.2.7"]))
    await objects.until("DnsRecord", "other", isReady)
    expect(records()).toEqual(["other 192.0.2.7", "www 192.0.2.1"])
    // It is a stranger's now: taken over when it is asked for again, and from then on it goes with its object.
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    objects.remove("DnsRecord", "www")
    await objects.until("DnsRecord", "www", gone)
    expect(records()).toEqual(["other 192.0.2.7"])
  })

  it("leaves the records of a Domain for good, also when the zone comes back under another one", async () => {
    const story = await settled()
    const { domain, objects, records, untilRecords } = story
    objects.put("DnsRecord", "shared", aRecord("www"))
    await objects.until("DnsRecord", "shared", isReady)
    objects.remove("DnsRecord", "shared")
    await abandoned(story, "DnsRecord", "Domain")
    await objects.until("DnsRecord", "shared", gone)
    objects.put("Domain", "again", aDomain(domain))
    objects.put("DnsRecord", "other", aRecord("other", ["192.0.2.7"], { domainRef: { name: "again" } }))
    await objects.until("DnsRecord", "other", isReady)
    await objects.until("Domain", "again", isReady)
    expect(records()).toEqual(["other 192.0.2.7", "www 192.0.2.1"])
    objects.remove("DnsRecord", "other")
    await untilRecords(["www 192.0.2.1"])
  })

  it("keeps a record that another object wants as well, and deletes it with that one", async () => {
    const story = await settled()
    const { objects, records } = story
    objects.put("DnsRecord", "shared", aRecord("www"))
    await objects.until("DnsRecord", "shared", isReady)
    await abandoned(story, "DnsRecord")
    expect(records()).toEqual(["www 192.0.2.1"])
    objects.remove("DnsRecord", "shared")
    await objects.until("DnsRecord", "shared", gone)
    expect(records()).toEqual([])
  })
})
