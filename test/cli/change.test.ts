/** `driftless delete`, `retry` and every `--wait`, while the test does by SQL what the reconciler would do. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { finishDeletions } from "../../src/reconcilers/dns/store/manifest-deletions.ts"
import { start, type Surfaces } from "../support/control-plane.ts"
import {
  aFolder,
  against,
  asAdmin,
  begin,
  converge,
  credential,
  domain,
  put,
  record,
  type Run,
  texts
} from "./program.ts"

let surfaces: Surfaces
let driftless: Run
beforeAll(async () => {
  surfaces = await start()
  driftless = against(surfaces)
})
afterAll(() => surfaces.close())

const zone = (name: string) => [credential(name), domain(name, `${name}.test`), record(`${name}-www`, name)]

const reject = (manifest: string, count: number) =>
  surfaces.sql(
    `update dns_records set rejected_generation = generation, retry_stopped = true, error_reason = 'RejectedByProvider',
      last_error = '9005: content is not allowed'
     where id in (select r.id from dns_records r join manifests m on m.id = r.manifest_id where m.name = $1 order by r.id limit $2)`,
    [manifest, count]
  )

describe("apply --wait", () => {
  test("tells how it goes and ends when everything is ready", async () => {
    const folder = await aFolder({ "zone.yaml": texts(...zone("soon")) })
    const { ended, says } = begin(["apply", "-f", "zone.yaml", "--wait"], {
      environment: asAdmin(surfaces.url),
      folder
    })
    await says(/dnsrecord\/soon-www Pending: 1 of 1 record not written yet\n/u)
    await converge(surfaces, "soon.test")
    const { code, stderr, stdout } = await ended
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: "credential/soon created\ndomain/soon created\ndnsrecord/soon-www created\n"
    })
    expect(stderr).toContain("dnsrecord/soon-www Converged: 1 record as asked for\n")
    expect(stderr).not.toContain("error:")
  })

  test("fails with the reason when only a person can help, without waiting for the time to be over", async () => {
    const documents = zone("refused")
    await put(surfaces, ...documents)
    await converge(surfaces, "refused.test")
    await reject("refused-www", 1)
    const { code, stderr } = await driftless(["apply", "-f", "-", "--wait", "--timeout", "10m"], {
      stdin: texts(...documents)
    })
    expect(code).toBe(1)
    expect(stderr).toContain("error: dnsrecord/refused-www failed: RejectedByProvider: 9005: content is not allowed\n")
    expect(stderr).not.toContain("gave up")
  })

  test("gives up when its time is over, and says what is missing", async () => {
    const { code, stderr } = await driftless(["apply", "-f", "-", "--wait", "--timeout", "100ms"], {
      stdin: texts(...zone("never"))
    })
    expect(code).toBe(1)
    expect(stderr).toContain("error: dnsrecord/never-www Pending: 1 of 1 record not written yet\n")
    expect(stderr).toContain("error: gave up after 100ms; the server goes on by itself\n")
  })
})

describe("delete", () => {
  test("asks for it, and says whether it went at once", async () => {
    await put(surfaces, ...zone("going"), credential("alone"))
    expect(await driftless(["delete", "dns", "going-www"])).toEqual({
      code: 0,
      stdout: "dnsrecord/going-www is being deleted\n",
      stderr: ""
    })
    expect((await driftless(["delete", "credential/alone"])).stdout).toBe("credential/alone deleted\n")
  })

  test("of files takes what refers to others first, and --wait ends when all of it is gone", async () => {
    const documents = zone("leaving")
    await put(surfaces, ...documents)
    const folder = await aFolder({ "zone.yaml": texts(...documents) })
    const { ended, says } = begin(["delete", "-f", "zone.yaml", "--wait"], {
      environment: asAdmin(surfaces.url),
      folder
    })
    await says(/domain\/leaving Deleting/u)
    await converge(surfaces, "leaving.test")
    await surfaces.run(finishDeletions())
    const { code, stderr, stdout } = await ended
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: ["dnsrecord/leaving-www", "domain/leaving", "credential/leaving"]
        .map((name) => `${name} is being deleted\n`)
        .join("")
    })
    expect(stderr).toContain("credential/leaving is gone\n")
  })

  test("of what is not there fails, unless that is no matter", async () => {
    const gone = await driftless(["delete", "dns", "nowhere"])
    expect(gone).toEqual({ code: 1, stdout: "", stderr: "error: dnsrecord/nowhere not found\n" })
    expect((await driftless(["delete", "dns", "nowhere", "--ignore-not-found"])).code).toBe(0)
  })

  test("of a document whose spec is wrong works, of one without a name nothing is deleted", async () => {
    await put(surfaces, credential("half"))
    const unnamed = `kind: Credential\nmetadata: {name: half}\n---\nkind: Credential\nmetadata:\n  labels: {}\n`
    const refused = await driftless(["delete", "-f", "-"], { stdin: unnamed })
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: "error: stdin:5:1: document 2: needs a kind and metadata.name\nerror: nothing was deleted\n"
    })
    const wrong = { ...credential("half"), spec: { nonsense: true } }
    expect((await driftless(["delete", "-f", "-"], { stdin: texts(wrong) })).stdout).toBe("credential/half deleted\n")
  })
})

describe("retry", () => {
  const rejected = async () =>
    (await surfaces.sql("select id from dns_records where rejected_generation = generation")).length

  test("tries every rejected record of a DnsRecord again, also more than a status names", async () => {
    const values = Array.from({ length: 25 }, (_, index) => `192.0.2.${index}`)
    await put(surfaces, ...zone("again"), record("again", "again", { values }))
    const before = await rejected()
    await reject("again", 23)
    expect(await rejected()).toBe(before + 23)
    expect(await driftless(["retry", "dnsrecord", "again"])).toEqual({
      code: 0,
      stdout: "dnsrecord/again retried: 23 records\n",
      stderr: ""
    })
    expect(await rejected()).toBe(before)
    expect((await driftless(["retry", "dnsrecord", "again"])).stdout).toBe("dnsrecord/again has no rejected records\n")
  })

  test("of a domain tries all of its rejected records again, and of no other", async () => {
    await put(surfaces, ...zone("one"), ...zone("other"))
    const before = await rejected()
    await reject("one-www", 1)
    await reject("other-www", 1)
    expect((await driftless(["retry", "domain/one"])).stdout).toBe("domain/one retried: 1 record\n")
    expect(await rejected()).toBe(before + 1)
  })
})
