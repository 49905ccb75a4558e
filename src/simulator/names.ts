/** Names and hosts as the API stores them: lower case, Punycode, no last dot, names always complete. */
import { domainToASCII } from "node:url"
import { invalid, UNKNOWN_REASON } from "./envelope.ts"

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/u

/** The full name of a record: `@` and relative names are completed, an already complete one stays. Refuses with 9000. */
export const fullName = (input: string, zone: string): string => {
  const bad = (why: string) => invalid(9000, `DNS name is invalid: ${why}`)
  const given = input.endsWith(".") ? input.slice(0, -1) : input
  if (given === "") throw bad("it is empty")
  if (given === "@") return zone
  const ascii = toAscii(given)
  const name = ascii === zone || ascii.endsWith(`.${zone}`) ? ascii : `${ascii}.${zone}`
  const labels = name.split(".")
  if (!labels.every((label, index) => LABEL.test(label) || (label === "*" && index === 0))) {
    throw bad(`${JSON.stringify(input)} has a label that is not allowed`)
  }
  if (name.length > 253) throw bad("it is longer than 253 characters")
  return name
}

/** A host that a record points at; `code` is the reason when it is none. `.` is kept where a null target is legal. */
export const targetHost = (
  input: unknown,
  { code = UNKNOWN_REASON, nullTarget = false, type }: { code?: number; nullTarget?: boolean; type: string }
): string => {
  const bad = () => invalid(code, `Content for ${type} record is invalid. Must be a hostname.`)
  if (typeof input !== "string") throw bad()
  if (input === "." && nullTarget) return "."
  const host = toAscii(input.endsWith(".") ? input.slice(0, -1) : input)
  if (host.length > 253 || !host.split(".").every((label) => LABEL.test(label))) throw bad()
  if (/^[\d.]+$/u.test(host)) throw bad()
  return host
}

// Label by label, and only where it is needed: the whole-domain conversion refuses underscores and wildcards.
const toAscii = (name: string) =>
  name
    .split(".")
    // oxlint-disable-next-line no-control-regex -- the ASCII range is what is meant
    .map((label) => (/^[\u0000-\u007f]*$/u.test(label) ? label.toLowerCase() : domainToASCII(label)))
    .join(".")
