/** `driftless apply` as a process, against a real API: what it reads, what it prints, and that mistakes change nothing. */
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { start, type Surfaces } from "../support/control-plane.ts"
import { aFolder, against, credential, domain, record, type Run, texts } from "./program.ts"

let surfaces: Surfaces
let driftless: Run
beforeAll(async () => {
  surfaces = await start()
  driftless = against(surfaces)
})
afterAll(() => surfaces.close())

const namesOf = async (kind: string) =>
  (await surfaces.sql("select name from manifests where kind = $1 order by name", [kind])).map(({ name }) => name)

describe("what is applied", () => {
  test("is told document by document: created, unchanged, configured", async () => {
    const documents = [credential("first"), domain("first", "first.test"), record("first-www", "first")]
    const folder = await aFolder({ "zone.yaml": `# the zone\n${texts(...documents)}` })
    const apply = () => driftless(["apply", "-f", "zone.yaml"], { folder })
    expect(await apply()).toEqual({
      code: 0,
      stdout: "credential/first created\ndomain/first created\ndnsrecord/first-www created\n",
      stderr: ""
    })
    expect((await apply()).stdout).toBe(
      "credential/first unchanged\ndomain/first unchanged\ndnsrecord/first-www unchanged\n"
    )

    await writeFile(
      join(folder, "zone.yaml"),
      texts(...documents.slice(0, 2), record("first-www", "first", { ttl: 60 }))
    )
    expect((await apply()).stdout).toMatch(/domain\/first unchanged\ndnsrecord\/first-www configured\n$/u)
  })

  test("can come from stdin and from files together", async () => {
    const folder = await aFolder({ "domain.yaml": texts(domain("piped", "piped.test")) })
    const outcome = await driftless(["apply", "-f", "domain.yaml", "-f", "-"], {
      folder,
      stdin: texts(credential("piped"))
    })
    expect(outcome).toEqual({ code: 0, stdout: "domain/piped created\ncredential/piped created\n", stderr: "" })
  })

  test("of a folder is every .yaml, .yml and .json of it, sorted by name, and with -R of its folders too", async () => {
    const folder = await aFolder({
      "30.yaml": texts(credential("c30")),
      "20.yml": texts(credential("c20")),
      "10.json": texts(credential("c10")),
      "notes.txt": "not a document"
    })
    await mkdir(join(folder, "inner"))
    await writeFile(join(folder, "inner/15.yaml"), texts(credential("c15")))
    const flat = await driftless(["apply", "--dry-run", "-o", "name", "-f", "."], { folder })
    expect(flat).toEqual({ code: 0, stdout: "credential/c10\ncredential/c20\ncredential/c30\n", stderr: "" })
    const deep = await driftless(["apply", "--dry-run", "-o", "name", "-R", "-f", folder])
    expect(deep.stdout.trim().split("\n")).toEqual([
      "credential/c10",
      "credential/c20",
      "credential/c30",
      "credential/c15"
    ])
  })

  test("is nothing with --dry-run, which tells what would be", async () => {
    const outcome = await driftless(["apply", "-f", "-", "--dry-run"], { stdin: texts(credential("unmade")) })
    expect(outcome).toEqual({ code: 0, stdout: "credential/unmade created (dry run)\n", stderr: "" })
    expect(await namesOf("Credential")).not.toContain("unmade")
  })

  test("can be told as JSON", async () => {
    const outcome = await driftless(["apply", "-f", "-", "-o", "json"], { stdin: texts(credential("as-json")) })
    expect(JSON.parse(outcome.stdout)).toEqual({
      applied: [{ kind: "Credential", namespace: "", name: "as-json", action: "created", generation: 1 }],
      dryRun: false
    })
  })
})

describe("mistakes", () => {
  test("of all documents are told at once, with file, line, document and path, and nothing is changed", async () => {
    const folder = await aFolder({
      "good.yaml": texts(credential("innocent")),
      "bad.yaml": `apiVersion: driftless.dev/v1alpha1
kind: Credential
metadata:
  name: Upper
spec:
  provider: route53
  tokenFrom: {env: CLOUDFLARE_API_TOKEN}
---
apiVersion: driftless.dev/v1alpha1
kind: DnsRecord
metadata: {name: www}
spec:
  domainRef: {name: nowhere}
  type: A
  name: www
  values:
    - 300.1.1.1
  tttl: 5
`
    })
    const { code, stderr, stdout } = await driftless(["apply", "-f", "good.yaml", "-f", "bad.yaml"], { folder })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    const lines = stderr.trim().split("\n")
    for (const start of [
      "error: bad.yaml:4:3: document 1: metadata.name must be ",
      "error: bad.yaml:6:3: document 1: spec.provider must be ",
      "error: bad.yaml:13:15: document 2: spec.domainRef.name names the Domain nowhere",
      "error: bad.yaml:17:7: document 2: spec.values[0] ",
      "error: bad.yaml:18:3: document 2: spec.tttl is not a field here"
    ]) {
      expect(lines.filter((line) => line.startsWith(start))).toHaveLength(1)
    }
    expect(lines.at(-1)).toBe("error: nothing was applied: 5 mistakes")
    expect(await namesOf("Credential")).not.toContain("innocent")
  })

  test("of syntax are told beside what else is wrong in the other files", async () => {
    const folder = await aFolder({
      "broken.yaml": "kind: Credential\nkind: Domain\n",
      "wrong.yaml": texts({ ...credential("wrong"), kind: "Certificate" })
    })
    const { code, stderr } = await driftless(["apply", "-f", "."], { folder })
    expect(code).toBe(1)
    expect(stderr).toContain("error: broken.yaml:2:1: Map keys must be unique\n")
    expect(stderr).toMatch(/^error: wrong\.yaml:1:\d+: kind must be /mu)
    expect(stderr).toMatch(/^error: nothing was applied: 2 mistakes$/mu)
  })

  test("that only the server can see stand at their document too", async () => {
    const references = await driftless(["apply", "-f", "-"], { stdin: `\n${texts(domain("lonely", "lonely.test"))}` })
    expect(references.stderr).toMatch(
      /^error: stdin:2:\d+: spec\.credentialRef\.name names the Credential lonely, which does not exist$/mu
    )

    const zone = (name: string) => texts(credential("fixed"), domain("fixed", name))
    await driftless(["apply", "-f", "-"], { stdin: zone("fixed.test") })
    const conflict = await driftless(["apply", "-f", "-"], { stdin: zone("changed.test") })
    expect(conflict.code).toBe(1)
    expect(conflict.stderr).toMatch(/^error: stdin:3:\d+: document 2: spec\.domain cannot change from fixed\.test/mu)
  })

  test("that name another document of the request name it by its file", async () => {
    const folder = await aFolder({ "a.yaml": texts(credential("twice")), "b.yaml": texts(credential("twice")) })
    const { stderr } = await driftless(["apply", "-f", "."], { folder })
    expect(stderr).toMatch(/^error: b\.yaml:1:\d+: metadata\.name is the same object as a\.yaml; give it once$/mu)
  })
})

describe("bounds", () => {
  test("more documents than one request takes are refused with both numbers", async () => {
    const many = Array.from({ length: 1001 }, (_, index) => credential(`many-${index}`))
    const { code, stderr } = await driftless(["apply", "-f", "-"], { stdin: texts(...many) })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: 1001 documents, but 1000 can be applied at once; apply them in parts\n"
    })
  })

  test("text without an end is not read to its end", async () => {
    const folder = await aFolder({ "a.yaml": `# ${"x".repeat(5 * 2 ** 20)}`, "b.yaml": `# ${"x".repeat(5 * 2 ** 20)}` })
    const [files, device] = await Promise.all([
      driftless(["apply", "-f", "."], { folder }),
      driftless(["apply", "-f", "/dev/zero"])
    ])
    expect(files.stderr).toBe("error: b.yaml: the documents are longer than 8 MiB together; apply them in parts\n")
    expect(device.stderr).toBe("error: /dev/zero: the documents are longer than 8 MiB together; apply them in parts\n")
    expect([files.code, device.code]).toEqual([1, 1])
  })

  test("a place without documents is told, whatever it is", async () => {
    const folder = await aFolder({ "empty.yaml": "# nothing yet\n", "latin.yaml": "x" })
    await writeFile(join(folder, "latin.yaml"), Buffer.from([0x61, 0x3a, 0x20, 0xe9]))
    await mkdir(join(folder, "inner"))
    const of = (place: string) =>
      driftless(["apply", "-f", place], { folder }).then(({ code, stderr }) => [code, stderr])
    expect(await Promise.all([of("empty.yaml"), of("nowhere.yaml"), of("inner"), of("latin.yaml")])).toEqual([
      [1, "error: empty.yaml: no documents in it\n"],
      [1, "error: nowhere.yaml: there is no such file or folder\n"],
      [1, "error: inner: no file in it ends in .yaml, .yml, .json; -R looks into its folders too\n"],
      [1, "error: latin.yaml: is not text in UTF-8\n"]
    ])
  })
})
