/**
 * From rows to the records they want: rows that want the same record share it, and what cannot be is refused.
 * Pure. The oldest row wins:
 *
 *   two rows want                                        | the younger one
 *   -----------------------------------------------------|------------------------------------------
 *   one record, same settings                            | shares it
 *   one record, other ttl (unless proxied) or proxied    | Conflict
 *   two CNAME targets for one name                       | Conflict
 *   a CNAME and an A, AAAA or NS of one name             | Conflict
 *   an NS and anything else of one name                  | Conflict
 *
 *   a row whose                                          |
 *   -----------------------------------------------------|------------------------------------------
 *   name or value has no meaning                         | InvalidRecord
 *   ttl is below the plan's least                        | InvalidRecord
 *   type cannot be proxied, but it asks for that         | InvalidRecord
 *   comment has no room beside the mark                  | InvalidRecord
 *   CNAME points at itself                               | InvalidRecord
 *   type is NS at the zone's apex                        | ReservedByProvider
 */
import { Result } from "effect"
import { writeComment } from "../../model/dns/comment.ts"
import { normaliseName, toFqdn } from "../../model/dns/names.ts"
import { AUTOMATIC_TTL, PROXIABLE } from "../../model/dns/record.ts"
import { canonicalText, type CanonicalValue, parseDesired } from "../../model/dns/value.ts"
import { keyOf, type PlanReason, type Row, type ZoneView } from "./view.ts"

export interface Wanted {
  readonly key: string
  readonly type: Row["type"]
  /** Complete. */
  readonly name: string
  readonly value: CanonicalValue
  readonly text: string
  readonly ttl: number
  readonly proxied: boolean
  readonly comment: string | null
  /** Oldest first; never empty. All want the same. */
  readonly rows: ReadonlyArray<Row>
}

export interface Refusal {
  readonly row: Row
  readonly reason: PlanReason
  readonly message: string
}

export interface WantedRecords {
  readonly wanted: ReadonlyArray<Wanted>
  readonly refusals: ReadonlyArray<Refusal>
}

export const wantedOf = (view: ZoneView): WantedRecords => {
  const refusals: Array<Refusal> = []
  const valid: Array<Wanted> = []
  const present = view.rows.filter((row) => row.present).sort((a, b) => a.id - b.id)
  for (const row of present) {
    const read = readRow(row, view)
    if (Result.isSuccess(read)) valid.push(read.success)
    else refusals.push({ row, ...read.failure })
  }
  const shared = share(valid, refusals)
  return { wanted: exclude(shared, refusals), refusals }
}

type Flaw = Omit<Refusal, "row">
const flaw = (message: string, reason: PlanReason = "InvalidRecord") => Result.fail<Flaw>({ reason, message })

const readRow = (row: Row, { instance, settings, zone }: ZoneView): Result.Result<Wanted, Flaw> => {
  const name = normaliseName(row.name, zone)
  if (Result.isFailure(name)) return flaw(name.failure.message)
  const value = parseDesired(row.type, row.value)
  if (Result.isFailure(value)) return flaw(value.failure.message)
  const fqdn = toFqdn(name.success, zone)
  const text = canonicalText(value.success)
  if (row.type === "NS" && fqdn === zone) {
    return flaw("the NS records of the zone itself are the provider's own", "ReservedByProvider")
  }
  if (row.type === "CNAME" && text === fqdn) return flaw(`${fqdn} cannot point at itself`)
  const proxiable = PROXIABLE.some((type) => type === row.type)
  if (row.proxied && !proxiable) return flaw(`only ${PROXIABLE.join(", ")} can be proxied, not ${row.type}`)
  if (!row.proxied && row.ttl !== AUTOMATIC_TTL && row.ttl < settings.leastTtl) {
    return flaw(`a ttl of ${row.ttl} s is below ${settings.leastTtl} s, the least of this zone's plan; 1 is automatic`)
  }
  if (settings.commentLimit > 0) {
    const comment = writeComment(instance, row.comment ?? "", settings.commentLimit)
    if (Result.isFailure(comment)) return flaw(comment.failure.message)
  }
  return Result.succeed({
    key: keyOf(row.type, fqdn, text),
    type: row.type,
    name: fqdn,
    value: value.success,
    text,
    // The provider chooses the ttl of what it proxies.
    ttl: row.proxied ? AUTOMATIC_TTL : row.ttl,
    proxied: row.proxied,
    comment: row.comment,
    rows: [row]
  })
}

/** One record for all rows that want it with the same settings. `valid` comes oldest first. */
const share = (valid: ReadonlyArray<Wanted>, refusals: Array<Refusal>): ReadonlyArray<Wanted> => {
  const byKey = new Map<string, Wanted>()
  for (const next of valid) {
    const first = byKey.get(next.key)
    const row = next.rows[0]
    if (first === undefined || row === undefined) byKey.set(next.key, next)
    else if (first.ttl === next.ttl && first.proxied === next.proxied) {
      byKey.set(next.key, { ...first, comment: first.comment ?? next.comment, rows: [...first.rows, row] })
    } else {
      refusals.push({
        row,
        reason: "Conflict",
        message: `record ${first.rows[0]?.id} asks for the same with ${settingsOf(first)}; this one with ${settingsOf(next)}`
      })
    }
  }
  return [...byKey.values()]
}

const settingsOf = ({ proxied, ttl }: Wanted) => (proxied ? "proxied on" : `ttl ${ttl}, proxied off`)

/** Takes out what cannot stand beside an older record of the same name. */
const exclude = (wanted: ReadonlyArray<Wanted>, refusals: Array<Refusal>): ReadonlyArray<Wanted> => {
  const kept: Array<Wanted> = []
  const byName = new Map<string, Array<Wanted>>()
  for (const next of wanted) {
    const others = byName.get(next.name) ?? []
    const winner = others.find((other) => cannotStandTogether(other.type, next.type))
    if (winner === undefined) {
      kept.push(next)
      byName.set(next.name, [...others, next])
    } else {
      for (const row of next.rows) {
        refusals.push({
          row,
          reason: "Conflict",
          message: `record ${winner.rows[0]?.id} asks for ${next.name} as ${winner.type} ${winner.text}, which cannot stand beside a ${next.type}`
        })
      }
    }
  }
  return kept
}

/** Whether two different records of one name exclude each other. */
export const cannotStandTogether = (one: string, other: string): boolean => {
  // A DS is about the NS beside it.
  if (one === "DS" || other === "DS") return false
  if (one === "NS" || other === "NS") return one !== other
  if (one === "CNAME" || other === "CNAME") return [one, other].every((type) => ["A", "AAAA", "CNAME"].includes(type))
  return false
}
