/** `driftless get` and `driftless records` as a process: what people see, what programs read, and what can go wrong. */
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { parseAllDocuments } from "yaml"
import { start, type Surfaces } from "../support/control-plane.ts"
import { against, asAdmin, begin, converge, credential, domain, put, record, type Run } from "./program.ts"

let surfaces: Surfaces
let driftless: Run
beforeAll(async () => {
  surfaces = await start()
  driftless = against(surfaces)
  await put(
    surfaces,
    credential("example"),
    domain("example", "example.test"),
    record("www", "example", { values: ["192.0.2.1", "192.0.2.2"] }),
    record("mail", "example", { type: "TXT", values: ["a long text that does not fit into forty characters"] })
  )
  await converge(surfaces, "example.test")
  await surfaces.sql(
    "update dns_records set rejected_generation = 1, observed_generation = 0, retry_stopped = true, error_reason = 'RejectedByProvider', last_error = '9005: not allowed' where type = 'TXT'"
  )
})
afterAll(() => surfaces.close())

/** Cells of each line; every cell of these tables is one word. */
const cells = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.split(/ {2,}/u))
const AGE = expect.stringMatching(/^\d+s$|^\d+m/u)

describe("tables", () => {
  test("show name, what matters of the kind, how far it is, and age", async () => {
    const { code, stderr, stdout } = await driftless(["get", "dns"])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(cells(stdout)).toEqual([
      ["NAME", "DOMAIN", "TYPE", "HOST", "VALUES", "READY", "REASON", "AGE"],
      [
        "mail",
        "example",
        "TXT",
        "mail",
        "a long text that does not fit into fort…",
        "False",
        "RejectedByProvider",
        AGE
      ],
      ["www", "example", "A", "www", "192.0.2.1,192.0.2.2", "True", "Converged", AGE]
    ])
  })

  test("of everything stand one below the other, with the kind before each name", async () => {
    const { stdout } = await driftless(["get", "all"])
    const tables = stdout.trim().split("\n\n").map(cells)
    expect(tables.map(([, first]) => first?.[0])).toEqual(["credential/example", "domain/example", "dnsrecord/mail"])
    expect(tables[0]?.[1]).toEqual([
      "credential/example",
      "cloudflare",
      "env:CLOUDFLARE_API_TOKEN",
      "True",
      "Usable",
      AGE
    ])
    expect(tables[1]?.[1]).toEqual(["domain/example", "example.test", "2/3", "False", "RejectedByProvider", AGE])
  })

  test("that are wide say why, and cut nothing", async () => {
    const { stdout } = await driftless(["get", "dnsrecords", "mail", "-o", "wide"])
    expect(stdout).toContain("a long text that does not fit into forty characters")
    expect(stdout).toMatch(/MESSAGE\n.* 9005: not allowed\n$/su)
  })
})

describe("what programs read", () => {
  test("one object by its name is one JSON document, several are a List", async () => {
    const [one, many, none] = await Promise.all([
      driftless(["get", "dnsrecord/www", "-o", "json"]),
      driftless(["get", "dns", "-o", "json"]),
      driftless(["get", "dns", "-n", "elsewhere", "-o", "json"])
    ])
    expect(JSON.parse(one.stdout)).toMatchObject({ kind: "DnsRecord", metadata: { name: "www" }, spec: { type: "A" } })
    const list = JSON.parse(many.stdout)
    expect(list).toMatchObject({ apiVersion: "v1", kind: "List" })
    expect(list.items).toHaveLength(2)
    expect(none).toEqual({
      code: 0,
      stdout: `${JSON.stringify({ apiVersion: "v1", kind: "List", items: [] }, null, 2)}\n`,
      stderr: ""
    })
  })

  test.each(["yaml", "json"])("everything as %s can be applied again and changes nothing", async (output) => {
    const { stdout } = await driftless(["get", "all", "-o", output])
    const again = await driftless(["apply", "-f", "-"], { stdin: stdout })
    expect(again).toEqual({
      code: 0,
      stdout: ["credential/example", "domain/example", "dnsrecord/mail", "dnsrecord/www"]
        .map((name) => `${name} unchanged\n`)
        .join(""),
      stderr: ""
    })
  })

  test("YAML has the fields of a spec in the order of the kind", async () => {
    const { stdout } = await driftless(["get", "dns", "www", "-o", "yaml"])
    const [document] = parseAllDocuments(stdout)
    expect(Object.keys(document?.toJS().spec)).toEqual([
      "domainRef",
      "type",
      "name",
      "values",
      "ttl",
      "proxied",
      "state"
    ])
  })

  test("names are printed as every command takes them", async () => {
    expect((await driftless(["get", "all", "-o", "name"])).stdout).toBe(
      "credential/example\ndomain/example\ndnsrecord/mail\ndnsrecord/www\n"
    )
  })

  test("a reader that has seen enough ends the program without a word", async () => {
    const { child, ended } = begin(["get", "all", "-o", "yaml"], { environment: asAdmin(surfaces.url) })
    child.stdout?.destroy()
    expect(await ended).toEqual({ code: 0, stdout: "", stderr: "" })
  })
})

describe("what is not there", () => {
  test("fails, and what is there is printed all the same", async () => {
    const { code, stderr, stdout } = await driftless(["get", "dns", "www", "nothing", "-o", "name"])
    expect({ code, stderr, stdout }).toEqual({
      code: 1,
      stderr: "error: dnsrecord/nothing not found\n",
      stdout: "dnsrecord/www\n"
    })
  })

  test("an empty list is no failure, and says so beside the output", async () => {
    const { code, stderr, stdout } = await driftless(["get", "dns", "-n", "elsewhere"])
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" })
    expect(stderr).toMatch(/^nothing found; /u)
  })
})

test("a watch prints the table once, then each row that changes, until it is interrupted", async () => {
  await put(surfaces, credential("watched"), domain("watched", "watched.test"), record("watched", "watched"))
  const { child, ended, says } = begin(["get", "dns", "watched", "-w"], { environment: asAdmin(surfaces.url) })
  await says(/Pending/u)
  await converge(surfaces, "watched.test")
  await says(/Converged/u)
  child.kill("SIGINT")
  const { code, stderr, stdout } = await ended
  expect({ code, stderr }).toEqual({ code: 130, stderr: "" })
  const lines = cells(stdout)
  expect(lines.map(([name]) => name)).toEqual(["NAME", "watched", "watched"])
  expect(lines[0]?.indexOf("REASON")).toBe(lines[2]?.indexOf("Converged"))
})

test("a watch as JSON is a stream of objects, and says on stderr what is gone", async () => {
  await put(surfaces, credential("leaving"))
  const { child, ended, says } = begin(["get", "cred/leaving", "-w", "-o", "json"], {
    environment: asAdmin(surfaces.url)
  })
  await says(/\n\}\n/u)
  await driftless(["delete", "cred/leaving"])
  await says(/credential\/leaving is gone\n/u)
  child.kill("SIGINT")
  const { stdout } = await ended
  expect(JSON.parse(stdout)).toMatchObject({ kind: "Credential", metadata: { name: "leaving" } })
})

describe("records", () => {
  test("are rows of DNS with their own status, filtered by domain and status", async () => {
    const { code, stdout } = await driftless(["records", "-d", "Example.Test.", "--status", "error"])
    expect(code).toBe(0)
    const [title, ...rows] = cells(stdout)
    expect(title).toEqual(["ID", "DOMAIN", "TYPE", "NAME", "VALUE", "TTL", "STATUS", "RETRIES", "REASON"])
    expect(rows).toHaveLength(1)
    expect(rows[0]?.slice(1, 4)).toEqual(["example.test", "TXT", "mail"])
    expect(rows[0]?.slice(-3)).toEqual(["error", "0 (stopped)", "RejectedByProvider"])
  })

  test("come as JSON with every field of the API, beyond one page of it", async () => {
    const values = Array.from({ length: 100 }, (_, index) => `192.0.2.${index}`)
    await put(surfaces, record("pages", "example", { values }), record("more", "example", { values: ["192.0.2.200"] }))
    const { stdout } = await driftless(["records", "-d", "example.test", "-o", "json"])
    const rows: ReadonlyArray<{ readonly name: string }> = JSON.parse(stdout)
    expect(rows.filter(({ name }) => name === "pages")).toHaveLength(100)
    expect(rows.find(({ name }) => name === "more")).toMatchObject({
      value: "192.0.2.200",
      status: "pending",
      generation: 1
    })
  })

  test("of a domain that is not there are a failure", async () => {
    expect(await driftless(["records", "-d", "nowhere.test"])).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: there is no domain "nowhere.test"\n`
    })
  })
})
