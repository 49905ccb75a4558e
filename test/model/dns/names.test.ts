import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  normaliseDomain,
  normaliseHost,
  normaliseHostOrRoot,
  normaliseName,
  observedHost,
  relativeName,
  toFqdn
} from "../../../src/model/dns/names.ts"
import { host, label, mixedCase } from "./arbitraries.ts"

const ok = <A, E>(result: Result.Result<A, E>): A => Result.getOrThrow(result)
const refusal = <A>(result: Result.Result<A, { readonly message: string }>): string =>
  Result.getOrThrow(Result.flip(result)).message

describe("toFqdn", () => {
  it.each([
    ["@", "example.test", "example.test"],
    ["www", "example.test", "www.example.test"],
    ["a.b", "example.test", "a.b.example.test"],
    ["", "example.test", "example.test"],
    ["test.example.test", "example.test", "test.example.test"],
    ["example.test", "example.test", "example.test"],
    [" www ", " example.test ", "www.example.test"]
  ])("makes %j in %j complete, as the seed's own cases ask", (name, zone, fqdn) => {
    expect(toFqdn(name, zone)).toBe(fqdn)
  })

  it("does not take a name for complete because the zone's letters stand at its end", () => {
    expect(toFqdn("notexample.test", "example.test")).toBe("notexample.test.example.test")
  })

  it("never appends the zone twice (L1)", () => {
    expect(toFqdn(toFqdn("www", "example.test"), "example.test")).toBe("www.example.test")
  })

  it("takes a last dot and upper case for what they are", () => {
    expect(toFqdn("WWW.Example.TEST.", "example.test")).toBe("www.example.test")
  })
})

describe("relativeName", () => {
  it.each([
    ["example.test", "@"],
    ["Example.Test.", "@"],
    ["www.example.test", "www"],
    ["*.a.example.test", "*.a"],
    ["www.other.test", "www.other.test."],
    ["notexample.test", "notexample.test."],
    ["www.example.test.example.test", "www.example.test.example.test."]
  ])("shortens %j to %j", (fqdn, name) => {
    expect(relativeName(fqdn, "example.test")).toBe(name)
  })

  it("undoes toFqdn for every name a row may hold", () => {
    fc.assert(
      fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), host, (labels, zone) => {
        const name = labels.join(".")
        fc.pre(Result.isSuccess(normaliseName(name, zone)))
        expect(relativeName(toFqdn(name, zone), zone)).toBe(name)
      })
    )
  })

  it("is undone by toFqdn for every name at a provider", () => {
    const zone = "example.test"
    const inside = fc.array(fc.oneof(label, fc.constant(zone)), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(inside, fc.boolean(), (labels, within) => {
        const fqdn = [...labels, ...(within ? [zone] : [])].join(".")
        expect(toFqdn(relativeName(fqdn, zone), zone)).toBe(fqdn)
      })
    )
  })
})

describe("normaliseName", () => {
  it.each([
    ["@", "@"],
    [" WWW ", "www"],
    ["a.B", "a.b"],
    ["_acme-challenge", "_acme-challenge"],
    ["*", "*"],
    ["*.a", "*.a"],
    ["Bücher", "xn--bcher-kva"],
    ["www.Bücher", "www.xn--bcher-kva"],
    ["a。b", "a.b"],
    ["www.example.test.com", "www.example.test.com"],
    ["a--b", "a--b"],
    ["x".repeat(63), "x".repeat(63)]
  ])("keeps %j as %j", (input, name) => {
    expect(ok(normaliseName(input, "example.test"))).toBe(name)
  })

  it.each([
    ["", 'the name is empty; write "@" for example.test itself'],
    ["www.example.test", 'names are relative to example.test, so write "www"'],
    ["WWW.EXAMPLE.TEST.", 'names are relative to example.test, so write "www"'],
    ["example.test", 'names are relative to example.test, so write "@"'],
    ["foo.", 'names are relative to example.test, so write "foo", which stands for foo.example.test'],
    ["a..b", "has an empty label"],
    [".a", "has an empty label"],
    [".", "the name is empty"],
    ["a.*", '"*" stands alone and first'],
    ["a*", '"*" stands alone and first'],
    ["*ü", '"*" stands alone and first'],
    ["a b", 'the label "a b" is not valid'],
    ["-a", 'the label "-a" is not valid'],
    ["a-", 'the label "a-" is not valid'],
    ["a/b", 'the label "a/b" is not valid'],
    ["ü/b", 'the label "ü/b" is not valid'],
    ["ü%41", 'the label "ü%41" is not valid'],
    ["１２", 'the label "１２" is not valid'],
    ["\u00AD", "is not valid"],
    ["x".repeat(64), "has 64 characters; 63 are allowed"],
    ["ü".repeat(60), "63 are allowed"]
  ])("refuses %j and says what would be right", (input, message) => {
    expect(refusal(normaliseName(input, "example.test"))).toContain(message)
  })

  it("names no short form for a name that carries the zone twice", () => {
    const message = refusal(normaliseName("www.example.test.example.test", "example.test"))
    expect(message).toMatch(/names are relative to example\.test$/u)
  })

  it("takes a complete name of 253 characters and refuses one of 254", () => {
    const name = [63, 63, 63].map((length) => "a".repeat(length)).join(".")
    expect(ok(normaliseName(`${name}.${"a".repeat(48)}`, "example.test"))).toHaveLength(240)
    expect(refusal(normaliseName(`${name}.${"a".repeat(49)}`, "example.test"))).toContain("253 are allowed")
  })

  it("says the same of its own answer", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 12 }), (input) => {
        const once = normaliseName(input, "example.test")
        fc.pre(Result.isSuccess(once))
        expect(ok(normaliseName(ok(once), "example.test"))).toBe(ok(once))
      })
    )
  })

  it("answers, and with printable text only, whatever is put in", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (input) => {
        const answer = normaliseName(input, "example.test")
        expect(Result.isSuccess(answer) ? answer.success : answer.failure.message).not.toMatch(/\p{Cc}|\p{Cs}/u)
      })
    )
  })
})

describe("normaliseDomain", () => {
  it.each([
    [" Example.TEST. ", "example.test"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["a.co.uk", "a.co.uk"]
  ])("keeps %j as %j", (input, domain) => {
    expect(ok(normaliseDomain(input))).toBe(domain)
  })

  it.each([
    ["", "the name is empty"],
    ["test", "has one label"],
    ["192.0.2.1", "is an address"],
    ["2001:db8::1", "is an address"],
    ["192.0.2.1.", "ends in a number"],
    ["example.test:8080", 'the label "test:8080" is not valid'],
    ["https://example.test", 'the label "https://example" is not valid'],
    ["*.example.test", "a wildcard has no meaning here"],
    [`${"a.".repeat(126)}test`, "253 are allowed"]
  ])("refuses %j", (input, message) => {
    expect(refusal(normaliseDomain(input))).toContain(message)
  })
})

describe("normaliseHost", () => {
  it.each([
    [" Mail.Example.Test. ", "mail.example.test"],
    ["_x._y.example.test", "_x._y.example.test"],
    ["bücher.example。", "xn--bcher-kva.example"]
  ])("keeps %j as %j", (input, name) => {
    expect(ok(normaliseHost(input))).toBe(name)
  })

  it.each([
    ["prefix.", 'the host "prefix." is not complete; write it with its domain: "prefix.example.test"'],
    ["prefix", "is not complete"],
    ["@", "write out the zone's name"],
    [".", "has no meaning here"],
    ["", "the name is empty"],
    ["192.0.2.1", "is an address"],
    ["mail.example.1", "ends in a number"],
    ["*.example.test", "a wildcard has no meaning here"],
    ["a.example.test..", "has an empty label"]
  ])("refuses %j (L2 and its kin)", (input, message) => {
    expect(refusal(normaliseHost(input))).toContain(message)
  })

  it("keeps the null target only where it has a meaning", () => {
    expect(ok(normaliseHostOrRoot(" . "))).toBe(".")
    expect(ok(normaliseHostOrRoot("a.example.test."))).toBe("a.example.test")
    expect(refusal(normaliseHostOrRoot("a."))).toContain("is not complete")
  })
})

describe("observedHost", () => {
  it.each([
    ["Mail.Example.Test.", "mail.example.test"],
    ["localhost", "localhost"],
    ["0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"],
    ["Bücher.example", "xn--bcher-kva.example"],
    [".", "."]
  ])("reads %j as %j", (text, name) => {
    expect(observedHost(text)).toBe(name)
  })

  it("reads every host that may be asked for as what was asked for", () => {
    fc.assert(
      fc.property(host.chain(mixedCase), fc.boolean(), (name, dot) => {
        expect(observedHost(dot ? `${name}.` : name)).toBe(ok(normaliseHost(name)))
      })
    )
  })
})
