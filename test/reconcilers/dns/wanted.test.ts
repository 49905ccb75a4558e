/** Each row of the tables of `wanted.ts`. */
import { describe, expect, it } from "vitest"
import type { Row } from "../../../src/reconcilers/dns/view.ts"
import { cannotStandTogether, wantedOf } from "../../../src/reconcilers/dns/wanted.ts"
import { aRow, aView } from "../../support/dns-views.ts"

type Facts = Partial<Row>
const of = (...rows: ReadonlyArray<Facts>) =>
  wantedOf(aView({ rows: rows.map((facts, i) => aRow({ id: i + 1, ...facts })) }))

describe("two rows", () => {
  it("that want one record with the same settings share it", () => {
    const { refusals, wanted } = of({}, {})
    expect(wanted.map(({ rows }) => rows.map(({ id }) => id))).toEqual([[1, 2]])
    expect(refusals).toEqual([])
  })

  it("that share a record use the first comment there is", () => {
    expect(of({}, { comment: "second" }, { comment: "third" }).wanted).toMatchObject([{ comment: "second" }])
  })

  it("that write one value in two ways share it", () => {
    expect(
      of({ type: "AAAA", value: "2001:db8::1" }, { type: "AAAA", value: "2001:DB8:0:0:0:0:0:1" }).wanted
    ).toHaveLength(1)
  })

  it("share a proxied record whatever ttl they ask for: the provider chooses it", () => {
    const { refusals, wanted } = of({ proxied: true, ttl: 60 }, { proxied: true, ttl: 600 })
    expect(wanted).toMatchObject([{ ttl: 1, proxied: true, rows: [{ id: 1 }, { id: 2 }] }])
    expect(refusals).toEqual([])
  })

  it.each<[string, Facts, Facts]>([
    ["one record with another ttl", {}, { ttl: 600 }],
    ["one record, one of them proxied", {}, { proxied: true }],
    [
      "two CNAME targets for one name",
      { type: "CNAME", value: "a.example.net" },
      { type: "CNAME", value: "b.example.net" }
    ],
    ["a CNAME and an A of one name", { type: "CNAME", value: "a.example.net" }, {}],
    ["an A and a CNAME of one name", {}, { type: "CNAME", value: "a.example.net" }],
    [
      "a CNAME and an AAAA of one name",
      { type: "CNAME", value: "a.example.net" },
      { type: "AAAA", value: "2001:db8::1" }
    ],
    [
      "a CNAME and an NS of one name",
      { type: "CNAME", value: "a.example.net" },
      { type: "NS", value: "ns1.example.net" }
    ],
    ["an NS and a TXT of one name", { type: "NS", value: "ns1.example.net" }, { type: "TXT", value: "words" }],
    ["a TXT and an NS of one name", { type: "TXT", value: "words" }, { type: "NS", value: "ns1.example.net" }]
  ])("that want %s: the oldest wins, the younger shows Conflict and names it", (_, older, younger) => {
    const { refusals, wanted } = of(older, younger)
    expect(wanted.map(({ rows }) => rows.map(({ id }) => id))).toEqual([[1]])
    expect(refusals).toMatchObject([{ row: { id: 2 }, reason: "Conflict" }])
    expect(refusals[0]?.message).toMatch(/^record 1 asks for/u)
  })

  it("are judged by age, not by the order they come in", () => {
    const rows = [aRow({ id: 2, ttl: 600 }), aRow({ id: 1 })]
    expect(wantedOf(aView({ rows })).refusals).toMatchObject([{ row: { id: 2 } }])
  })

  it.each<[string, Facts, Facts]>([
    ["two addresses", {}, { value: "192.0.2.2" }],
    ["an A and an AAAA", {}, { type: "AAAA", value: "2001:db8::1" }],
    ["a CNAME and a TXT", { type: "CNAME", value: "a.example.net" }, { type: "TXT", value: "words" }],
    [
      "two name servers of a delegation",
      { type: "NS", value: "ns1.example.net" },
      { type: "NS", value: "ns2.example.net" }
    ],
    ["a CNAME and an A of other names", { type: "CNAME", value: "a.example.net" }, { name: "other" }]
  ])("that want %s stand together", (_, one, other) => {
    const { refusals, wanted } = of(one, other)
    expect(wanted).toHaveLength(2)
    expect(refusals).toEqual([])
  })

  it("of which one is to go do not conflict", () => {
    expect(of({ present: false }, { type: "CNAME", value: "a.example.net" }).refusals).toEqual([])
  })
})

describe("a row is refused", () => {
  it.each<[string, Facts, string, string]>([
    ["whose name has no meaning", { name: "a..b" }, "InvalidRecord", "empty label"],
    ["whose name ends in the zone", { name: "www.example.test" }, "InvalidRecord", 'write "www"'],
    ["whose value has no meaning", { value: "300.0.2.1" }, "InvalidRecord", "300.0.2.1"],
    ["whose ttl is below the plan's least", { ttl: 30 }, "InvalidRecord", "below 60 s"],
    [
      "whose type cannot be proxied",
      { type: "TXT", value: "words", proxied: true },
      "InvalidRecord",
      "can be proxied, not TXT"
    ],
    ["whose comment has no room beside the mark", { comment: "x".repeat(500) }, "InvalidRecord", "leaves room for"],
    [
      "whose CNAME points at itself",
      { type: "CNAME", value: "WWW.example.test." },
      "InvalidRecord",
      "cannot point at itself"
    ],
    [
      "whose type is NS at the zone's apex",
      { name: "@", type: "NS", value: "ns1.example.net" },
      "ReservedByProvider",
      "provider's own"
    ]
  ])("%s", (_, facts, reason, words) => {
    const { refusals, wanted } = of(facts)
    expect(wanted).toEqual([])
    expect(refusals).toMatchObject([{ row: { id: 1 }, reason }])
    expect(refusals[0]?.message).toContain(words)
  })

  it.each<[string, Facts, Partial<Parameters<typeof aView>[0]>]>([
    ["a ttl of 30 s where the plan allows it", { ttl: 30 }, { settings: { leastTtl: 30 } }],
    ["the automatic ttl", { ttl: 1 }, {}],
    ["any ttl of a proxied record", { ttl: 30, proxied: true }, {}],
    ["any comment where comments cannot be had", { comment: "x".repeat(500) }, { settings: { commentLimit: 0 } }],
    ["an NS below the apex", { name: "sub", type: "NS", value: "ns1.example.net" }, {}]
  ])("but not for %s", (_, facts, view) => {
    const { refusals, wanted } = wantedOf(aView({ ...view, rows: [aRow(facts)] }))
    expect(refusals).toEqual([])
    expect(wanted).toHaveLength(1)
  })
})

describe("what is wanted", () => {
  it("has a complete name, the canonical value and the settings to write", () => {
    expect(
      of({ name: "@", type: "MX", value: "10 MAIL.example.net.", ttl: 600, comment: "post" }).wanted
    ).toMatchObject([
      {
        key: "MX example.test 10 mail.example.net",
        name: "example.test",
        text: "10 mail.example.net",
        ttl: 600,
        proxied: false,
        comment: "post"
      }
    ])
  })
})

describe("whether two types can stand together at one name", () => {
  it.each([
    ["A", "CNAME", true],
    ["CNAME", "CNAME", true],
    ["CNAME", "TXT", false],
    ["NS", "NS", false],
    ["NS", "A", true],
    ["MX", "NS", true],
    ["NS", "DS", false],
    ["DS", "A", false],
    ["A", "A", false]
  ])("%s and %s: excluded is %s", (one, other, excluded) => {
    expect([cannotStandTogether(one, other), cannotStandTogether(other, one)]).toEqual([excluded, excluded])
  })
})
