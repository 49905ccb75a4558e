/**
 * Names of zones, records and hosts. What leaves this file is lower case, Punycode and without a last dot, so two
 * names are equal exactly when their texts are.
 *
 * Rows hold relative names (`@`, `www`, `a.b`), the provider holds complete ones. A row's name never ends in its
 * zone's name: where both forms may stand in one column, zones get appended twice.
 */
import { isIP } from "node:net"
import { domainToASCII } from "node:url"
import { Result } from "effect"
import { cite, type Invalid, invalid } from "./invalid.ts"

/** The complete name of a record. A name that is complete already stays as it is; an empty one is the zone itself. */
export function toFqdn(name: string, zone: string): string {
  const [short, apex] = [plain(name), plain(zone)]
  if (short === "" || short === "@") return apex
  return name.trim().endsWith(".") || isWithin(short, apex) ? short : `${short}.${apex}`
}

/**
 * The name of a record as a row holds it; the inverse of `toFqdn`. A name that has no such form (outside the zone, or
 * with the zone twice at its end) comes back complete and with a last dot, as in a zone file.
 */
export function relativeName(fqdn: string, zone: string): string {
  const [full, apex] = [plain(fqdn), plain(zone)]
  if (full === apex) return "@"
  const short = isWithin(full, apex) ? full.slice(0, -apex.length - 1) : full
  return toFqdn(short, apex) === full && short !== full ? short : `${full}.`
}

/** A record's name as a person wrote it → `@`, `www`, `*.a`: relative to `zone`. */
export function normaliseName(input: string, zone: string): Result.Result<string, Invalid> {
  const trimmed = input.trim()
  if (trimmed === "") return invalid(`the name is empty; write "@" for ${zone} itself`)
  if (trimmed === "@") return Result.succeed("@")
  const [body, dotted] = withoutLastDot(trimmed)
  return Result.flatMap(asciiLabels(body, "wildcard"), (labels) => {
    const name = labels.join(".")
    if (isWithin(name, plain(zone))) {
      const short = relativeName(name, zone)
      const way = short.endsWith(".") ? "" : `, so write "${short}"`
      return invalid(`the name ${cite(trimmed)} ends in the zone's own name; names are relative to ${zone}${way}`)
    }
    const fqdn = toFqdn(name, zone)
    if (dotted) {
      const way = `names are relative to ${zone}, so write "${name}", which stands for ${fqdn}`
      return invalid(`the name ${cite(trimmed)} ends in a dot; ${way}`)
    }
    return Result.map(withinLength(fqdn), () => name)
  })
}

/** The name of a zone: `example.test`. */
export function normaliseDomain(input: string): Result.Result<string, Invalid> {
  const trimmed = input.trim()
  if (isIP(trimmed) !== 0) return invalid(`${cite(trimmed)} is an address; write a domain such as "example.test"`)
  return Result.flatMap(asciiLabels(withoutLastDot(trimmed)[0], "plain"), (labels) => {
    if (labels.length < 2) return invalid(`the domain ${cite(trimmed)} has one label; write one such as "example.test"`)
    return endsInNumber(trimmed, labels) ?? withinLength(labels.join("."))
  })
}

/** A host that a value points at. It is always complete: nothing is appended to it, so one label alone is refused. */
export function normaliseHost(input: string): Result.Result<string, Invalid> {
  const trimmed = input.trim()
  if (isIP(trimmed) !== 0) return invalid(`${cite(trimmed)} is an address; a host name belongs here`)
  if (trimmed === ".") return invalid(`the host "." (no service) has no meaning here; write a complete host name`)
  if (trimmed === "@") return invalid(`the host "@" is not complete; write out the zone's name`)
  return Result.flatMap(asciiLabels(withoutLastDot(trimmed)[0], "plain"), (labels) => {
    if (labels.length < 2) {
      return invalid(`the host ${cite(trimmed)} is not complete; write it with its domain: "${labels[0]}.example.test"`)
    }
    return endsInNumber(trimmed, labels) ?? withinLength(labels.join("."))
  })
}

/** As `normaliseHost`, where `.` means "there is none" (MX: RFC 7505; SRV: RFC 2782; HTTPS, SVCB: RFC 9460). */
export function normaliseHostOrRoot(input: string): Result.Result<string, Invalid> {
  return input.trim() === "." ? Result.succeed(".") : normaliseHost(input)
}

/** A host as a provider returned it. Nothing that exists is refused; it is only brought to the form of the others. */
export function observedHost(text: string): string {
  const labels = splitLabels(withoutLastDot(text.trim())[0])
  const host = labels.map((label) => Result.getOrElse(asciiLabel(label), () => label.toLowerCase())).join(".")
  return host === "" ? "." : host
}

const plain = (name: string) => withoutLastDot(name.trim())[0].toLowerCase()

const isWithin = (name: string, zone: string) => name === zone || name.endsWith(`.${zone}`)

// IDNA counts the three East Asian full stops as dots (UTS #46, section 2.3); an input method types them.
const FULL_STOP = /[.\u3002\uFF0E\uFF61]/u

const splitLabels = (name: string) => name.split(FULL_STOP)

function withoutLastDot(name: string): readonly [body: string, dotted: boolean] {
  const dotted = FULL_STOP.test(name.slice(-1))
  return [dotted ? name.slice(0, -1) : name, dotted]
}

function asciiLabels(name: string, first: "wildcard" | "plain"): Result.Result<ReadonlyArray<string>, Invalid> {
  if (name === "") return invalid(`the name is empty`)
  const labels: Array<string> = []
  for (const [index, label] of splitLabels(name).entries()) {
    if (label === "") return invalid(`${cite(name)} has an empty label; write one dot between two labels`)
    if (label.includes("*") && first === "plain") return invalid(`${cite(name)}: a wildcard has no meaning here`)
    const ascii = label === "*" && index === 0 ? Result.succeed("*") : asciiLabel(label)
    if (Result.isFailure(ascii)) return invalid(`${cite(name)}: ${ascii.failure.message}`)
    labels.push(ascii.success)
  }
  return Result.succeed(labels)
}

function asciiLabel(label: string): Result.Result<string, Invalid> {
  if (label.includes("*")) return invalid(`"*" stands alone and first, as in "*.a"`)
  const rule = `use letters, digits, "-" and "_", with no "-" at either end`
  // The URL parser behind domainToASCII ends a host at "/" and decodes "%41": such a label must not reach it.
  if (/[\0-\x7F]/u.test(label.replace(/[\w-]/gu, ""))) return invalid(`the label ${cite(label)} is not valid; ${rule}`)
  const ascii = /^[\0-\x7F]*$/u.test(label) ? label.toLowerCase() : domainToASCII(label)
  if (ascii.length > 63) return invalid(`the label ${cite(label)} has ${ascii.length} characters; 63 are allowed`)
  return LABEL.test(ascii) ? Result.succeed(ascii) : invalid(`the label ${cite(label)} is not valid; ${rule}`)
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/u

/** A last label of digits alone makes clients read the whole as an address (RFC 3696, section 2). */
function endsInNumber(input: string, labels: ReadonlyArray<string>): Result.Result<never, Invalid> | undefined {
  return /^\d+$/u.test(labels.at(-1) ?? "") ? invalid(`${cite(input)} ends in a number, as no name does`) : undefined
}

function withinLength(fqdn: string): Result.Result<string, Invalid> {
  if (fqdn.length <= 253) return Result.succeed(fqdn)
  return invalid(`the complete name ${cite(fqdn)} has ${fqdn.length} characters; 253 are allowed`)
}
