/**
 * A zone and the rows that ask for it, in memory: a plan is carried out on it as the reports and the provider would,
 * so that a property can ask what the next plan says. It refuses what the provider refuses.
 */
import { atomsOf } from "../../src/reconcilers/dns/pack.ts"
import type { Operation, Plan } from "../../src/reconcilers/dns/operation.ts"
import { planZone } from "../../src/reconcilers/dns/plan.ts"
import type { LedgerEntry, Observed, Row, Tombstone, ZoneSettings } from "../../src/reconcilers/dns/view.ts"
import type { Wanted } from "../../src/reconcilers/dns/wanted.ts"
import { aRow, aView, INSTANCE, NOW } from "./dns-views.ts"

export class ZoneModel {
  readonly rows = new Map<number, Row>()
  readonly records = new Map<string, Observed>()
  /** Records that we made or adopted; kept here apart from the ledger, to judge it. */
  readonly ours = new Set<string>()
  ledger: Array<LedgerEntry> = []
  tombstones: Array<Tombstone> = []
  settings: Partial<ZoneSettings> = {}
  now = NOW
  #next = 1

  view(facts: { readonly reversed?: boolean; readonly settings?: Partial<ZoneSettings> } = {}) {
    const [rows, observed] = [[...this.rows.values()], [...this.records.values()]]
    return aView({
      rows: facts.reversed === true ? rows.toReversed() : rows,
      observed: facts.reversed === true ? observed.toReversed() : observed,
      ledger: this.ledger,
      tombstones: this.tombstones,
      now: this.now,
      settings: { ...this.settings, ...facts.settings }
    })
  }

  addRow(facts: Partial<Row>): void {
    const id = this.#next++
    this.rows.set(id, aRow({ changedAt: this.now, ...facts, id }))
  }

  /** An edit by a user: a new generation, without the errors of the old one. */
  editRow(id: number, facts: Partial<Row>): void {
    const row = this.rows.get(id)
    if (row === undefined) return
    this.rows.set(id, { ...row, ...facts, id, generation: row.generation + 1, changedAt: this.now, rejection: null })
  }

  /** Somebody else makes a record, where the provider lets them. */
  addRecord(facts: Omit<Observed, "id">): void {
    const record = { ...facts, id: `p${this.#next++}` }
    if (this.#refusal(record) === undefined) this.records.set(record.id, record)
    if (this.records.has(record.id) && facts.instance === INSTANCE) this.ours.add(record.id)
  }

  editRecord(id: string, facts: Partial<Observed>): void {
    const record = this.records.get(id)
    if (record === undefined || record.readOnly) return
    if (this.#refusal({ ...record, ...facts }) === undefined) this.records.set(id, { ...record, ...facts })
  }

  deleteRecord(id: string): void {
    if (this.records.get(id)?.readOnly === false) this.records.delete(id)
  }

  /** Plans and carries it all out. Throws where the provider would refuse an atom of it. */
  reconcile(): Plan {
    const plan = planZone(this.view())
    this.#note(plan)
    for (const atom of atomsOf(plan.operations)) for (const operation of atom) this.#carryOut(operation)
    this.now += 60_000
    return plan
  }

  #note(plan: Plan): void {
    for (const { recordId, row } of plan.settled) this.#settle(row, recordId)
    for (const { message, reason, row } of plan.refusals) {
      const rejection = { reason, message, count: 1, nextRetryAt: this.now + 60_000, stopped: false }
      this.rows.set(row.id, { ...row, rejection })
    }
    for (const row of plan.gone) this.rows.delete(row.id)
    for (const { entry, record } of plan.adopted) {
      this.ours.add(record.id)
      this.#forget((other) => other === entry || other.recordId === record.id)
      this.#enter(record)
    }
    this.#forget(({ recordId }) => recordId !== null && plan.released.includes(recordId))
    this.#forget((entry) => plan.vanished.includes(entry))
    this.tombstones = this.tombstones
      .filter((tombstone) => !plan.over.includes(tombstone))
      .map((tombstone) => (plan.clean.includes(tombstone) ? { ...tombstone, cleanSince: this.now } : tombstone))
      .concat(plan.vanished.map((entry) => ({ ...entry, cleanSince: this.now })))
  }

  #carryOut(operation: Operation): void {
    switch (operation._tag) {
      case "Delete":
        this.records.delete(operation.record.id)
        this.tombstones.push(
          ...this.ledger
            .filter(({ recordId }) => recordId === operation.record.id)
            .map((entry) => ({ ...entry, cleanSince: null }))
        )
        this.#forget(({ recordId }) => recordId === operation.record.id)
        break
      case "Unmark":
        this.records.set(operation.record.id, { ...operation.record, instance: null })
        this.ours.delete(operation.record.id)
        this.#forget(({ recordId }) => recordId === operation.record.id)
        break
      case "Patch":
        return this.#write(operation.record, operation.wanted, operation.comment, operation.leaving)
      case "Post": {
        const fresh = { id: `p${this.#next++}`, instance: null, comment: "", readOnly: false }
        this.ours.add(fresh.id)
        return this.#write(fresh, operation.wanted, operation.comment, [])
      }
    }
    for (const row of operation.leaving) this.rows.delete(row.id)
  }

  #write(
    before: Pick<Observed, "id" | "instance" | "comment" | "readOnly">,
    { name, proxied, rows, text, ttl, type }: Wanted,
    comment: string | undefined,
    leaving: ReadonlyArray<Row>
  ): void {
    const marked =
      comment === undefined ? {} : { instance: INSTANCE, comment: comment.replace(/ ?\[driftless:.*\]/u, "") }
    const record: Observed = { ...before, ...marked, type, name, text, ttl, proxied }
    const refusal = this.#refusal(record)
    if (refusal !== undefined) throw new Error(`the provider refuses ${name} ${type} ${text}: ${refusal}`)
    this.records.set(record.id, record)
    this.#enter(record)
    for (const row of rows) this.#settle(row, record.id)
    for (const row of leaving) this.rows.delete(row.id)
  }

  #settle(row: Row, recordId: string): void {
    this.rows.set(row.id, { ...row, observedGeneration: row.generation, recordId, rejection: null, drifted: false })
  }

  #enter({ id, name, text, type }: Observed): void {
    this.#forget(({ recordId }) => recordId === id)
    this.ledger.push({ id: this.#next++, recordId: id, type, name, text })
  }

  #forget(isMeant: (entry: LedgerEntry) => boolean): void {
    this.ledger = this.ledger.filter((entry) => !isMeant(entry))
  }

  /** Why the provider would not take a record beside those that are there. */
  #refusal({ id, name, text, type }: Observed): string | undefined {
    const others = [...this.records.values()].filter((other) => other.name === name && other.id !== id)
    const beside = (...types: ReadonlyArray<string>) => others.some((other) => types.includes(other.type))
    if (others.some((other) => other.type === type && other.text === text)) return "identical"
    if ((type === "A" || type === "AAAA") && beside("CNAME")) return "a CNAME is there"
    if (type === "CNAME" && beside("A", "AAAA", "CNAME")) return "an address or a CNAME is there"
    if (name === "example.test") return undefined
    if (type === "NS" && others.some((other) => !["NS", "DS"].includes(other.type))) return "other records are there"
    return type !== "NS" && type !== "DS" && beside("NS") ? "an NS is there" : undefined
  }
}
