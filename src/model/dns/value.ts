/**
 * The value of a record in one canonical form, read from each side's own notation: what people write (plain text for
 * TXT, zone-file notation for the others), and what Cloudflare returns. Only canonical forms are compared and hashed,
 * so a difference is a difference of meaning, and a second plan finds nothing to do.
 */
import { Result } from "effect"
import { type AddressValue, parseAddress } from "./addresses.ts"
import {
  CAA_FIELDS,
  type CaaValue,
  parseCaa,
  parseSshfp,
  parseTlsa,
  SSHFP_FIELDS,
  type SshfpValue,
  TLSA_FIELDS,
  type TlsaValue
} from "./certificates.ts"
import {
  type HostValue,
  MX_FIELDS,
  type MxValue,
  parseHost,
  parseMx,
  parseSrv,
  SRV_FIELDS,
  type SrvValue
} from "./hosts.ts"
import { type Invalid, invalid } from "./invalid.ts"
import { encode, fieldsOf, fromBytes, type Notation, type ObservedContent, observedFields } from "./presentation.ts"
import type { RecordType } from "./record.ts"
import {
  parametersText,
  parseServiceBinding,
  SERVICE_BINDING_FIELDS,
  type ServiceBindingValue
} from "./service-binding.ts"
import { desiredText, observedText, quotedText, type TextValue } from "./text.ts"

export type CanonicalValue =
  | AddressValue
  | HostValue
  | TextValue
  | MxValue
  | SrvValue
  | CaaValue
  | ServiceBindingValue
  | TlsaValue
  | SshfpValue

/** What a create or an update sends to Cloudflare besides type, name and settings. */
export type ApiValue =
  | { readonly content: string; readonly priority?: number }
  | { readonly data: Readonly<Record<string, string | number>> }

/** Reads what a person asked for. What comes back can be written to Cloudflare. */
export function parseDesired(type: RecordType, value: string): Result.Result<CanonicalValue, Invalid> {
  if (type === "TXT") return desiredText(value)
  if (value.length > MAX_CHARACTERS) return tooLong(type, value)
  const parsed = parse(type, value, (keys) => fieldsOf(value, keys.length), "desired")
  // Escapes make some values longer than they were written.
  const canonical = Result.isSuccess(parsed) ? canonicalText(parsed.success) : ""
  return canonical.length > MAX_CHARACTERS ? tooLong(type, canonical) : parsed
}

const tooLong = (type: RecordType, text: string) =>
  invalid(`the ${type} value has ${text.length} characters; ${MAX_CHARACTERS} are allowed`)

/** The width of the column that keeps the value. */
const MAX_CHARACTERS = 2048

/**
 * Reads what Cloudflare returned, also what we would not write. Fails where the content makes no sense for its type;
 * such a record equals nothing that could be asked for.
 */
export function parseObserved(type: RecordType, record: ObservedContent): Result.Result<CanonicalValue, Invalid> {
  const content = record.content ?? ""
  if (type === "TXT") return observedText(content)
  return parse(type, content, (keys) => observedFields(record, keys), "observed")
}

type Fields = (keys: ReadonlyArray<string>) => ReadonlyArray<string>

function parse(
  type: Exclude<RecordType, "TXT">,
  text: string,
  fields: Fields,
  notation: Notation
): Result.Result<CanonicalValue, Invalid> {
  switch (type) {
    case "A":
    case "AAAA":
      return parseAddress(type, text)
    case "CNAME":
    case "NS":
    case "PTR":
      return parseHost(type, text, notation)
    case "MX":
      return parseMx(fields(MX_FIELDS), notation)
    case "SRV":
      return parseSrv(fields(SRV_FIELDS), notation)
    case "CAA":
      return parseCaa(fields(CAA_FIELDS), notation)
    case "HTTPS":
    case "SVCB":
      return parseServiceBinding(type, fields(SERVICE_BINDING_FIELDS), notation)
    case "TLSA":
      return parseTlsa(fields(TLSA_FIELDS), notation)
    case "SSHFP":
      return parseSshfp(fields(SSHFP_FIELDS), notation)
  }
}

/**
 * The value in the notation that people write, in its one form. Two records are equal exactly when type, complete name
 * and this text are; it is what the database keeps, what is hashed and what is shown.
 */
export function canonicalText(value: CanonicalValue): string {
  switch (value.type) {
    case "A":
    case "AAAA":
      return value.address
    case "CNAME":
    case "NS":
    case "PTR":
      return value.host
    case "TXT":
      return value.text
    case "MX":
      return `${value.priority} ${value.host}`
    case "SRV":
      return `${value.priority} ${value.weight} ${value.port} ${value.host}`
    case "CAA":
      return `${value.flags} ${value.tag} "${encode(value.value)}"`
    case "HTTPS":
    case "SVCB":
      return `${value.priority} ${value.host} ${parametersText(value.parameters)}`.trimEnd()
    case "TLSA":
      return `${value.usage} ${value.selector} ${value.matchingType} ${value.certificate}`
    case "SSHFP":
      return `${value.algorithm} ${value.fingerprintType} ${value.fingerprint}`
  }
}

/**
 * The same value as Cloudflare takes it. Shapes:
 * https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/create/
 */
export function toApi(value: CanonicalValue): ApiValue {
  switch (value.type) {
    case "A":
    case "AAAA":
      return { content: value.address }
    case "CNAME":
    case "NS":
    case "PTR":
      return { content: value.host }
    case "TXT":
      return { content: quotedText(value.text) }
    case "MX":
      return { content: value.host, priority: value.priority }
    case "SRV": {
      const { host, port, priority, weight } = value
      return { data: { priority, weight, port, target: host } }
    }
    case "CAA":
      return { data: { flags: value.flags, tag: value.tag, value: fromBytes(value.value) ?? value.value } }
    case "HTTPS":
    case "SVCB":
      return { data: { priority: value.priority, target: value.host, value: parametersText(value.parameters) } }
    case "TLSA": {
      const { certificate, matchingType, selector, usage } = value
      return { data: { usage, selector, matching_type: matchingType, certificate } }
    }
    case "SSHFP": {
      const { algorithm, fingerprint, fingerprintType } = value
      return { data: { algorithm, type: fingerprintType, fingerprint } }
    }
  }
}
