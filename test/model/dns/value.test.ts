import { Result } from "effect"
import { describe, expect, it } from "vitest"
import type { RecordType } from "../../../src/model/dns/record.ts"
import { canonicalText, parseDesired, parseObserved, toApi } from "../../../src/model/dns/value.ts"

const [SHA1, SHA256, SHA512] = [40, 64, 128].map((digits) => "0a".repeat(digits / 2))

describe("parseDesired", () => {
  it.each<[RecordType, string, string]>([
    ["A", " 192.0.2.1 ", "192.0.2.1"],
    ["AAAA", "FE80::0:0:1", "fe80::1"],
    ["AAAA", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["AAAA", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
    ["AAAA", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["AAAA", "::ffff:192.0.2.1", "::ffff:c000:201"],
    ["AAAA", "::192.0.2.1", "::c000:201"],
    ["CNAME", "WWW.Example.Test.", "www.example.test"],
    ["NS", "ns1.bücher.example", "ns1.xn--bcher-kva.example"],
    ["PTR", "host.example.test", "host.example.test"],
    ["TXT", " as it is ", " as it is "],
    ["TXT", `"quoted"`, `"quoted"`],
    ["TXT", "漢字 \\ 😀", "漢字 \\ 😀"],
    ["MX", "010\tMail.example.test.", "10 mail.example.test"],
    ["MX", "0 .", "0 ."],
    ["SRV", "0  5 443 host.example.test.", "0 5 443 host.example.test"],
    ["SRV", "0 0 0 .", "0 0 0 ."],
    ["CAA", `0 ISSUE "letsencrypt.org"`, `0 issue "letsencrypt.org"`],
    ["CAA", "128 issuewild ;", `128 issuewild ";"`],
    ["CAA", `0 issue "ca.test; account=1"`, `0 issue "ca.test; account=1"`],
    ["HTTPS", `1 . alpn="h2,h3"`, `1 . alpn="h2,h3"`],
    ["HTTPS", "0 svc.example.test.", "0 svc.example.test"],
    [
      "HTTPS",
      "1 . port=8443 ipv4hint=192.0.2.1,192.0.2.2 alpn=h3",
      `1 . alpn="h3" port="8443" ipv4hint="192.0.2.1,192.0.2.2"`
    ],
    [
      "SVCB",
      "2 a.test IPV6HINT=2001:DB8:0::1 no-default-alpn= alpn=h2",
      `2 a.test alpn="h2" no-default-alpn ipv6hint="2001:db8::1"`
    ],
    [
      "SVCB",
      "1 . mandatory=port,alpn alpn=h2 port=1 ech=AEX+DQ==",
      `1 . mandatory="alpn,port" alpn="h2" port="1" ech="AEX+DQ=="`
    ],
    [
      "SVCB",
      "1 . key65280 dohpath=/q{?dns} tls-supported-groups=29,23 ohttp",
      `1 . dohpath="/q{?dns}" ohttp tls-supported-groups="29,23" key65280`
    ],
    ["SVCB", String.raw`1 . key65281="\097\"\200 é"`, String.raw`1 . key65281="a\"\200 \195\169"`],
    ["TLSA", `3 1 1 ${SHA256?.toUpperCase()}`, `3 1 1 ${SHA256}`],
    ["TLSA", `3 1 2 ${SHA512?.slice(0, 64)} ${SHA512?.slice(64)}`, `3 1 2 ${SHA512}`],
    ["TLSA", "3 0 0 0A 0b", "3 0 0 0a0b"],
    ["SSHFP", `4 2 ${SHA256?.toUpperCase()}`, `4 2 ${SHA256}`],
    ["SSHFP", `1 1 ${SHA1}`, `1 1 ${SHA1}`]
  ])("reads %s %j as %j", (type, value, canonical) => {
    expect(Result.map(parseDesired(type, value), canonicalText)).toEqual(Result.succeed(canonical))
  })

  it.each<[RecordType, string, string]>([
    ["A", "192.0.2.01", 'is not an IPv4 address such as "192.0.2.1"'],
    ["A", "192.0.2", "is not an IPv4 address"],
    ["A", "2001:db8::1", "is not an IPv4 address"],
    ["AAAA", "192.0.2.1", 'is not an IPv6 address such as "2001:db8::1"'],
    ["AAAA", "1::2::3", "is not an IPv6 address"],
    ["AAAA", "fe80::1%eth0", 'has a scope ("%")'],
    ["CNAME", "prefix.", "is not complete"],
    ["CNAME", ".", "has no meaning here"],
    ["CNAME", "a.test b.test", "is one host"],
    ["NS", "192.0.2.1", "is an address; a host name belongs here"],
    ["PTR", "", "the name is empty"],
    ["TXT", "", "is empty; write at least one character"],
    ["TXT", "two\nlines", "a line break"],
    ["TXT", "half \uDC00", "control character"],
    ["TXT", "ü".repeat(1025), "has 2050 bytes; Cloudflare takes 2048"],
    ["MX", "mail.example.test", 'is priority and host, as in "10 mail.example.test"'],
    ["MX", "10 mail example.test", "is priority and host"],
    ["MX", "70000 mail.example.test", "is not a whole number from 0 to 65535"],
    ["MX", "-1 mail.example.test", "is not a whole number"],
    ["MX", "10 .", 'is written "0 ."'],
    ["MX", "10 mail", "is not complete"],
    ["SRV", "5 443 host.example.test", "is priority, weight, port and host"],
    ["SRV", "0 5 https host.example.test", 'the SRV port "https" is not a whole number'],
    ["CAA", "0 issue", "is flags, tag and quoted value"],
    ["CAA", `256 issue "ca.test"`, "from 0 to 255"],
    ["CAA", `0 is-sue "ca.test"`, "is not made of 1 to 15 letters and digits"],
    ["CAA", "0 issue ca.test; account=1", "needs one pair of quotes around all of it"],
    ["CAA", `0 issue "ca.test`, "needs one pair of quotes around all of it"],
    ["CAA", `0 issue ""`, `is written ";"`],
    ["CAA", `0 issue "ü"`, "is not printable ASCII"],
    ["CAA", String.raw`0 issue "a\"b"`, "without quotes and backslashes"],
    ["HTTPS", "1", "is priority, host and parameters"],
    ["HTTPS", "1 svc", "is not complete"],
    ["HTTPS", "0 . alpn=h2", "priority 0 makes an alias"],
    ["HTTPS", "1 . alpn=h2 alpn=h3", 'the parameter "alpn" stands there twice'],
    ["HTTPS", "1 . alpn=h2,h2", 'the parameter "alpn": names something twice'],
    ["HTTPS", "1 . alpn", 'the parameter "alpn": needs a value'],
    ["HTTPS", String.raw`1 . alpn=a\\,b`, "is not a protocol"],
    ["HTTPS", "1 . no-default-alpn", '"no-default-alpn" needs "alpn"'],
    ["HTTPS", "1 . ohttp=1", "takes no value"],
    ["HTTPS", "1 . mandatory=port alpn=h2", '"mandatory" names "port", which is not there'],
    ["HTTPS", "1 . mandatory=mandatory", "cannot be mandatory"],
    ["HTTPS", "1 . port=70000", "is not a whole number from 0 to 65535"],
    ["HTTPS", "1 . ipv4hint=1.2.3", "is not an IPv4 address"],
    ["HTTPS", "1 . ipv6hint=192.0.2.1", "is not an IPv6 address"],
    ["HTTPS", "1 . ech=***", "needs base64"],
    ["HTTPS", "1 . key1=h2", 'write "alpn" instead'],
    ["HTTPS", "1 . key65536=x", "unknown; known are mandatory, alpn"],
    ["HTTPS", "1 . colour=red", "unknown; known are mandatory, alpn"],
    ["SVCB", `1 . alpn="h2"port=1`, 'is not written as key or key="value"'],
    ["SVCB", `1 . alpn="h2`, 'is not written as key or key="value"'],
    ["SVCB", `1 . key65280=${"x".repeat(2048)}`, "2048 are allowed"],
    ["SVCB", `1 . key65280=${"ü".repeat(300)}`, "has 2415 characters; 2048 are allowed"],
    ["TLSA", "3 1 1", "is usage, selector, matching type and hex data"],
    ["TLSA", `4 1 1 ${SHA256}`, "TLSA usage"],
    ["TLSA", `3 2 1 ${SHA256}`, "TLSA selector"],
    ["TLSA", `3 1 3 ${SHA256}`, "TLSA matching type"],
    ["TLSA", `3 1 1 ${SHA512}`, "has 128 hex digits; this kind has 64"],
    ["TLSA", "3 0 0 abc", "is not an even number of hex digits"],
    ["SSHFP", "4 2", "is algorithm, fingerprint type and hex fingerprint"],
    ["SSHFP", `5 2 ${SHA256}`, "is not 1 RSA"],
    ["SSHFP", `4 3 ${SHA256}`, "is not 1 SHA-1 or 2 SHA-256"],
    ["SSHFP", `4 1 ${SHA256}`, "has 64 hex digits; this kind has 40"],
    ["SSHFP", "4 2 xyz", "is not an even number of hex digits"]
  ])("refuses %s %j and says why", (type, value, message) => {
    expect(Result.getOrThrow(Result.flip(parseDesired(type, value))).message).toContain(message)
  })

  it("cites long input in part only, and no control characters of it", () => {
    const { message } = Result.getOrThrow(Result.flip(parseDesired("A", `\u001B[31m${"x".repeat(500)}`)))
    expect(message).toMatch(/^"\uFFFD\[31mx{74}…" is not an IPv4 address/u)
  })
})

describe("parseObserved", () => {
  it.each<[RecordType, Parameters<typeof parseObserved>[1], string]>([
    ["TXT", { content: "plain" }, "plain"],
    ["TXT", { content: `"one " "two"` }, "one two"],
    ["TXT", { content: `"only opening` }, `"only opening`],
    ["TXT", { content: `only closing"` }, `only closing"`],
    ["TXT", { content: `"` }, `"`],
    ["TXT", { content: String.raw`"\"a\" \\ \195\188 \999"` }, `"a" \\ ü 999`],
    ["TXT", { content: `"\uFEFFx"` }, "\uFEFFx"],
    ["CNAME", { content: "localhost" }, "localhost"],
    ["MX", { content: ".", priority: 0, data: {} }, "0 ."],
    ["SRV", { data: { priority: 0, weight: 0, port: 0, target: false } }, "0 0 0 ."],
    ["SRV", { content: "1 443 host.example.test", priority: 7 }, "7 1 443 host.example.test"],
    ["CAA", { data: { flags: 0, tag: "issue", value: "ü" } }, String.raw`0 issue "\195\188"`],
    [
      "HTTPS",
      { data: { priority: 1, target: ".", value: `ipv4hint="192.0.2.1" alpn="h3,h2"` } },
      `1 . alpn="h3,h2" ipv4hint="192.0.2.1"`
    ],
    ["HTTPS", { content: "1 svc colour=red alpn=a,a key7=x" }, `1 svc alpn="a,a" key7="x" colour="red"`],
    ["TLSA", { content: "255 255 255 AB CD" }, "255 255 255 abcd"]
  ])("reads %s %j as %j, also what we would not write", (type, record, canonical) => {
    expect(Result.map(parseObserved(type, record), canonicalText)).toEqual(Result.succeed(canonical))
  })

  it.each<[RecordType, Parameters<typeof parseObserved>[1]]>([
    ["A", {}],
    ["AAAA", { content: "nonsense" }],
    ["CNAME", { content: " " }],
    ["TXT", { content: String.raw`"\255"` }],
    ["TXT", { content: String.raw`"a\000b"` }],
    ["MX", { content: "mail.example.test", priority: null }],
    ["SRV", { content: "host.example.test", data: null }],
    ["CAA", { data: { flags: 0, tag: "issue" } }],
    ["HTTPS", { data: { priority: "x", target: ".", value: "" } }],
    ["TLSA", { data: { usage: 3, selector: 1, matching_type: 1, certificate: "" } }],
    ["SSHFP", { content: "" }]
  ])("fails for %s %j instead of making something up", (type, record) => {
    expect(Result.getOrThrow(Result.flip(parseObserved(type, record))).message).not.toBe("")
  })
})

describe("toApi", () => {
  it.each<[RecordType, string, unknown]>([
    ["A", "192.0.2.1", { content: "192.0.2.1" }],
    ["CNAME", "www.example.test.", { content: "www.example.test" }],
    ["TXT", `say "hi" \\`, { content: String.raw`"say \"hi\" \\"` }],
    ["TXT", "x".repeat(256), { content: `"${"x".repeat(255)}" "x"` }],
    ["TXT", `${"x".repeat(254)}ü`, { content: `"${"x".repeat(254)}" "ü"` }],
    ["MX", "10 mail.example.test", { content: "mail.example.test", priority: 10 }],
    ["SRV", "0 5 443 .", { data: { priority: 0, weight: 5, port: 443, target: "." } }],
    ["CAA", `0 issue "letsencrypt.org"`, { data: { flags: 0, tag: "issue", value: "letsencrypt.org" } }],
    ["HTTPS", "1 . port=1 alpn=h2", { data: { priority: 1, target: ".", value: `alpn="h2" port="1"` } }],
    ["SVCB", "0 svc.example.test", { data: { priority: 0, target: "svc.example.test", value: "" } }],
    ["TLSA", "3 1 0 abcd", { data: { usage: 3, selector: 1, matching_type: 0, certificate: "abcd" } }],
    ["SSHFP", `4 1 ${SHA1}`, { data: { algorithm: 4, type: 1, fingerprint: SHA1 } }]
  ])("writes %s %j as Cloudflare takes it", (type, value, body) => {
    expect(Result.map(parseDesired(type, value), toApi)).toEqual(Result.succeed(body))
  })
})
