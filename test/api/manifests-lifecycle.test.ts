/** Documents over HTTP, on a real database: how they are shown, and how they go. */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { finishDeletions } from "../../src/reconcilers/dns/store/manifest-deletions.ts"
import { type Surfaces, start } from "../support/control-plane.ts"
import { aCredential, actions, aRecord, aZone, documentsOf, errors, headers, MANIFESTS } from "../support/documents.ts"

let plane: Surfaces
const { apply, remove, rows, shown } = documentsOf(() => plane)

beforeAll(async () => {
  plane = await start()
  await apply([aCredential("cloudflare")])
})
afterAll(() => plane.close())

describe("get", () => {
  it("filters and pages", async () => {
    await apply([aZone("listed"), aRecord("www-listed", "listed")])
    const one = (await plane.get(`${MANIFESTS}?kind=DnsRecord&name=www-listed`)).body.data
    expect(one).toMatchObject({
      total: 1,
      page: 1,
      pageSize: 20,
      list: [{ kind: "DnsRecord", metadata: { name: "www-listed" } }]
    })
    expect((await plane.get(`${MANIFESTS}?kind=Domain&pageSize=1`)).body.data["list"]).toHaveLength(1)
    expect((await plane.get(`${MANIFESTS}?name=nobody`)).body.data).toMatchObject({ total: 0, list: [] })
    expect((await plane.get(`${MANIFESTS}?kind=Pod`)).body.code).toBe(2003)
  })

  it("shows a record's rows and problems", async () => {
    await apply([aZone("state"), aRecord("www-state", "state", { values: ["192.0.2.1", "192.0.2.2"] })])
    const [first, second] = await rows("www-state")
    await plane.sql("update dns_records set observed_generation = generation where id = $1", [first?.["id"]])
    await plane.sql(
      `update dns_records set rejected_generation = generation, retry_count = 1, next_retry_at = '2100-01-01',
        error_reason = 'Conflict', last_error = 'record 1 has it' where id = $1`,
      [second?.["id"]]
    )
    expect((await shown("DnsRecord", "www-state"))?.["status"]).toMatchObject({
      observedGeneration: 1,
      records: { total: 2, active: 1, error: 1, stopped: 0 },
      problems: [{ id: second?.["id"], reason: "Conflict", message: "record 1 has it", retryStopped: false }],
      conditions: [
        { type: "Ready", status: "False", reason: "Conflict" },
        { type: "Reconciling", status: "True" },
        { type: "Stalled", status: "False" }
      ]
    })
    await plane.sql(
      "update dns_records set observed_generation = generation, rejected_generation = null where id = $1",
      [second?.["id"]]
    )
    expect((await shown("DnsRecord", "www-state"))?.["status"]?.["conditions"]?.["0"]).toMatchObject({
      status: "True",
      reason: "Converged"
    })
  })

  it("shows whether a Credential's token can be had, and never the token", async () => {
    await apply([
      aCredential("good"),
      aCredential("bad", { tokenFrom: { env: "HOME" } }),
      aCredential("off", { status: "inactive" })
    ])
    const conditions = async (name: string) => (await shown("Credential", name))?.["status"]?.["conditions"]?.["0"]
    expect(await conditions("good")).toMatchObject({ status: "True", reason: "Usable" })
    expect(await conditions("bad")).toMatchObject({ status: "False", reason: "NotAllowed" })
    expect(await conditions("off")).toMatchObject({ status: "False", reason: "CredentialInactive" })
    await plane.sql("delete from api_keys where name = 'bad'")
    expect(await conditions("bad")).toMatchObject({ status: "False", reason: "TokenMissing" })
    expect((await plane.get(`${MANIFESTS}?kind=Credential`)).text).not.toContain("token-from-the-environment")
  })

  it("gives documents that apply unchanged", async () => {
    await apply([aZone("again"), aRecord("www-again", "again")])
    const documents = [await shown("DnsRecord", "www-again"), await shown("Domain", "again")]
    expect(actions(await apply(documents))).toEqual(["unchanged", "unchanged"])
  })
})

describe("delete", () => {
  it("waits for the rows, then the records, the domain and the credential go one after another", async () => {
    await apply([
      aCredential("going"),
      aZone("going", { credentialRef: { name: "going" } }),
      aRecord("www-going", "going")
    ])
    expect((await remove("Credential", "going")).body.data).toEqual({ gone: false })
    expect((await remove("Domain", "going")).body.data).toEqual({ gone: false })
    expect((await remove("DnsRecord", "www-going")).body.data).toEqual({ gone: false })
    expect(await rows("www-going")).toMatchObject([{ state: "absent" }])
    const object = await shown("Domain", "going")
    expect(object?.["metadata"]).toHaveProperty("deletionTimestamp")
    expect(object?.["status"]?.["conditions"]?.["0"]).toMatchObject({ status: "False", reason: "Deleting" })

    await plane.run(finishDeletions())
    expect(await shown("DnsRecord", "www-going")).toBeDefined()

    await plane.sql("delete from dns_records where id = $1", [(await rows("www-going"))[0]?.["id"]])
    await plane.run(finishDeletions())
    for (const [kind, name] of [
      ["DnsRecord", "www-going"],
      ["Domain", "going"],
      ["Credential", "going"]
    ] as const) {
      expect(await shown(kind, name)).toBeUndefined()
    }
    expect(await plane.sql("select 1 from domains where domain = 'going.test'")).toEqual([])
    expect(await plane.sql("select 1 from api_keys where name = 'going'")).toEqual([])
  })

  it("of a Domain waits for a DnsRecord that asks for absence, though that has no rows any more", async () => {
    await apply([aZone("left"), aRecord("www-left", "left"), aRecord("www-other", "left", { name: "other" })])
    await apply([aRecord("www-left", "left", { state: "absent" })])
    await plane.sql("delete from dns_records where id = $1", [(await rows("www-left"))[0]?.["id"]])
    expect((await remove("DnsRecord", "www-other")).body.data).toEqual({ gone: false })
    await plane.sql("delete from dns_records where id = $1", [(await rows("www-other"))[0]?.["id"]])

    expect((await remove("Domain", "left")).body.data).toEqual({ gone: false })
    expect((await shown("Domain", "left"))?.["status"]?.["conditions"]?.["0"]).toMatchObject({
      reason: "Deleting",
      message: "waits for what refers to it"
    })
    expect(await plane.sql("select 1 from domains where domain = 'left.test'")).toHaveLength(1)

    expect((await remove("DnsRecord", "www-left")).body.data).toEqual({ gone: true })
    expect(await shown("Domain", "left")).toBeUndefined()
    expect(await plane.sql("select 1 from domains where domain = 'left.test'")).toEqual([])
  })

  describe("of a Credential goes with its last user, whoever that was:", () => {
    const byHand = async (name: string) => {
      const [key] = await plane.sql("select id from api_keys where name = $1", [name])
      const { body } = await plane.send("POST", "/api/v1/domains/create", {
        headers,
        body: JSON.stringify({ domain: `${name}-by-hand.test`, apiKeyId: key?.["id"] })
      })
      return Number(body.data["id"])
    }
    const post = (path: string, body: object) =>
      plane.send("POST", `/api/v1/domains/${path}`, { headers, body: JSON.stringify(body) })

    it.each([
      [
        "a domain that was given another",
        "moved",
        async (id: number) => {
          const [key] = await plane.sql("select id from api_keys where name = 'cloudflare'")
          return post("update", { id, apiKeyId: key?.["id"] })
        }
      ],
      ["a domain that was deleted", "removed", async (id: number) => post("delete", { ids: [id] })]
    ])("%s", async (_how, name, leave) => {
      await apply([aCredential(name)])
      const id = await byHand(name)
      expect((await remove("Credential", name)).body.data).toEqual({ gone: false })
      expect((await leave(id)).body.code).toBe(0)
      expect(await shown("Credential", name)).toBeUndefined()
    })

    it("a Domain that names another", async () => {
      await apply([aCredential("named"), aZone("naming", { credentialRef: { name: "named" } })])
      expect((await remove("Credential", "named")).body.data).toEqual({ gone: false })
      expect(actions(await apply([aZone("naming")]))).toEqual(["configured"])
      expect(await shown("Credential", "named")).toBeUndefined()
    })
  })

  it("of a Domain does not wait for what names another, in a namespace of its own", async () => {
    const elsewhere = (document: { metadata: object }) => ({
      ...document,
      metadata: { ...document.metadata, namespace: "elsewhere" }
    })
    await apply([
      aZone("twin"),
      elsewhere(aCredential("cloudflare")),
      elsewhere(aZone("twin", { domain: "twin-elsewhere.test" })),
      elsewhere(aRecord("www-twin", "twin"))
    ])
    expect((await remove("Domain", "twin")).body.data).toEqual({ gone: true })
  })

  it("goes at once where nothing is left to wait for", async () => {
    await apply([aZone("brief")])
    expect((await remove("Domain", "brief")).body.data).toEqual({ gone: true })
    expect((await remove("Domain", "brief")).body.code).toBe(3001)
  })

  it("leaves everybody else's objects alone", async () => {
    await apply([aZone("stays"), aRecord("www-stays", "stays"), aZone("leaves")])
    await remove("Domain", "leaves")
    expect(await rows("www-stays")).toMatchObject([{ state: "present" }])
    expect(await shown("Domain", "stays")).toBeDefined()
  })

  it("is taken back by applying the object again", async () => {
    const documents = [aZone("undo"), aRecord("www-undo", "undo")]
    await apply(documents)
    await remove("DnsRecord", "www-undo")
    expect(actions(await apply(documents))).toEqual(["unchanged", "configured"])
    expect(await rows("www-undo")).toMatchObject([{ state: "present" }])
    expect((await shown("DnsRecord", "www-undo"))?.["metadata"]).not.toHaveProperty("deletionTimestamp")
  })

  it("refuses a reference to what is being deleted", async () => {
    await apply([aZone("closing"), aRecord("www-closing", "closing")])
    await remove("Domain", "closing")
    const answer = await apply([aRecord("new-closing", "closing", { name: "new" })])
    expect(errors(answer)).toEqual([
      { path: "documents[0].spec.domainRef.name", message: "names the Domain closing, which is being deleted" }
    ])
  })

  it("asks for a kind and a name", async () => {
    expect((await plane.send("DELETE", MANIFESTS, { headers })).body.code).toBe(2001)
  })
})
