/**
 * What a record of each of the 21 types may hold, and the form in which the API stores and returns it.
 * Besides the content it gives the record's identity: two records of one name and type with the same are duplicates.
 */
import type { JsonObject } from "./envelope.ts"
import { invalid, UNKNOWN_REASON } from "./envelope.ts"
import { ipv4, ipv6 } from "./addresses.ts"
import { targetHost } from "./names.ts"
import type { RecordValue } from "./structured.ts"
import { isStructured, structuredValue } from "./structured.ts"
import { txt } from "./txt.ts"

export const RECORD_TYPES: ReadonlyArray<string> = [
  "A",
  "AAAA",
  "CAA",
  "CERT",
  "CNAME",
  "DNSKEY",
  "DS",
  "HTTPS",
  "LOC",
  "MX",
  "NAPTR",
  "NS",
  "OPENPGPKEY",
  "PTR",
  "SMIMEA",
  "SRV",
  "SSHFP",
  "SVCB",
  "TLSA",
  "TXT",
  "URI"
]

export interface StoredValue extends RecordValue {
  readonly identity: string
}

export const recordValue = (type: string, name: string, body: JsonObject): StoredValue => {
  if (type === "TXT") {
    const { content, text } = txt(body["content"])
    return { content, identity: text }
  }
  const value = isStructured(type) ? structuredValue(type, body["data"]) : plainValue(type, name, body["content"])
  if (type === "SRV" && !/^_[^.]+\._[^.]+\./u.test(name)) {
    throw invalid(9000, "DNS name is invalid: an SRV record is named _service._protocol.name.")
  }
  const priority = type === "MX" || type === "URI" ? requiredPriority(body["priority"]) : value.priority
  const identity = `${priority ?? ""} ${value.content}`
  return { ...value, ...(priority !== undefined && { priority }), identity }
}

const plainValue = (type: string, name: string, content: unknown): RecordValue => {
  if (content === undefined || content === null) throw invalid(9101, "content is a required field.")
  switch (type) {
    case "A":
      return { content: ipv4(content) }
    case "AAAA":
      return { content: ipv6(content) }
    case "CNAME": {
      const target = targetHost(content, { code: 9007, type })
      if (target === name) throw invalid(9039, "CNAME content cannot reference itself.")
      return { content: target }
    }
    case "MX":
      return { content: targetHost(content, { code: 9009, nullTarget: true, type }) }
    case "OPENPGPKEY":
      if (typeof content === "string" && /^[A-Za-z0-9+/\s]+={0,2}$/u.test(content)) return { content }
      throw invalid(UNKNOWN_REASON, "Content for OPENPGPKEY record is invalid.")
    default:
      return { content: targetHost(content, { type }) }
  }
}

const requiredPriority = (priority: unknown): number => {
  if (priority === undefined || priority === null) throw invalid(9101, "priority is a required field.")
  if (typeof priority === "number" && Number.isInteger(priority) && priority >= 0 && priority <= 65_535) return priority
  throw invalid(UNKNOWN_REASON, "Priority must be an integer between 0 and 65535.")
}
