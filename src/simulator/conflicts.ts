/**
 * Which records can stand together, in the order in which the API finds fault:
 *
 *   same type, name and value                     81058 (81057 in the older wording)
 *   A or AAAA where a CNAME is                    81054
 *   CNAME where an A, AAAA or CNAME is            81053
 *   NS where an A, AAAA or CNAME is               81053
 *   NS where anything else but NS and DS is       81055
 *   anything but NS and DS where NS are           81056
 *
 * The apex is exempt from the NS rows: its own name servers are Cloudflare's, and are not in the list.
 */
import { invalid, Refusal, UNKNOWN_REASON } from "./envelope.ts"
import { MAX_NS_OF_NAME, MAX_TXT_OF_NAME } from "./plans.ts"
import type { StoredRecord, ZoneStore } from "./zone-store.ts"

export type DuplicateCode = 81057 | 81058

const ADDRESSES = ["A", "AAAA", "CNAME"]
const DELEGATION = ["NS", "DS"]

/** Refuses `record` if it cannot stand beside the others of its name. Its own older version does not count. */
export const refuseConflicts = (zone: ZoneStore, record: StoredRecord, duplicateCode: DuplicateCode): void => {
  const others = Array.from(zone.named(record.name)).filter((other) => other.id !== record.id)
  const types = new Set(others.map((other) => other.type))
  const sameType = others.filter((other) => other.type === record.type)
  if (sameType.some((other) => other.identity === record.identity)) {
    throw conflict(
      duplicateCode,
      duplicateCode === 81058 ? "An identical record already exists." : "Record already exists."
    )
  }
  refuseTypes(record, types, record.name === zone.name)
  if (record.type === "NS" && sameType.length >= MAX_NS_OF_NAME) {
    throw invalid(UNKNOWN_REASON, `A name can have at most ${MAX_NS_OF_NAME} NS records.`)
  }
  if (record.type === "TXT") {
    const bytes = sameType.reduce((sum, other) => sum + other.identity.length, record.identity.length)
    if (bytes > MAX_TXT_OF_NAME) {
      throw invalid(UNKNOWN_REASON, `The TXT records of a name can have at most ${MAX_TXT_OF_NAME} bytes together.`)
    }
  }
  if (record.type === "DS" && !types.has("NS")) throw lonelyDs()
}

const refuseTypes = ({ type }: StoredRecord, others: ReadonlySet<string>, isApex: boolean) => {
  const beside = (types: ReadonlyArray<string>) => types.some((other) => others.has(other))
  if ((type === "A" || type === "AAAA") && others.has("CNAME")) {
    throw conflict(81054, "A CNAME record with that host already exists.")
  }
  if (type === "CNAME" && beside(ADDRESSES)) throw addressExists()
  if (isApex) return
  if (type === "NS") {
    if (beside(ADDRESSES)) throw addressExists()
    if (Array.from(others).some((other) => !DELEGATION.includes(other))) {
      throw conflict(81055, "A record with that host already exists.")
    }
  } else if (!DELEGATION.includes(type) && others.has("NS")) {
    throw conflict(81056, "NS records with that host already exist.")
  }
}

/** A DS record stands on the NS records of its name; the last of those cannot go, or leave the name, before it. */
export const refuseLonelyDs = (zone: ZoneStore, left: StoredRecord): void => {
  if (left.type !== "NS") return
  const types = new Set(Array.from(zone.named(left.name), ({ type }) => type))
  if (types.has("DS") && !types.has("NS")) throw lonelyDs()
}

const conflict = (code: number, message: string) => new Refusal(400, code, message)
const addressExists = () => conflict(81053, "An A, AAAA, or CNAME record with that host already exists.")
const lonelyDs = () => invalid(UNKNOWN_REASON, "A DS record needs NS records of the same name.")
