/**
 * The types whose value is given as `data`: what each field may hold, and the `content` the API derives from it.
 * Such a type sent with `content` alone is refused (9101), as the API does. Fields that are not of the type are
 * dropped: clients send `service`, `proto` and `name` with SRV still.
 */
import type { JsonObject } from "./envelope.ts"
import { invalid, isObject, UNKNOWN_REASON } from "./envelope.ts"
import { targetHost } from "./names.ts"

export interface RecordValue {
  readonly content: string
  readonly priority?: number
  readonly data?: JsonObject
}

/** Reads the fields of one `data` object; each reader refuses what its field cannot hold. */
class Fields {
  readonly type: string
  readonly data: JsonObject

  constructor(type: string, data: JsonObject) {
    this.type = type
    this.data = data
  }

  required(field: string): unknown {
    const value = this.data[field]
    if (value === undefined || value === null) throw invalid(9101, `${field} is a required data field.`)
    return value
  }

  integer(field: string, max: number): number {
    const value = this.required(field)
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > max) {
      throw this.bad(field, `must be an integer between 0 and ${max}`)
    }
    return value
  }

  number(field: string, min: number, max: number, fallback?: number): number {
    const value = fallback === undefined ? this.required(field) : (this.data[field] ?? fallback)
    if (typeof value !== "number" || !(value >= min && value <= max)) {
      throw this.bad(field, `must be a number between ${min} and ${max}`)
    }
    return value
  }

  text(field: string, pattern: RegExp): string {
    const value = this.required(field)
    if (typeof value !== "string" || !pattern.test(value)) throw this.bad(field, "is not well formed")
    return value
  }

  host(field: string, nullTarget: boolean): string {
    return targetHost(this.required(field), { nullTarget, type: this.type })
  }

  /** Hexadecimal of a digest; `length` is in hex digits where the digest's kind fixes it. */
  digest(field: string, length: number | undefined): string {
    const hex = this.text(field, /^(?:[0-9a-f]{2})+$/iu)
    if (length !== undefined && hex.length !== length) throw this.bad(field, `must have ${length} hex digits`)
    return hex
  }

  bad(field: string, why: string) {
    return invalid(UNKNOWN_REASON, `Content for ${this.type} record is invalid: ${field} ${why}.`)
  }
}

const U8 = 255
const U16 = 65_535
const QUOTABLE = /^[^"\r\n]*$/u
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/u

const serviceBinding = (fields: Fields): RecordValue => {
  const priority = fields.integer("priority", U16)
  const target = fields.host("target", true)
  const given = fields.data["value"] ?? ""
  if (typeof given !== "string") throw fields.bad("value", "must be text")
  const value = given.trim()
  const parameters = [...value.matchAll(/([a-z0-9-]+)(?:=(?:"[^"]*"|[^\s"]+))?(?:\s+|$)/gu)]
  if (parameters.map(([all]) => all).join("") !== value) throw fields.bad("value", "is not a list of parameters")
  const keys = parameters.map(([, key]) => key)
  if (new Set(keys).size !== keys.length) throw fields.bad("value", "names a parameter twice")
  if (!keys.every((key = "") => SERVICE_PARAMETER.test(key))) throw fields.bad("value", "has an unknown parameter")
  if (priority === 0 && keys.length > 0) throw fields.bad("value", "must be empty in alias mode")
  return {
    content: [priority, target, value].filter((part) => part !== "").join(" "),
    data: { priority, target, value },
    priority
  }
}

const SERVICE_PARAMETER = /^(?:mandatory|alpn|no-default-alpn|port|ipv4hint|ech|ipv6hint|dohpath|ohttp|key\d{1,5})$/u

const certificateAssociation = (fields: Fields): RecordValue => {
  const usage = fields.integer("usage", U8)
  const selector = fields.integer("selector", U8)
  const matching_type = fields.integer("matching_type", U8)
  // Returned in upper case, whichever was sent (seen by external-dns).
  const certificate = fields.digest("certificate", { 1: 64, 2: 128 }[matching_type]).toUpperCase()
  return {
    content: `${usage} ${selector} ${matching_type} ${certificate}`,
    data: { usage, selector, matching_type, certificate }
  }
}

const location = (fields: Fields): RecordValue => {
  const side = (axis: "lat" | "long", degrees: number, directions: RegExp) => ({
    [`${axis}_degrees`]: fields.integer(`${axis}_degrees`, degrees),
    [`${axis}_minutes`]: fields.number(`${axis}_minutes`, 0, 59, 0),
    [`${axis}_seconds`]: fields.number(`${axis}_seconds`, 0, 59.999, 0),
    [`${axis}_direction`]: fields.text(`${axis}_direction`, directions)
  })
  const latitude = side("lat", 90, /^[NS]$/u)
  const longitude = side("long", 180, /^[EW]$/u)
  const extent = {
    altitude: fields.number("altitude", -100_000, 42_849_672.95, 0),
    size: fields.number("size", 0, 90_000_000, 0),
    precision_horz: fields.number("precision_horz", 0, 90_000_000, 0),
    precision_vert: fields.number("precision_vert", 0, 90_000_000, 0)
  }
  const metres = Object.values(extent).map((metre) => `${metre.toFixed(2)}m`)
  return {
    content: [...Object.values(latitude), ...Object.values(longitude), ...metres].join(" "),
    data: { ...latitude, ...longitude, ...extent }
  }
}

const READERS: Readonly<Record<string, (fields: Fields) => RecordValue>> = {
  SRV: (fields) => {
    const priority = fields.integer("priority", U16)
    const weight = fields.integer("weight", U16)
    const port = fields.integer("port", U16)
    const target = fields.host("target", true)
    return { content: `${weight} ${port} ${target}`, priority, data: { priority, weight, port, target } }
  },
  CAA: (fields) => {
    const flags = fields.integer("flags", U8)
    const tag = fields.text("tag", /^(?:issue|issuewild|iodef|issuemail|issuevmc|contactemail|contactphone)$/u)
    const value = fields.text("value", QUOTABLE)
    return { content: `${flags} ${tag} "${value}"`, data: { flags, tag, value } }
  },
  TLSA: certificateAssociation,
  SMIMEA: certificateAssociation,
  HTTPS: serviceBinding,
  SVCB: serviceBinding,
  LOC: location,
  SSHFP: (fields) => {
    const algorithm = fields.integer("algorithm", U8)
    const type = fields.integer("type", U8)
    const fingerprint = fields.digest("fingerprint", { 1: 40, 2: 64 }[type])
    return { content: `${algorithm} ${type} ${fingerprint}`, data: { algorithm, type, fingerprint } }
  },
  DS: (fields) => {
    const key_tag = fields.integer("key_tag", U16)
    const algorithm = fields.integer("algorithm", U8)
    const digest_type = fields.integer("digest_type", U8)
    const digest = fields.digest("digest", { 1: 40, 2: 64, 4: 96 }[digest_type])
    return {
      content: `${key_tag} ${algorithm} ${digest_type} ${digest}`,
      data: { key_tag, algorithm, digest_type, digest }
    }
  },
  DNSKEY: (fields) => {
    const flags = fields.integer("flags", U16)
    const protocol = fields.integer("protocol", U8)
    const algorithm = fields.integer("algorithm", U8)
    const public_key = fields.text("public_key", BASE64)
    return {
      content: `${flags} ${protocol} ${algorithm} ${public_key}`,
      data: { flags, protocol, algorithm, public_key }
    }
  },
  CERT: (fields) => {
    const type = fields.integer("type", U16)
    const key_tag = fields.integer("key_tag", U16)
    const algorithm = fields.integer("algorithm", U8)
    const certificate = fields.text("certificate", BASE64)
    return {
      content: `${type} ${key_tag} ${algorithm} ${certificate}`,
      data: { type, key_tag, algorithm, certificate }
    }
  },
  NAPTR: (fields) => {
    const order = fields.integer("order", U16)
    const preference = fields.integer("preference", U16)
    const flags = fields.text("flags", QUOTABLE)
    const service = fields.text("service", QUOTABLE)
    const regex = fields.text("regex", QUOTABLE)
    const replacement = fields.host("replacement", true)
    return {
      content: `${order} ${preference} "${flags}" "${service}" "${regex}" ${replacement}`,
      data: { order, preference, flags, service, regex, replacement }
    }
  },
  URI: (fields) => {
    const weight = fields.integer("weight", U16)
    const target = fields.text("target", /^[^"\s]+$/u)
    return { content: `${weight} "${target}"`, data: { weight, target } }
  }
}

export const isStructured = (type: string): boolean => Object.hasOwn(READERS, type)

/** The value of a structured type from its `data`; without it, the first field that is missing is named. */
export const structuredValue = (type: string, data: unknown): RecordValue => {
  const read = READERS[type]
  if (read === undefined) throw invalid(UNKNOWN_REASON, `DNS record type ${type} has no data.`)
  if (data !== undefined && data !== null && !isObject(data)) throw invalid(UNKNOWN_REASON, "data must be an object.")
  return read(new Fields(type, data ?? {}))
}
