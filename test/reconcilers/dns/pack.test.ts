/** How operations become batches: within the limit, with what belongs together in one, and halved to find a culprit. */
import fc from "fast-check"
import { Result } from "effect"
import { describe, expect, it } from "vitest"
import { parseDesired } from "../../../src/model/dns/value.ts"
import { Operation } from "../../../src/reconcilers/dns/operation.ts"
import { atomsOf, grows, halve, pack } from "../../../src/reconcilers/dns/pack.ts"
import type { Wanted } from "../../../src/reconcilers/dns/wanted.ts"
import { aRecord } from "../../support/dns-views.ts"

const VALUES = { A: "192.0.2.1", CNAME: "a.example.net", NS: "ns1.example.net", TXT: "words" } as const
type Type = keyof typeof VALUES
const want = (type: Type, name: string): Wanted => ({
  key: `${type} ${name}`,
  type,
  name,
  value: Result.getOrThrow(parseDesired(type, VALUES[type])),
  text: VALUES[type],
  ttl: 120,
  proxied: false,
  comment: null,
  rows: []
})
const post = (type: Type, name: string) => Operation.Post({ wanted: want(type, name), comment: undefined })
const patch = (type: Type, name: string) =>
  Operation.Patch({ record: aRecord({ type, name }), wanted: want(type, name), comment: undefined, leaving: [] })
const del = (type: Type, name: string) => Operation.Delete({ record: aRecord({ type, name }), leaving: [] })
const unmark = (type: Type, name: string) => Operation.Unmark({ record: aRecord({ type, name }), leaving: [] })
const short = (operation: Operation) =>
  `${operation._tag} ${operation._tag === "Post" ? operation.wanted.type : operation.record.type} ${operation._tag === "Post" ? operation.wanted.name : operation.record.name}`

const operation = fc
  .tuple(
    fc.constantFrom(post, patch, del, unmark),
    fc.constantFrom<Type>("A", "CNAME", "NS", "TXT"),
    fc.constantFrom("a", "b", "c", "d")
  )
  .map(([make, type, name]) => make(type, name))
const operations = fc.array(operation, { maxLength: 40 })

describe("atoms", () => {
  it("are single operations, deletions first, then changes, then creations", () => {
    const atoms = atomsOf([post("A", "a"), patch("A", "b"), del("A", "a"), unmark("TXT", "c")])
    expect(atoms.map((atom) => atom.map(short))).toEqual([
      ["Delete A a"],
      ["Patch A b"],
      ["Unmark TXT c"],
      ["Post A a"]
    ])
  })

  it.each([
    ["an alias replaces addresses", [del("A", "a"), post("CNAME", "a"), del("A", "a"), post("A", "b")]],
    ["an address replaces an alias", [post("A", "a"), del("CNAME", "a"), post("A", "a"), post("A", "b")]],
    ["a delegation replaces what was there", [post("NS", "a"), del("TXT", "a"), del("A", "a"), post("A", "b")]]
  ])("hold together what changes at a name where %s, the deletions first", (_, all) => {
    const [together, alone, ...rest] = atomsOf(all)
    expect(together?.map(({ _tag }) => _tag)).toEqual(
      all
        .slice(0, 3)
        .map(({ _tag }) => _tag)
        .toSorted()
    )
    expect(alone?.map(short)).toEqual(["Post A b"])
    expect(rest).toEqual([])
  })

  it("lose nothing and add nothing", () => {
    fc.assert(
      fc.property(operations, (all) => {
        expect(atomsOf(all).flat().map(short).toSorted()).toEqual(all.map(short).toSorted())
      })
    )
  })

  it("stay as they are when they are made again of what is left of them", () => {
    fc.assert(
      fc.property(operations, (all) => {
        const atoms = atomsOf(all)
        expect(atomsOf(atoms.flat()).map((atom) => atom.map(short))).toEqual(atoms.map((atom) => atom.map(short)))
      })
    )
  })
})

describe("batches", () => {
  it("hold every operation once, in order, and no more than the limit", () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const atoms = atomsOf(all)
        const batches = pack(atoms, limit)
        expect(batches.flat(2)).toEqual(atoms.flat())
        for (const batch of batches) expect(batch.flat().length).toBeLessThanOrEqual(limit)
        for (const batch of batches) expect(batch.length).toBeGreaterThan(0)
      })
    )
  })

  it("never cut an atom that fits into one", () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const atoms = atomsOf(all)
        const packed = pack(atoms, limit).flat()
        for (const atom of atoms.filter(({ length }) => length <= limit)) expect(packed).toContain(atom)
      })
    )
  })

  it("never cut an atom that the provider takes, however small the limit is while writes fail", () => {
    fc.assert(
      fc.property(operations, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const atoms = atomsOf(all)
        const batches = pack(atoms, limit, 50)
        expect(batches.flat()).toEqual(atoms)
        const shared = batches.filter(({ length }) => length > 1)
        for (const batch of shared) expect(batch.flat().length).toBeLessThanOrEqual(limit)
      })
    )
  })

  it("are as few as the limit allows where every operation is for itself", () => {
    const all = Array.from({ length: 10_000 }, (_, i) => post("A", `n${i}`))
    expect(pack(atomsOf(all), 3500).map(({ length }) => length)).toEqual([3500, 3500, 3000])
    expect(pack(atomsOf(all), 200)).toHaveLength(50)
    expect(pack([], 200)).toEqual([])
  })

  it("of which one is rejected are halved until one atom is alone", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 3500 }), (count) => {
        const atoms = Array.from({ length: count }, (_, i) => [post("A", `n${i}`)])
        const [left, right] = halve(atoms)
        expect([...left, ...right]).toEqual(atoms)
        expect(left.length - right.length).toBeLessThanOrEqual(1)
        expect(right.length).toBeGreaterThan(0)
      })
    )
  })
})

describe("room in the quota", () => {
  it.each([
    ["a creation", [post("A", "a")], true],
    ["a change", [patch("A", "a")], false],
    ["a deletion", [del("A", "a")], false],
    ["a swap", [del("A", "a"), post("CNAME", "a")], false],
    ["a swap of one for two", [del("CNAME", "a"), post("A", "a"), post("A", "a")], true]
  ])("is needed, or not, by %s", (_, atom, needed) => {
    expect(grows(atom)).toBe(needed)
  })
})
