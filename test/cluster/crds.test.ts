/** What a real API server makes of the definitions: what it takes, refuses and fills in, and how it shows it. */
import { Result, Schema } from "effect"
import fc from "fast-check"
import { stringify } from "yaml"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { conditionsOf } from "../../src/model/conditions.ts"
import { KIND_NAMES, type KindName, kinds, parseDocument } from "../../src/model/kinds/kinds.ts"
import { objectSchema } from "../../tools/crds/definition.ts"
import { aDocument, CONTROLLER_ONLY, EXAMPLES, SMALLEST, WRONG, WRONG_CHANGES } from "../crds/documents.ts"
import { anyValue } from "../model/dns/arbitraries.ts"
import { BOUND, DEFINITIONS, json, kubectl, type Namespace, ok, withDefinitions } from "./kubectl.ts"
import { LARGEST } from "./maximal.ts"

let namespace: Namespace
const here = () => ["-n", namespace.name]
const yaml = (documents: ReadonlyArray<unknown>) => documents.map((each) => stringify(each)).join("---\n")
const tried = ["create", "--dry-run=server", "-f", "-"]

beforeAll(async () => {
  namespace = await withDefinitions()
})
afterAll(() => namespace?.remove())

const Shown = Schema.Struct({
  metadata: Schema.Struct({ generation: Schema.Int }),
  spec: Schema.Record(Schema.String, Schema.Unknown),
  status: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
})
const get = async (kind: KindName, name: string) =>
  Schema.decodeUnknownSync(Shown)(await json(["get", kinds[kind].plural, name, ...here()]))

const edit = (kind: KindName, name: string, patch: unknown, subresource: ReadonlyArray<string> = []) =>
  kubectl(["patch", kinds[kind].plural, name, ...here(), ...subresource, "--type=merge", "-p", JSON.stringify(patch)])

describe("the definitions", () => {
  it.each(DEFINITIONS)("%s is served, and nothing is said against its schema", async (name) => {
    const conditions = await ok([
      "get",
      "crd",
      name,
      "-o",
      "jsonpath={range .status.conditions[*]}{.type}={.status} {end}"
    ])
    expect(conditions.trim().split(" ").toSorted()).toEqual(["Established=True", "NamesAccepted=True"])
  })

  it("change nothing when they are applied again", async () => {
    const shown = async () => ok(["get", "crd", ...DEFINITIONS, "-o", "jsonpath={.items[*].metadata.generation}"])
    const before = await shown()
    await ok(["apply", "--server-side", "--force-conflicts", "-f", "crds/"])
    expect(await shown()).toBe(before)
  })
})

describe("an API server takes", () => {
  it.each(EXAMPLES)("$path", async ({ documents, path }) => {
    const out = await ok([...tried.slice(0, -1), path, ...here()])
    expect(out.trim().split("\n")).toHaveLength(documents.length)
  })

  it.each(CONTROLLER_ONLY)("$path, which the controller refuses", async ({ text }) => {
    expect(await ok([...tried, ...here()], text)).toContain("created")
  })

  it.each(LARGEST.map((document) => [document.metadata.name, document] as const))(
    "%s, whatever its rules cost",
    async (_name, document) => {
      expect(Result.isSuccess(parseDocument(document))).toBe(true)
      expect(await ok([...tried, ...here()], JSON.stringify(document))).toContain("created")
    }
  )

  it("every record that the parser takes", async () => {
    const names = fc.constantFrom("@", "*", "www", "_sip._tcp", "*.a.b", " WWW ", "bücher", "a。b", "xn--bcher-kva")
    const settings = fc.record({
      ttl: fc.constantFrom(1, 30, 86_400),
      comment: fc.constantFrom("", "é 漢 😀", "[driftless]")
    })
    const documents = fc
      .sample(fc.tuple(anyValue, names, settings), { numRuns: 300, seed: 5 })
      .map(([{ desired, type }, name, given], index) =>
        aDocument("DnsRecord", { ...SMALLEST.DnsRecord, type, name, values: [desired], ...given }, `r-${index}`)
      )
    const taken = documents.filter((document) => Result.isSuccess(parseDocument(document)))
    expect(taken).toHaveLength(documents.length)
    const out = await ok([...tried, ...here()], JSON.stringify({ apiVersion: "v1", kind: "List", items: documents }))
    expect(out.trim().split("\n")).toHaveLength(documents.length)
  })

  it("another spelling of the same zone, and a record that becomes another", async () => {
    await ok(["apply", "-f", "-", ...here()], yaml([aDocument("Domain", SMALLEST.Domain, "spelled")]))
    expect(await edit("Domain", "spelled", { spec: { domain: "Example.TEST" } })).toMatchObject({ code: 0 })
    await ok(["apply", "-f", "-", ...here()], yaml([aDocument("DnsRecord", SMALLEST.DnsRecord, "swapped")]))
    const cname = { type: "CNAME", values: ["host.example.test"] }
    expect(await edit("DnsRecord", "swapped", { spec: cname })).toMatchObject({ code: 0 })
  })
})

describe("an API server refuses", () => {
  it.each(WRONG)("$path in words that help", async ({ refused, text }) => {
    const { code, err } = await kubectl([...tried, ...here()], text)
    expect(err).toMatch(sentence(refused))
    expect(code).toBe(1)
  })

  it.each(WRONG_CHANGES)("the change in $path", async ({ documents: [before, after], refused }) => {
    await ok(["apply", "-f", "-", ...here()], yaml([before]))
    const { err } = await kubectl(["apply", "-f", "-", ...here()], yaml([after]))
    expect(err).toMatch(sentence(refused))
  })
})

describe("an object", () => {
  it.each(KIND_NAMES)("of kind %s gets the defaults that the parser fills in", async (kind) => {
    const document = aDocument(kind, SMALLEST[kind], "defaults")
    await ok(["apply", "-f", "-", ...here()], yaml([document]))
    const { spec } = Result.getOrThrow(parseDocument(document))
    expect((await get(kind, "defaults")).spec).toEqual(spec)
  })

  it.each(KIND_NAMES)("of kind %s comes back in a form that the parser takes again", async (kind) => {
    await ok(["apply", "-f", "-", ...here()], yaml([aDocument(kind, SMALLEST[kind], "again")]))
    expect(parseDocument(await json(["get", kinds[kind].plural, "again", ...here()]))).toMatchObject({
      _tag: "Success"
    })
  })

  it("keeps spec and status apart, and the status as it was written", async () => {
    const counts = { total: 2, active: 1, pending: 0, running: 0, error: 1, stopped: 1 }
    const problem = {
      id: 7,
      type: "A",
      name: "www",
      value: "192.0.2.1",
      reason: "HeldBySomeoneElse",
      message: "m",
      retryStopped: true
    }
    const facts = {
      about: "records",
      generation: 1,
      deleting: false,
      absent: false,
      counts,
      problem,
      zone: undefined,
      behind: false
    } as const
    const conditions = conditionsOf(facts).map((each) => ({ ...each, lastTransitionTime: "2026-01-02T03:04:05Z" }))
    const status = { observedGeneration: 1, conditions, records: counts, problems: [problem] }

    await ok(["apply", "-f", "-", ...here()], yaml([{ ...aDocument("DnsRecord", SMALLEST.DnsRecord, "told"), status }]))
    expect(await get("DnsRecord", "told")).not.toHaveProperty("status")
    const both = { spec: { ttl: 600 }, status }
    expect(await edit("DnsRecord", "told", both, ["--subresource=status"])).toMatchObject({ code: 0 })
    expect(await get("DnsRecord", "told")).toMatchObject({ metadata: { generation: 1 }, spec: { ttl: 120 }, status })
    expect((await get("DnsRecord", "told")).status).toEqual(status)

    const table = await ok(["get", "dns", "told", ...here()])
    expect(table).toMatch(/^NAME +READY +REASON +DOMAIN +TYPE +RECORD +VALUES +AGE\n/u)
    expect(table).toMatch(/\ntold +False +HeldBySomeoneElse +example +A +www +\["192\.0\.2\.1"\] +\d+s\n/u)
  })

  it("lets two writers each have conditions of their own", async () => {
    await ok(["apply", "-f", "-", ...here()], yaml([aDocument("Domain", SMALLEST.Domain, "shared")]))
    const condition = (type: string) => ({
      type,
      status: "True",
      reason: "Converged",
      message: "m",
      observedGeneration: 1,
      lastTransitionTime: "2026-01-02T03:04:05Z"
    })
    for (const type of ["Ready", "Audited"]) {
      const document = { ...aDocument("Domain", SMALLEST.Domain, "shared"), status: { conditions: [condition(type)] } }
      const args = ["apply", "--server-side", "--subresource=status", `--field-manager=${type}`, "-f", "-", ...here()]
      await ok([...args, "--force-conflicts"], yaml([document]))
    }
    const types = await ok(["get", "domain", "shared", ...here(), "-o", "jsonpath={.status.conditions[*].type}"])
    expect(types.split(" ").toSorted()).toEqual(["Audited", "Ready"])
  })

  it("bounds what may be written into a status", async () => {
    await ok(["apply", "-f", "-", ...here()], yaml([aDocument("Domain", SMALLEST.Domain, "bounded")]))
    const problem = { id: 1, type: "A", name: "a", value: "v", reason: "R", message: "m", retryStopped: false }
    const answer = await edit("Domain", "bounded", { status: { problems: Array(11).fill(problem) } }, [
      "--subresource=status"
    ])
    expect(answer.err).toContain("status.problems: Too many: 11: must have at most 10 items")
  })
})

describe("kubectl", () => {
  it.each(KIND_NAMES.flatMap((kind) => kinds[kind].selectable.map((path) => [kind, path] as const)))(
    "selects objects of kind %s by %s",
    async (kind, path) => {
      const secret = { provider: "cloudflare", tokenFrom: { secretRef: { name: "cloudflare", key: "token" } } }
      const spec = kind === "Credential" ? secret : SMALLEST[kind]
      await ok(["apply", "-f", "-", ...here()], yaml([aDocument(kind, spec, "selected")]))
      const value = await ok(["get", kinds[kind].plural, "selected", ...here(), "-o", `jsonpath={${path}}`])
      const by = (text: string) => [
        "get",
        kinds[kind].plural,
        ...here(),
        "-o",
        "name",
        `--field-selector=${path.slice(1)}=${text}`
      ]
      expect(value).not.toBe("")
      await expect.poll(() => ok(by(value)), BOUND).toContain("/selected")
      expect(await ok(by("another"))).toBe("")
    }
  )

  it.each(KIND_NAMES.flatMap((kind) => wordsOf(kinds[kind].plural, objectSchema(kind))))(
    "explains %s",
    async (path, words) => {
      const said = async () => (await kubectl(["explain", path])).out.replace(/\s+/gu, " ")
      await expect.poll(said, BOUND).toContain(words.replace(/\s+/gu, " "))
    }
  )

  it("lists all kinds by their category, and each by its short names", async () => {
    await ok(["apply", "-f", "-", ...here()], yaml(KIND_NAMES.map((kind) => aDocument(kind, SMALLEST[kind], "listed"))))
    const all = await ok(["get", "driftless", ...here(), "-o", "name"])
    for (const definition of DEFINITIONS) expect(all).toContain(`${definition.replace(/^(.*?)s\./u, "$1.")}/listed`)
    for (const kind of KIND_NAMES) {
      for (const word of kinds[kind].shortNames) {
        const listed = await ok(["get", word, "listed", ...here(), "-o", "name"])
        expect(listed).toBe(`${kind.toLowerCase()}.driftless.dev/listed\n`)
      }
    }
  })

  it("shows the columns that matter, and more of them when asked", async () => {
    const headers = async (kind: KindName, ...more: ReadonlyArray<string>) => {
      await ok(["apply", "-f", "-", ...here()], yaml([aDocument(kind, SMALLEST[kind], "columns")]))
      return (await ok(["get", kinds[kind].plural, "columns", ...here(), ...more])).split("\n")[0]?.trim().split(/ +/u)
    }
    expect(await headers("Credential")).toEqual(["NAME", "READY", "REASON", "PROVIDER", "STATUS", "AGE"])
    expect(await headers("Domain")).toEqual(["NAME", "READY", "REASON", "DOMAIN", "RECORDS", "ACTIVE", "ERRORS", "AGE"])
    expect(await headers("DnsRecord", "-o", "wide")).toEqual([
      "NAME",
      "READY",
      "REASON",
      "DOMAIN",
      "TYPE",
      "RECORD",
      "VALUES",
      "TTL",
      "PROXIED",
      "STATE",
      "MESSAGE",
      "AGE"
    ])
  })
})

/** The parts between "…", in one line. */
const sentence = (words: string) => new RegExp(words.split("…").map(RegExp.escape).join(".*"), "u")

/** Each field below a schema with its description, by the path that kubectl explain takes. */
function wordsOf(path: string, schema: unknown): ReadonlyArray<readonly [path: string, words: string]> {
  const node = Schema.decodeUnknownSync(Described)(schema)
  const below = node.items ?? schema
  const { properties = {} } = Schema.decodeUnknownSync(Described)(below)
  const own = node.description === undefined ? [] : [[path, node.description] as const]
  return [...own, ...Object.entries(properties).flatMap(([key, field]) => wordsOf(`${path}.${key}`, field))]
}

const Described = Schema.Struct({
  description: Schema.optionalKey(Schema.String),
  properties: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  items: Schema.optionalKey(Schema.Unknown)
})
