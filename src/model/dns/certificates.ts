/** Values about keys and certificates: CAA (RFC 8659), TLSA (RFC 6698) and SSHFP (RFC 4255, 6594, 7479, 8709). */
import { Result } from "effect"
import { cite, type Invalid, invalid } from "./invalid.ts"
import { integer, joinedStrings, MAX_UINT8, type Notation, toBytes } from "./presentation.ts"

export interface CaaValue {
  readonly type: "CAA"
  readonly flags: number
  readonly tag: string
  /** Bytes. */
  readonly value: string
}

export interface TlsaValue {
  readonly type: "TLSA"
  readonly usage: number
  readonly selector: number
  readonly matchingType: number
  /** Lower-case hex. */
  readonly certificate: string
}

export interface SshfpValue {
  readonly type: "SSHFP"
  readonly algorithm: number
  readonly fingerprintType: number
  /** Lower-case hex. */
  readonly fingerprint: string
}

export const CAA_FIELDS = ["flags", "tag", "value"]

export function parseCaa(fields: ReadonlyArray<string>, notation: Notation): Result.Result<CaaValue, Invalid> {
  const [flags, tag, text] = fields
  if (flags === undefined || tag === undefined || text === undefined) {
    const shape = `flags, tag and quoted value, as in '0 issue "letsencrypt.org"'`
    return invalid(`a CAA value is ${shape}; got ${cite(fields.join(" "))}`)
  }
  return Result.gen(function* () {
    const value = joinedStrings(text) ?? toBytes(text)
    if (notation === "desired") yield* checkCaa(tag, text, value)
    return {
      type: "CAA" as const,
      flags: yield* integer(flags, MAX_UINT8, "CAA flags field"),
      tag: tag.toLowerCase(),
      value
    }
  })
}

function checkCaa(tag: string, text: string, value: string): Result.Result<void, Invalid> {
  if (!/^[a-z0-9]{1,15}$/iu.test(tag)) {
    return invalid(`the CAA tag ${cite(tag)} is not made of 1 to 15 letters and digits, as "issue" is`)
  }
  if (joinedStrings(text) === null && /[\s"]/u.test(text)) {
    return invalid(`the CAA value ${cite(text)} needs one pair of quotes around all of it`)
  }
  if (value === "") return invalid(`the CAA value is empty; "no authority may issue" is written ";"`)
  // Cloudflare holds the value without its quotes, and nothing says how it would hold quotes and escapes inside.
  if (/^[ !#-[\]-~]*$/u.test(value)) return Result.void
  return invalid(`the CAA value ${cite(text)} is not printable ASCII without quotes and backslashes`)
}

export const TLSA_FIELDS = ["usage", "selector", "matching_type", "certificate"]

export function parseTlsa(fields: ReadonlyArray<string>, notation: Notation): Result.Result<TlsaValue, Invalid> {
  const [usage, selector, matchingType, certificate] = fields
  if (usage === undefined || selector === undefined || matchingType === undefined || certificate === undefined) {
    const shape = `usage, selector, matching type and hex data, as in "3 1 1 0123…"`
    return invalid(`a TLSA value is ${shape}; got ${cite(fields.join(" "))}`)
  }
  const strict = notation === "desired"
  return Result.gen(function* () {
    const value = {
      type: "TLSA" as const,
      usage: yield* integer(usage, strict ? 3 : MAX_UINT8, "TLSA usage"),
      selector: yield* integer(selector, strict ? 1 : MAX_UINT8, "TLSA selector"),
      matchingType: yield* integer(matchingType, strict ? 2 : MAX_UINT8, "TLSA matching type"),
      certificate: yield* hex(certificate, "TLSA data")
    }
    if (strict) yield* checkLength(value.certificate, TLSA_DIGITS[value.matchingType], "TLSA data")
    return value
  })
}

/** Hex digits by matching type: SHA-256, SHA-512; type 0 is the certificate itself, of any length. */
const TLSA_DIGITS: Readonly<Record<number, number>> = { 1: 64, 2: 128 }

export const SSHFP_FIELDS = ["algorithm", "type", "fingerprint"]

export function parseSshfp(fields: ReadonlyArray<string>, notation: Notation): Result.Result<SshfpValue, Invalid> {
  const [algorithm, type, fingerprint] = fields
  if (algorithm === undefined || type === undefined || fingerprint === undefined) {
    const shape = `algorithm, fingerprint type and hex fingerprint, as in "4 2 0123…"`
    return invalid(`an SSHFP value is ${shape}; got ${cite(fields.join(" "))}`)
  }
  return Result.gen(function* () {
    const value = {
      type: "SSHFP" as const,
      algorithm: yield* integer(algorithm, MAX_UINT8, "SSHFP algorithm"),
      fingerprintType: yield* integer(type, MAX_UINT8, "SSHFP fingerprint type"),
      fingerprint: yield* hex(fingerprint, "SSHFP fingerprint")
    }
    if (notation === "desired") yield* checkSshfp(value)
    return value
  })
}

function checkSshfp({ algorithm, fingerprint, fingerprintType }: SshfpValue): Result.Result<void, Invalid> {
  if (!SSHFP_ALGORITHMS.includes(algorithm)) {
    return invalid(`the SSHFP algorithm ${algorithm} is not 1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519 or 6 Ed448`)
  }
  const digits = SSHFP_DIGITS[fingerprintType]
  if (digits === undefined) return invalid(`the SSHFP fingerprint type ${fingerprintType} is not 1 SHA-1 or 2 SHA-256`)
  return checkLength(fingerprint, digits, "SSHFP fingerprint")
}

const SSHFP_ALGORITHMS = [1, 2, 3, 4, 6]
const SSHFP_DIGITS: Readonly<Record<number, number>> = { 1: 40, 2: 64 }

/** RFC 6698, section 2.2 allows blanks inside; Cloudflare returns upper case. */
function hex(text: string, what: string): Result.Result<string, Invalid> {
  const digits = text.replace(/\s/gu, "").toLowerCase()
  if (/^(?:[0-9a-f]{2})+$/u.test(digits)) return Result.succeed(digits)
  return invalid(`the ${what} ${cite(text)} is not an even number of hex digits`)
}

function checkLength(digits: string, wanted: number | undefined, what: string): Result.Result<void, Invalid> {
  if (wanted === undefined || digits.length === wanted) return Result.void
  return invalid(`the ${what} has ${digits.length} hex digits; this kind has ${wanted}`)
}
