/** The fields that every record has besides its value: TTL, proxying, comment, tags, settings. */
import type { JsonObject } from "./envelope.ts"
import { invalid, isObject, UNKNOWN_REASON } from "./envelope.ts"
import { isPrivate } from "./addresses.ts"
import type { Plan } from "./plans.ts"
import { LIMITS, MAX_TTL } from "./plans.ts"

const PROXIABLE: ReadonlyArray<string> = ["A", "AAAA", "CNAME"]

export const isProxiable = (type: string, content: string): boolean => PROXIABLE.includes(type) && !isPrivate(content)

export const proxied = (given: unknown, type: string, content: string): boolean => {
  if (given === undefined || given === null) return false
  if (typeof given !== "boolean") throw invalid(UNKNOWN_REASON, "proxied must be a boolean.")
  if (given && !PROXIABLE.includes(type)) throw invalid(9041, "This DNS record cannot be proxied.")
  if (given && !isProxiable(type, content)) {
    throw invalid(9003, `Target ${content} is not allowed for a proxied record.`)
  }
  return given
}

export const ttl = (given: unknown, isProxied: boolean, plan: Plan): number => {
  const seconds = given ?? 1
  const { minTtl } = LIMITS[plan]
  const inRange = typeof seconds === "number" && Number.isInteger(seconds) && seconds >= minTtl && seconds <= MAX_TTL
  if (!inRange && seconds !== 1) {
    throw invalid(9021, `Invalid TTL. Must be between ${minTtl} and ${MAX_TTL} seconds, or 1 for Automatic.`)
  }
  return isProxied || !inRange ? 1 : seconds
}

export const comment = (given: unknown, plan: Plan): string | null => {
  if (given === undefined || given === null || given === "") return null
  if (typeof given !== "string" || /[\r\n]/u.test(given)) {
    throw invalid(UNKNOWN_REASON, "DNS record comment must be text on one line.")
  }
  const limit = LIMITS[plan].comment
  if (Array.from(given).length > limit) {
    throw invalid(9313, `DNS record comment exceeds the maximum length of ${limit} characters.`)
  }
  return given
}

export const tags = (given: unknown, plan: Plan): ReadonlyArray<string> => {
  if (given === undefined || given === null) return []
  const list: ReadonlyArray<unknown> = Array.isArray(given) ? given : [given]
  const quota = LIMITS[plan].tags
  if (list.length > quota) {
    throw invalid(9300, `DNS record has ${list.length} tags, exceeding the quota of ${quota}.`)
  }
  const checked = list.map((tag) => {
    const [, name, value = ""] = (typeof tag === "string" && /^([A-Za-z0-9_-]{1,32})(?::(.*))?$/su.exec(tag)) || []
    if (typeof tag !== "string" || name === undefined || Array.from(value).length > 100) {
      throw invalid(UNKNOWN_REASON, `DNS record tag ${JSON.stringify(tag)} is invalid.`)
    }
    if (name.toLowerCase().startsWith("cf-")) throw invalid(UNKNOWN_REASON, "DNS record tags may not begin with cf-.")
    return tag
  })
  return checked.toSorted()
}

const SETTINGS: Readonly<Record<string, ReadonlyArray<string>>> = {
  flatten_cname: ["CNAME"],
  ipv4_only: PROXIABLE,
  ipv6_only: PROXIABLE
}

export const settings = (given: unknown, type: string): JsonObject => {
  if (given === undefined || given === null) return {}
  if (!isObject(given)) throw invalid(UNKNOWN_REASON, "settings must be an object.")
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== "boolean" || (value && SETTINGS[name]?.includes(type) !== true)) {
      throw invalid(UNKNOWN_REASON, `Setting ${name} is not allowed for a ${type} record.`)
    }
  }
  return given
}
