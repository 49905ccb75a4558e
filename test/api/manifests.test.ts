/** Documents over HTTP, on a real database: what applying them does. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { aDomain, type Surfaces, start } from "../support/control-plane.ts"
import { aCredential, actions, aDocument, aRecord, aZone, documentsOf, errors } from "../support/documents.ts"

let plane: Surfaces
const { apply, rows, shown } = documentsOf(() => plane)

beforeAll(async () => {
  plane = await start()
})
afterAll(() => plane.close())

const everything = () =>
  plane.sql(`select
    (select json_agg(m order by id) from manifests m) as manifests, (select json_agg(k order by id) from api_keys k) as keys,
    (select json_agg(d order by id) from domains d) as domains, (select json_agg(r order by id) from dns_records r) as records,
    (select json_agg(w order by key) from reconcile_work w) as work`)

describe("apply", () => {
  it("makes the rows of all documents, in whatever order they come", async () => {
    const answer = await apply([
      aRecord("www-a", "alpha", { values: ["192.0.2.2", "192.0.2.1"] }),
      aZone("alpha"),
      aCredential("cloudflare")
    ])
    expect(answer.status).toBe(200)
    expect(answer.body.data).toEqual({
      dryRun: false,
      applied: [
        { kind: "DnsRecord", namespace: "", name: "www-a", action: "created", generation: 1 },
        { kind: "Domain", namespace: "", name: "alpha", action: "created", generation: 1 },
        { kind: "Credential", namespace: "", name: "cloudflare", action: "created", generation: 1 }
      ]
    })
    expect(await rows("www-a")).toMatchObject([
      { value: "192.0.2.2", state: "present", owner_type: "user", owner_id: 0 },
      { value: "192.0.2.1", state: "present", owner_type: "user", owner_id: 0 }
    ])
    const [key] = await plane.sql("select api_token, token_from from api_keys where name = 'cloudflare'")
    expect(key).toEqual({ api_token: "", token_from: "env:CLOUDFLARE_API_TOKEN" })
  })

  it("changes nothing when the same comes again", async () => {
    const documents = [aZone("same"), aRecord("www-same", "same", { comment: "x" })]
    await apply(documents)
    const before = await everything()
    expect(actions(await apply(documents))).toEqual(["unchanged", "unchanged"])
    expect(await everything()).toEqual(before)
  })

  it("changes nothing on a dry run, and tells what it would do", async () => {
    await apply([aZone("dry"), aRecord("www-dry", "dry")])
    const before = await everything()
    const answer = await apply([aRecord("www-dry", "dry", { ttl: 300 }), aZone("drier"), aZone("dry")], "?dryRun=true")
    expect(actions(answer)).toEqual(["configured", "created", "unchanged"])
    expect(answer.body.data["dryRun"]).toBe(true)
    expect(await everything()).toEqual(before)
  })

  it("changes a value in the row that had the old one", async () => {
    await apply([aZone("patch"), aRecord("www-patch", "patch", { values: ["192.0.2.1", "192.0.2.2"] })])
    const before = await rows("www-patch")
    const answer = await apply([aRecord("www-patch", "patch", { values: ["192.0.2.9", "192.0.2.2"] })])
    expect(answer.body.data["applied"]?.["0"]).toMatchObject({ action: "configured", generation: 2 })
    expect(await rows("www-patch")).toMatchObject([
      { id: before[0]?.["id"], value: "192.0.2.9", generation: 2 },
      { id: before[1]?.["id"], value: "192.0.2.2", generation: 1 }
    ])
  })

  it("marks a value that is not wanted any more as absent, and takes it back under its id", async () => {
    const both = aRecord("www-less", "less", { values: ["192.0.2.1", "192.0.2.2"] })
    await apply([aZone("less"), both])
    const before = await rows("www-less")
    await apply([aRecord("www-less", "less", { values: ["192.0.2.2"] })])
    expect(await rows("www-less")).toMatchObject([{ state: "absent" }, { state: "present", generation: 1 }])
    await apply([both])
    expect(await rows("www-less")).toMatchObject([
      { id: before[0]?.["id"], state: "present" },
      { id: before[1]?.["id"], state: "present" }
    ])
  })

  it("marks all rows absent for state: absent, keeps the object, and says when it is done", async () => {
    await apply([aZone("gone"), aRecord("www-gone", "gone")])
    await apply([aRecord("www-gone", "gone", { state: "absent" })])
    expect(await rows("www-gone")).toMatchObject([{ state: "absent" }])
    expect((await shown("DnsRecord", "www-gone"))?.["status"]?.["conditions"]?.["0"]).toMatchObject({
      status: "False",
      reason: "Pending"
    })
    await plane.sql("delete from dns_records where id = $1", [(await rows("www-gone"))[0]?.["id"]])
    expect((await shown("DnsRecord", "www-gone"))?.["status"]?.["conditions"]?.["0"]).toMatchObject({
      status: "True",
      reason: "Absent"
    })
  })

  it("moves a record to another name with new rows beside the old ones", async () => {
    await apply([aZone("rename"), aRecord("www-rename", "rename")])
    await apply([aRecord("www-rename", "rename", { name: "web" })])
    expect(await rows("www-rename")).toMatchObject([
      { name: "www", state: "absent" },
      { name: "web", state: "present" }
    ])
  })

  it("raises no generation for labels alone", async () => {
    await apply([aZone("label")])
    const labelled = aDocument(
      "Domain",
      "label",
      { domain: "label.test", credentialRef: { name: "cloudflare" } },
      { labels: { team: "web" } }
    )
    expect((await apply([labelled])).body.data["applied"]?.["0"]).toMatchObject({ action: "configured", generation: 1 })
    expect((await shown("Domain", "label"))?.["metadata"]).toMatchObject({ labels: { team: "web" } })
  })

  it("tells all mistakes of all documents, and changes nothing", async () => {
    const before = await everything()
    const answer = await apply([
      aZone("fine"),
      aRecord("www-bad", "fine", { values: ["nonsense"], ttl: 5 }),
      aRecord("www-worse", "nowhere", { name: "www" }),
      aRecord("www-long", "fine", { name: "www.fine.test" }),
      aZone("fine"),
      aCredential("secret", { tokenFrom: { secretRef: { name: "s", key: "k" } } }),
      aZone("keyless", { credentialRef: { name: "missing" } }),
      "text"
    ])
    expect(answer.status).toBe(400)
    expect(
      errors(answer)
        .map(({ path }) => path)
        .toSorted()
    ).toEqual([
      "documents[1].spec.ttl",
      "documents[1].spec.values[0]",
      "documents[2].spec.domainRef.name",
      "documents[3].spec.name",
      "documents[4].metadata.name",
      "documents[5].spec.tokenFrom.secretRef",
      "documents[6].spec.credentialRef.name",
      "documents[7]"
    ])
    expect(errors(answer).find(({ path }) => path.endsWith("secretRef"))?.message).toMatch(/^NotAllowed: /u)
    expect(await everything()).toEqual(before)
  })

  it("tells what a document refers to in vain beside its other mistakes, so that one round is enough", async () => {
    await apply([aZone("there")])
    const answer = await apply([
      aRecord("www-vain", "nowhere", { ttl: 5 }),
      aZone("vain", { credentialRef: { name: "missing" }, purpose: "fun" }),
      // Relative to its own zone, which stands in the database, and in a document that has a mistake too.
      aRecord("www-there", "there", { name: "www.there.test", values: [] }),
      aRecord("www-also", "vain", { name: "www.vain.test", ttl: 5 }),
      // Nothing is told twice, and what cannot be read is not looked for.
      aRecord("www-form", "there", { name: "-.there.test", values: [] }),
      aRecord("www-none", "there", { domainRef: { name: "No such\u0000name" } }),
      aRecord("www-given", "vain")
    ])
    expect(answer.status).toBe(400)
    expect(
      errors(answer)
        .map(({ path }) => path)
        .toSorted()
    ).toEqual([
      "documents[0].spec.domainRef.name",
      "documents[0].spec.ttl",
      "documents[1].spec.credentialRef.name",
      "documents[1].spec.purpose",
      "documents[2].spec.name",
      "documents[2].spec.values",
      "documents[3].spec.name",
      "documents[3].spec.ttl",
      "documents[4].spec.name",
      "documents[4].spec.values",
      "documents[5].spec.domainRef.name"
    ])
  })

  it("refuses a zone that somebody else keeps, names the first, and changes nothing", async () => {
    const { domainId } = await aDomain(plane, "taken.test")
    const before = await everything()
    const byHand = await apply([aZone("fresh"), aZone("taken")])
    expect([byHand.status, byHand.body.code]).toEqual([409, 3003])
    expect(byHand.body.message).toContain(`domain ${domainId}`)
    expect(await everything()).toEqual(before)
    await apply([aZone("first")])
    const other = await apply([aZone("second", { domain: "first.test" })])
    expect(other.body.message).toContain("the Domain first")
  })

  it("refuses to make another zone of a Domain", async () => {
    await apply([aZone("fixed")])
    const { body } = await apply([aZone("fixed", { domain: "moved.test" })])
    expect([body.code, body.message]).toEqual([3003, expect.stringContaining("cannot change from fixed.test")])
  })

  it("writes what a Domain says, and takes back what it says no more", async () => {
    await apply([
      aZone("full", {
        maxDeletions: "5",
        batchLimit: 10,
        status: "inactive",
        deletionPolicy: "Retain",
        adoption: "Never",
        purpose: "cdn"
      })
    ])
    const read = () =>
      plane.sql(`select d.status, d.max_deletions, d.deletion_policy, d.adoption, d.purpose, p.batch_limit
        from domains d join domain_dns_providers p on p.domain_id = d.id where d.domain = 'full.test'`)
    expect(await read()).toEqual([
      {
        status: "inactive",
        max_deletions: "5",
        deletion_policy: "Retain",
        adoption: "Never",
        purpose: "cdn",
        batch_limit: 10
      }
    ])
    await apply([aZone("full")])
    expect(await read()).toEqual([
      {
        status: "active",
        max_deletions: null,
        deletion_policy: "Delete",
        adoption: "Matching",
        purpose: "unset",
        batch_limit: null
      }
    ])
  })

  it("keeps rows of a document out of the hands of the other endpoints", async () => {
    await apply([aZone("mine"), aRecord("www-mine", "mine")])
    const [row] = await rows("www-mine")
    const [domain] = await plane.sql(
      "select d.id, p.api_key_id from domains d join domain_dns_providers p on p.domain_id = d.id where domain = 'mine.test'"
    )
    const refused = [
      await plane.post("/api/v1/dns/records/update", { id: row?.["id"], ttl: 300 }),
      await plane.post("/api/v1/dns/records/delete", { ids: [row?.["id"]] }),
      await plane.post("/api/v1/domains/update", { id: domain?.["id"], status: "inactive" }),
      await plane.post("/api/v1/domains/delete", { ids: [domain?.["id"]] }),
      await plane.post("/api/v1/api-keys/update", { id: domain?.["api_key_id"], status: "inactive" }),
      await plane.post("/api/v1/api-keys/delete", { ids: [domain?.["api_key_id"]] })
    ]
    expect(refused.map(({ body }) => body.code)).toEqual([3003, 3003, 3003, 3003, 3003, 3003])
    expect((await plane.post("/api/v1/domains/update", { id: domain?.["id"], rebind: true })).body.code).toBe(0)
  })

  it("applies a thousand documents at once", async () => {
    const documents = Array.from({ length: 999 }, (_, index) => aRecord(`n${index}`, "many", { name: `n${index}` }))
    expect((await apply([aZone("many"), ...documents])).status).toBe(200)
    const [count] = await plane.sql(
      "select count(*) as rows from dns_records r join domains d on d.id = r.domain_id where domain = 'many.test'"
    )
    expect(count?.["rows"]).toBe(999)
  })
})
