/** The values that the API takes of each type, how it writes them down, and the code with which it refuses the rest. */
import { describe, expect, it } from "vitest"
import { RECORD_TYPES } from "../../src/simulator/values.ts"
import { codes, drive } from "./drive.ts"

const X = "x".repeat(255)
const HEX = "ab".repeat(32)

describe("a record's value", () => {
  it.each([
    [{ type: "A", name: "www", content: "192.0.2.1" }, "192.0.2.1"],
    [{ type: "AAAA", name: "www", content: "fe80::0:0:1" }, "fe80::1"],
    [{ type: "AAAA", name: "www", content: "2001:DB8:0:0:8:800:200C:417A" }, "2001:db8::8:800:200c:417a"],
    [{ type: "AAAA", name: "www", content: "2001:db8:0:1:1:1:1:1" }, "2001:db8:0:1:1:1:1:1"],
    [{ type: "AAAA", name: "www", content: "2001:0:0:1:0:0:0:1" }, "2001:0:0:1::1"],
    [{ type: "AAAA", name: "www", content: "2001:db8:0:0:1:0:0:1" }, "2001:db8::1:0:0:1"],
    [{ type: "AAAA", name: "www", content: "0:0:0:0:0:0:0:0" }, "::"],
    [{ type: "AAAA", name: "www", content: "::ffff:c000:201" }, "::ffff:192.0.2.1"],
    [{ type: "AAAA", name: "www", content: "64:ff9b::192.0.2.33" }, "64:ff9b::c000:221"],
    [{ type: "CNAME", name: "www", content: "Target.Example.NET." }, "target.example.net"],
    [{ type: "CNAME", name: "www", content: "bücher.example" }, "xn--bcher-kva.example"],
    [{ type: "NS", name: "sub", content: "ns1.example.net." }, "ns1.example.net"],
    [{ type: "PTR", name: "ptr", content: "host.example.net." }, "host.example.net"],
    [{ type: "MX", name: "@", content: "mail.example.net.", priority: 10 }, "mail.example.net"],
    [{ type: "MX", name: "@", content: ".", priority: 0 }, "."],
    [{ type: "TXT", name: "@", content: "plain text" }, "plain text"],
    [{ type: "TXT", name: "@", content: '"quoted" "twice"' }, '"quoted" "twice"'],
    [{ type: "TXT", name: "@", content: String.raw`"a \"b\" \\ c"` }, String.raw`"a \"b\" \\ c"`],
    [{ type: "TXT", name: "@", content: String.raw`"\065\"\233"` }, String.raw`"A\"\233"`],
    [{ type: "TXT", name: "@", content: '"grüße"' }, '"grüße"'],
    [{ type: "TXT", name: "@", content: `${X}rest` }, `"${X}" "rest"`],
    [{ type: "TXT", name: "@", content: `"${X}rest"` }, `"${X}" "rest"`],
    [{ type: "TXT", name: "@", content: `${"x".repeat(254)}ü` }, String.raw`"${"x".repeat(254)}\195" "\188"`],
    [{ type: "OPENPGPKEY", name: "key", content: "mQENBFVHm5sBCAC=" }, "mQENBFVHm5sBCAC="],
    [srv({}), "5 443 host.example.net"],
    [srv({ target: "Host.Example.NET." }), "5 443 host.example.net"],
    [srv({ target: "." }), "5 443 ."],
    [{ type: "CAA", name: "@", data: { flags: 0, tag: "issue", value: "ca.example" } }, '0 issue "ca.example"'],
    [tlsa({ certificate: HEX }), `3 1 1 ${HEX.toUpperCase()}`],
    [
      { type: "SMIMEA", name: "s", data: { usage: 3, selector: 0, matching_type: 0, certificate: "aabb" } },
      "3 0 0 AABB"
    ],
    [{ type: "SSHFP", name: "ssh", data: { algorithm: 4, type: 2, fingerprint: HEX } }, `4 2 ${HEX}`],
    [{ type: "HTTPS", name: "@", data: { priority: 1, target: ".", value: ' alpn="h2,h3"' } }, '1 . alpn="h2,h3"'],
    [{ type: "SVCB", name: "_s", data: { priority: 0, target: "pool.example.net.", value: "" } }, "0 pool.example.net"],
    [{ type: "CERT", name: "c", data: { type: 1, key_tag: 2, algorithm: 8, certificate: "AQID" } }, "1 2 8 AQID"],
    [
      { type: "DNSKEY", name: "k", data: { flags: 257, protocol: 3, algorithm: 13, public_key: "AQID" } },
      "257 3 13 AQID"
    ],
    [
      {
        type: "NAPTR",
        name: "n",
        data: {
          order: 1,
          preference: 2,
          flags: "S",
          service: "SIP+D2U",
          regex: "",
          replacement: "_sip._udp.example.net."
        }
      },
      '1 2 "S" "SIP+D2U" "" _sip._udp.example.net'
    ],
    [
      { type: "URI", name: "u", priority: 10, data: { weight: 1, target: "https://example.net/" } },
      '1 "https://example.net/"'
    ],
    [
      {
        type: "LOC",
        name: "l",
        data: { lat_degrees: 51, lat_direction: "N", long_degrees: 0, long_direction: "W", altitude: 10 }
      },
      "51 0 0 N 0 0 0 W 10.00m 0.00m 0.00m 0.00m"
    ]
  ])("%j is kept as %j", (record, content) => {
    const { call, create, list, records } = drive()
    const reply = create(record)
    expect(reply.errors).toEqual([])
    expect(reply.result.content).toBe(content)
    expect(list().result).toEqual([reply.result])
    expect(call("GET", `${records}/${reply.result.id}`).result).toEqual(reply.result)
  })

  it("is taken again as it was returned, for all 21 types, without becoming another", () => {
    const { call, create, records } = drive()
    const given: ReadonlyArray<{ type: string; name: string; [field: string]: unknown }> = [
      { type: "A", name: "a", content: "192.0.2.1" },
      { type: "AAAA", name: "a", content: "2001:DB8::1" },
      { type: "CNAME", name: "c", content: "x.example." },
      { type: "NS", name: "ns", content: "ns.example." },
      { type: "DS", name: "ns", data: { key_tag: 1, algorithm: 13, digest_type: 2, digest: HEX } },
      { type: "PTR", name: "p", content: "x.example." },
      { type: "MX", name: "m", content: "x.example.", priority: 5 },
      { type: "TXT", name: "t", content: `${X}ü` },
      { type: "OPENPGPKEY", name: "o", content: "AQID" },
      { type: "CERT", name: "ce", data: { type: 1, key_tag: 2, algorithm: 8, certificate: "AQID" } },
      { type: "DNSKEY", name: "k", data: { flags: 257, protocol: 3, algorithm: 13, public_key: "AQID" } },
      { type: "CAA", name: "ca", data: { flags: 0, tag: "issue", value: ";" } },
      { type: "HTTPS", name: "h", data: { priority: 1, target: ".", value: "port=443" } },
      { type: "SVCB", name: "h", data: { priority: 1, target: ".", value: "port=443" } },
      { type: "LOC", name: "l", data: { lat_degrees: 1, lat_direction: "N", long_degrees: 2, long_direction: "E" } },
      {
        type: "NAPTR",
        name: "n",
        data: { order: 1, preference: 1, flags: "", service: "", regex: "", replacement: "." }
      },
      { type: "SMIMEA", name: "s", data: { usage: 3, selector: 1, matching_type: 1, certificate: HEX } },
      { type: "SSHFP", name: "s", data: { algorithm: 4, type: 2, fingerprint: HEX } },
      { type: "URI", name: "u", priority: 1, data: { weight: 1, target: "https://example.net" } },
      srv({}),
      tlsa({ certificate: HEX })
    ]
    expect(given.map(({ type }) => type).toSorted()).toEqual(RECORD_TYPES)
    for (const record of given) {
      const { result } = create(record)
      expect(result.type).toBe(record.type)
      const again = call("PUT", `${records}/${result.id}`, result).result
      expect(again).toEqual(result)
      expect(codes(create(result))).toEqual([81058])
    }
  })

  it.each([
    [9005, { type: "A", name: "www", content: "192.0.2" }],
    [9005, { type: "A", name: "www", content: "192.0.2.01" }],
    [9005, { type: "A", name: "www", content: "2001:db8::1" }],
    [9006, { type: "AAAA", name: "www", content: "192.0.2.1" }],
    [9006, { type: "AAAA", name: "www", content: "fe80::1%eth0" }],
    [9007, { type: "CNAME", name: "www", content: "not a host" }],
    [9009, { type: "MX", name: "@", content: "192.0.2.1", priority: 10 }],
    [9009, { type: "MX", name: "@", content: "-bad-.example", priority: 10 }],
    [9039, { type: "CNAME", name: "www", content: "WWW.example.test." }],
    [9000, { type: "A", name: "a..b", content: "192.0.2.1" }],
    [9000, { type: "A", name: "", content: "192.0.2.1" }],
    [9000, { type: "A", name: "a.*.b", content: "192.0.2.1" }],
    [9000, { type: "A", name: "x".repeat(64), content: "192.0.2.1" }],
    [9000, { type: "A", name: Array(5).fill("x".repeat(60)).join("."), content: "192.0.2.1" }],
    [9000, { ...srv({}), name: "www" }],
    [9101, { type: "A", name: "www" }],
    [9101, { type: "MX", name: "@", content: "mail.example.net" }],
    [9101, { type: "SRV", name: "_a._tcp", content: "5 443 host.example.net", priority: 1 }],
    [9101, { type: "CAA", name: "@", data: { flags: 0, tag: "issue" } }],
    [9999, { type: "SPF", name: "@", content: "v=spf1" }],
    [9999, { type: "TXT", name: "@", content: "" }],
    [9999, { type: "TXT", name: "@", content: '""' }],
    [9999, { type: "TXT", name: "@", content: '"open' }],
    [9999, { type: "TXT", name: "@", content: '"a" b' }],
    [9999, { type: "TXT", name: "@", content: String.raw`"\999"` }],
    [9999, { type: "TXT", name: "@", content: "two\nlines" }],
    [9999, { type: "TXT", name: "@", content: "x".repeat(2049) }],
    [9999, srv({ port: 65_536 })],
    [9999, srv({ weight: "5" })],
    [9999, tlsa({ certificate: "abcd" })],
    [9999, { type: "CAA", name: "@", data: { flags: 0, tag: "unknown", value: "x" } }],
    [9999, { type: "HTTPS", name: "@", data: { priority: 1, target: ".", value: "nonsense=1" } }],
    [9999, { type: "HTTPS", name: "@", data: { priority: 1, target: ".", value: "port=1 port=2" } }],
    [9999, { type: "HTTPS", name: "@", data: { priority: 0, target: ".", value: "port=1" } }],
    [9999, { type: "MX", name: "@", content: "mail.example.net", priority: -1 }]
  ])("is refused with 1004 and %i in the chain: %j", (code, record) => {
    const { create, list } = drive()
    const reply = create(record)
    expect(reply.status).toBe(400)
    expect(codes(reply)).toEqual([1004, code])
    expect(list().result).toEqual([])
  })

  it("returns a null SRV target as false where told to", () => {
    const { control, create } = drive()
    control.setDialect({ nullTarget: "false" })
    expect(create(srv({ target: "." })).result.data).toMatchObject({ target: false })
  })
})

function srv(data: object) {
  const whole = { priority: 1, weight: 5, port: 443, target: "host.example.net", service: "_a", proto: "_tcp", ...data }
  return { type: "SRV", name: "_a._tcp", data: whole }
}

function tlsa(data: object) {
  return { type: "TLSA", name: "_443._tcp", data: { usage: 3, selector: 1, matching_type: 1, ...data } }
}
