/** What holds of every plan, over rows, records and histories of few names and values, so that they meet. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Operation } from "../../../src/reconcilers/dns/operation.ts"
import { planZone } from "../../../src/reconcilers/dns/plan.ts"
import type { Observed, Row } from "../../../src/reconcilers/dns/view.ts"
import { canonicalText, parseDesired } from "../../../src/model/dns/value.ts"
import { ZoneModel } from "../../support/dns-model.ts"
import { INSTANCE, OTHER_INSTANCE } from "../../support/dns-views.ts"
import { Result } from "effect"

/** Two or three values of each of the 13 types. */
const VALUES: { readonly [T in Row["type"]]: ReadonlyArray<string> } = {
  A: ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
  AAAA: ["2001:db8::1", "2001:DB8:0:0::2"],
  CNAME: ["a.example.net", "B.example.net."],
  TXT: ["one", 'a "second" text'],
  MX: ["10 mail.example.net", "20 mail.example.net."],
  SRV: ["1 2 3 host.example.net", "1 2 4 host.example.net"],
  CAA: ['0 issue "ca.example.net"', '0 issue "other.example.net"'],
  NS: ["ns1.example.net", "ns2.example.net"],
  PTR: ["host.example.net", "other.example.net"],
  HTTPS: ["1 . alpn=h2", "1 . alpn=h3"],
  SVCB: ["1 svc.example.net port=53", "2 svc.example.net"],
  TLSA: [`3 1 1 ${"ab".repeat(32)}`, `3 1 1 ${"cd".repeat(32)}`],
  SSHFP: [`4 2 ${"ab".repeat(32)}`, `4 2 ${"cd".repeat(32)}`]
}

const typeAndValue = fc
  // Addresses and aliases more often: they are what stands in each other's way.
  .oneof(
    fc.constantFrom("A", "A", "AAAA", "CNAME", "NS", "TXT"),
    fc.constantFrom(...(Object.keys(VALUES) as ReadonlyArray<Row["type"]>))
  )
  .chain((type) => fc.constantFrom(...VALUES[type]).map((value) => ({ type, value })))
const name = fc.constantFrom("@", "www", "a.b")
const settings = fc.record({ ttl: fc.constantFrom(60, 300), comment: fc.constantFrom(null, "words", " spaced ") })
const row = fc.tuple(typeAndValue, name, settings, fc.boolean()).map(([record, name, rest, wantsProxy]) => ({
  ...record,
  ...rest,
  name,
  proxied: wantsProxy && ["A", "AAAA", "CNAME"].includes(record.type)
}))
const record = fc
  .tuple(row, fc.constantFrom(null, null, null, OTHER_INSTANCE, INSTANCE), fc.nat({ max: 9 }))
  .map(([{ comment, name, proxied, ttl, type, value }, instance, dice]): Omit<Observed, "id"> => ({
    type,
    name: name === "@" ? "example.test" : `${name}.example.test`,
    text: canonicalText(Result.getOrThrow(parseDesired(type, value))),
    ttl: proxied ? 1 : ttl,
    proxied,
    instance,
    comment: (comment ?? "").trim(),
    readOnly: dice === 0
  }))

const index = fc.nat({ max: 20 })
/** What happens to a zone between two passes; `at` picks a row or a record of those that are there. */
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("addRow" as const), facts: row }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("editRow" as const), at: index, facts: row }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("editRow" as const),
      at: index,
      facts: fc.record({ present: fc.boolean() })
    })
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("addRecord" as const), facts: record }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("editRecord" as const), at: index, facts: record }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("deleteRecord" as const), at: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("reconcile" as const) }) }
)
type Step = typeof step extends fc.Arbitrary<infer A> ? A : never

const pick = <A>(all: Iterable<A>, at: number): A | undefined => {
  const list = [...all]
  return list[at % Math.max(1, list.length)]
}

const take = (model: ZoneModel, step: Step) => {
  switch (step.do) {
    case "addRow":
      return model.addRow(step.facts)
    case "editRow":
      return model.editRow(pick(model.rows.keys(), step.at) ?? 0, step.facts)
    case "addRecord":
      return model.addRecord(step.facts)
    case "editRecord":
      return model.editRecord(pick(model.records.keys(), step.at) ?? "", { ...step.facts, readOnly: false })
    case "deleteRecord":
      return model.deleteRecord(pick(model.records.keys(), step.at) ?? "")
    case "reconcile":
      model.reconcile()
  }
}

const history = fc.record({
  settings: fc.record({
    adoption: fc.constantFrom("Matching" as const, "Never" as const),
    retain: fc.boolean(),
    commentLimit: fc.constantFrom(0, 100, 500),
    maxDeletions: fc.constantFrom(null, null, "1")
  }),
  steps: fc.array(step, { maxLength: 14 })
})

const played = ({ settings, steps }: typeof history extends fc.Arbitrary<infer A> ? A : never) => {
  const model = new ZoneModel()
  model.settings = settings
  for (const step of steps) take(model, step)
  return model
}

const RUNS = { numRuns: 3000 }
const touched = (operations: ReadonlyArray<Operation>) =>
  operations.flatMap((o) => (o._tag === "Post" ? [] : [o.record]))

describe("every plan", () => {
  it("once carried out leaves nothing to do, and holds nothing that the provider refuses", () => {
    fc.assert(
      fc.property(history, (past) => {
        const model = played(past)
        model.reconcile()
        expect(planZone(model.view()).operations).toEqual([])
      }),
      RUNS
    )
  })

  it("touches no record that is not ours, is read-only, or is the zone's own", () => {
    fc.assert(
      fc.property(history, (past) => {
        const model = played(past)
        const { adopted, operations } = planZone(model.view())
        const adoptable = new Set(adopted.map(({ record }) => record.id))
        for (const { record } of adopted) {
          if (model.ours.has(record.id) || record.instance === INSTANCE) continue
          expect([model.settings.adoption, record.instance]).toEqual(["Matching", null])
        }
        for (const record of touched(operations)) {
          expect(model.ours.has(record.id) || adoptable.has(record.id)).toBe(true)
          expect([null, INSTANCE]).toContain(record.instance)
          expect(record.readOnly).toBe(false)
          expect(`${record.type} ${record.name}`).not.toBe("NS example.test")
        }
      }),
      RUNS
    )
  })

  it("is the same whatever order rows and records come in", () => {
    fc.assert(
      fc.property(history, (past) => {
        const model = played(past)
        const [one, other] = [planZone(model.view()), planZone(model.view({ reversed: true }))]
        const inOrder = (plan: typeof one) => JSON.stringify(plan.operations.map((o) => JSON.stringify(o)).toSorted())
        expect(inOrder(other)).toBe(inOrder(one))
      }),
      RUNS
    )
  })

  it("deletes no more of what we made than maxDeletions, unless it is confirmed", () => {
    fc.assert(
      fc.property(history, fc.constantFrom("0", "1", "2", "30%"), (past, maxDeletions) => {
        const model = played(past)
        const known = new Set(model.ledger.map(({ recordId }) => recordId))
        const view = model.view({ settings: { maxDeletions, retain: false } })
        const deleted = touched(planZone(view).operations.filter(({ _tag }) => _tag === "Delete")).filter(({ id }) =>
          known.has(id)
        )
        const limit = maxDeletions === "30%" ? Math.floor(model.records.size * 0.3) : Number(maxDeletions)
        expect(deleted.length).toBeLessThanOrEqual(limit)
      }),
      RUNS
    )
  })
})
