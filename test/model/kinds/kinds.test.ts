import { Result, Schema } from "effect"
import { describe, expect, it } from "vitest"
import { findKind, KIND_NAMES, kinds, parseDocument } from "../../../src/model/kinds/kinds.ts"

const aDocument = (kind: string, spec: unknown, metadata: unknown = { name: "thing" }) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata,
  spec
})

const aRecord = (some: object = {}) =>
  aDocument("DnsRecord", { domainRef: { name: "example" }, type: "A", name: "www", values: ["192.0.2.1"], ...some })

const mistakes = (input: unknown) => {
  const parsed = parseDocument(input)
  return Result.isFailure(parsed) ? parsed.failure.map(({ message, path }) => `${path}: ${message}`) : []
}

const paths = (input: unknown) => {
  const parsed = parseDocument(input)
  return Result.isFailure(parsed) ? parsed.failure.map(({ kind, path }) => `${kind} ${path}`) : []
}

describe("parseDocument", () => {
  it("fills in the defaults of a Credential", () => {
    const input = aDocument("Credential", { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } })
    expect(Result.getOrThrow(parseDocument(input))).toEqual({
      kind: "Credential",
      metadata: { name: "thing", namespace: "" },
      spec: { provider: "cloudflare", account: "", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" }, status: "active" }
    })
  })

  it("fills in the defaults of a Domain", () => {
    const input = aDocument("Domain", { domain: "example.test", credentialRef: { name: "cloudflare" } })
    expect(Result.getOrThrow(parseDocument(input)).spec).toEqual({
      domain: "example.test",
      credentialRef: { name: "cloudflare" },
      purpose: "unset",
      adoption: "Matching",
      deletionPolicy: "Delete",
      status: "active"
    })
  })

  it("fills in the defaults of a DnsRecord", () => {
    expect(Result.getOrThrow(parseDocument(aRecord())).spec).toEqual({
      domainRef: { name: "example" },
      type: "A",
      name: "www",
      values: ["192.0.2.1"],
      ttl: 120,
      proxied: false,
      state: "present"
    })
  })

  it("keeps labels and annotations", () => {
    const metadata = { name: "a", namespace: "team", labels: { app: "web" }, annotations: { note: "x" } }
    const input = aDocument("Domain", { domain: "example.test", credentialRef: { name: "c" } }, metadata)
    expect(Result.getOrThrow(parseDocument(input)).metadata).toEqual(metadata)
  })

  it("reads again what a get has printed", () => {
    const metadata = { name: "a", generation: 3, creationTimestamp: "2026-01-01T00:00:00Z", uid: "1" }
    const input = {
      ...aDocument("Domain", { domain: "example.test", credentialRef: { name: "c" } }, metadata),
      status: {}
    }
    expect(Result.getOrThrow(parseDocument(input)).metadata).toEqual({ name: "a", namespace: "" })
  })

  it("tells all mistakes of a document at once, also those between fields", () => {
    const input = {
      kind: "DnsRecord",
      metadata: { name: "Www_1", colour: "red" },
      spec: { type: "TXT", name: "www.", values: [1], ttl: 5, proxied: true, comment: "a\nb", extra: 1 }
    }
    expect(paths(input).toSorted()).toEqual([
      "format metadata.colour",
      "format metadata.name",
      "format spec.comment",
      "format spec.extra",
      "format spec.name",
      "format spec.values[0]",
      "missing apiVersion",
      "missing spec.domainRef",
      "value spec.proxied",
      "value spec.ttl"
    ])
  })

  it("names the fields that are known beside one that is not", () => {
    expect(mistakes(aRecord({ proxyed: true }))).toEqual([
      "spec.proxyed: is not a field here; known are domainRef, type, name, values, ttl, proxied, comment, state"
    ])
  })

  it("points at each value that does not fit its type", () => {
    expect(paths(aRecord({ values: ["192.0.2.1", "2001:db8::1", "x"] }))).toEqual([
      "format spec.values[1]",
      "format spec.values[2]"
    ])
  })

  it("refuses a value that is there twice, however it is written", () => {
    const input = aRecord({ type: "AAAA", values: ["2001:db8::1", "2001:0DB8:0::1"] })
    expect(mistakes(input)).toEqual(["spec.values[1]: is the same as values[0]; leave it out"])
  })

  it("refuses a CNAME with two values", () => {
    expect(mistakes(aRecord({ type: "CNAME", values: ["a.example.test", "b.example.test"] }))).toEqual([
      "spec.values: holds more than one value, but a name cannot be the alias of two; write one"
    ])
  })

  it.each(["A", "AAAA", "CNAME"])("lets %s be proxied", (type) => {
    const values = { A: ["192.0.2.1"], AAAA: ["2001:db8::1"], CNAME: ["target.example.test"] }[type]
    expect(mistakes(aRecord({ type, values, proxied: true }))).toEqual([])
  })

  it("refuses to proxy anything else, and says what can be", () => {
    expect(mistakes(aRecord({ type: "MX", values: ["10 mail.example.test"], proxied: true }))).toEqual([
      "spec.proxied: is true, but a MX record cannot be proxied; only A, AAAA, CNAME can"
    ])
  })

  it.each<readonly [string, unknown, ReadonlyArray<string>]>([
    ["none", {}, ["value spec.tokenFrom"]],
    ["two", { env: "A", file: "b" }, ["value spec.tokenFrom"]],
    ["an absolute file", { file: "/etc/passwd" }, ["format spec.tokenFrom.file"]],
    ["a strange variable", { env: "A B" }, ["format spec.tokenFrom.env"]],
    ["a Secret, which is judged where it is applied", { secretRef: { name: "s", key: "k" } }, []]
  ])("reads tokenFrom: %s", (_row, tokenFrom, expected) => {
    expect(paths(aDocument("Credential", { provider: "cloudflare", tokenFrom }))).toEqual(expected)
  })

  describe.each([
    ["NUL", "\u0000"],
    ["half of a surrogate pair", "\ud800"],
    ["a line break", "\n"]
  ])("refuses a text with %s", (what, part) => {
    const aCredential = (spec: object, metadata: object = {}) =>
      aDocument(
        "Credential",
        { provider: "cloudflare", tokenFrom: { env: "A" }, ...spec },
        { name: "thing", ...metadata }
      )
    const text = `a${part}b`

    it.each<readonly [string, unknown]>([
      ["format spec.account", aCredential({ account: text })],
      ["format spec.tokenFrom.file", aCredential({ tokenFrom: { file: text } })],
      ["format metadata.labels.a", aCredential({}, { labels: { a: text } })],
      ["format metadata.labels.a\uFFFDb", aCredential({}, { labels: { [text]: "a" } })],
      ["format spec.comment", aRecord({ comment: text })],
      ["format spec.name", aRecord({ name: text })],
      ["format spec.values[0]", aRecord({ type: "TXT", values: [text] })],
      ["format spec.values[0]", aRecord({ type: "SVCB", values: [`1 . key65000="${text}"`] })],
      ["format spec.domain", aDocument("Domain", { domain: `${text}.test`, credentialRef: { name: "c" } })]
    ])("%s", (path, input) => {
      expect(paths(input)).toEqual([path])
    })

    it("but for annotations, which may have lines", () => {
      const found = paths(aCredential({}, { annotations: { a: text } }))
      expect(found).toEqual(what === "a line break" ? [] : ["format metadata.annotations.a"])
    })
  })

  it.each(["20", "0", "30%", "100%"])("takes maxDeletions %s", (maxDeletions) => {
    const spec = { domain: "example.test", credentialRef: { name: "c" }, maxDeletions }
    expect(mistakes(aDocument("Domain", spec))).toEqual([])
  })

  it("takes maxDeletions as a number, as YAML reads 20", () => {
    const spec = { domain: "example.test", credentialRef: { name: "c" }, maxDeletions: 20 }
    expect(Result.getOrThrow(parseDocument(aDocument("Domain", spec))).spec).toMatchObject({ maxDeletions: "20" })
  })

  it.each([-1, 1.5, 1_000_000, true, null])("refuses maxDeletions %j, which is no count", (maxDeletions) => {
    const spec = { domain: "example.test", credentialRef: { name: "c" }, maxDeletions }
    expect(mistakes(aDocument("Domain", spec))).toHaveLength(1)
  })

  it.each(["-1", "101%", "many", "5 %"])("refuses maxDeletions %s", (maxDeletions) => {
    const spec = { domain: "example.test", credentialRef: { name: "c" }, maxDeletions }
    expect(paths(aDocument("Domain", spec))).toEqual(["format spec.maxDeletions"])
  })

  it("refuses a domain that is an address", () => {
    expect(paths(aDocument("Domain", { domain: "192.0.2.1", credentialRef: { name: "c" } }))).toEqual([
      "format spec.domain"
    ])
  })

  it.each([[null], [5], ["text"], [[]]])("refuses what is no document: %j", (input) => {
    expect(mistakes(input)).toEqual([": must be an object with apiVersion, kind, metadata and spec"])
  })

  it("refuses a kind and a version that nobody knows", () => {
    expect(paths({ ...aRecord(), kind: "Pod", apiVersion: "v1" })).toEqual(["value apiVersion", "value kind"])
  })

  it("bounds names and values", () => {
    const values = Array.from({ length: 101 }, (_, index) => `192.0.2.${index}`)
    expect(paths(aRecord({ values }))).toEqual(["value spec.values"])
    expect(paths(aRecord({ type: "TXT", values: ["x".repeat(2049)] }))).toContain("value spec.values[0]")
    expect(paths(aDocument("DnsRecord", aRecord().spec, { name: "a".repeat(254) }))).toEqual(["value metadata.name"])
  })

  it("quotes nothing of a field that may hold a secret", () => {
    const input = aDocument("Credential", {
      provider: "cloudflare",
      tokenFrom: { env: "secret value" },
      apiToken: "secret value"
    })
    expect(JSON.stringify(mistakes(input))).not.toContain("secret value")
  })
})

describe("kinds", () => {
  it.each(KIND_NAMES)("gives %s a schema that JSON Schema can say, patterns included", (kind) => {
    const { schema } = Schema.toJsonSchemaDocument(kinds[kind].spec)
    expect(schema).toMatchObject({ type: "object" })
    expect(JSON.stringify(schema)).toContain('"pattern"')
  })

  it.each([
    ["DnsRecord", "DnsRecord"],
    ["dnsrecords", "DnsRecord"],
    ["dns", "DnsRecord"],
    ["domain", "Domain"],
    ["cred", "Credential"],
    ["pods", undefined]
  ])("knows %s as %s", (word, kind) => {
    expect(findKind(word)).toBe(kind)
  })

  it("gives no two kinds the same word", () => {
    const all = KIND_NAMES.flatMap((kind) => [kind.toLowerCase(), kinds[kind].plural, ...kinds[kind].shortNames])
    expect(new Set(all).size).toBe(all.length)
  })
})
