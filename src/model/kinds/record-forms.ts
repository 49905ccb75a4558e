/**
 * The form of a record's value by its type, as far as a regular expression can say it: one that Go's RE2 and
 * JavaScript read alike. Every value that `parseDesired` takes has its form; what has it may still be refused there.
 *
 * An API server gives one rule about a million units of work. A value holds 2,048 characters at most and a record 100
 * of them, so the expression of a type whose values get that long stays under 190 characters.
 */
import type { RecordType } from "../dns/record.ts"
import type { Rule } from "./annotations.ts"

export interface Form {
  readonly types: ReadonlyArray<RecordType>
  /** CEL about the text `v`. */
  readonly holds: string
  /** Completes "each value is …". */
  readonly words: string
}

const BLANK = String.raw`[\s\v\p{Z}]`
const GAP = `${BLANK}+`
const DOT = "[.。．｡]"
// ASCII alone, or with something else in it that becomes Punycode.
const LABEL = String.raw`(?:\w(?:[\w-]{0,61}\w)?|(?:[\w-]*[^\x00-\x7F。．｡])+[\w-]*)`
const HOST = `${LABEL}(?:${DOT}${LABEL})+${DOT}?`
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
const UINT8 = "0*(?:[0-9]{1,2}|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
const UINT16 = "0*(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
const HEX = `(?:[0-9A-Fa-f]${BLANK}*)`

const between = (pattern: string) => `^${BLANK}*(?:${pattern})${BLANK}*$`

/** A call of CEL; its raw strings keep every backslash. */
const matches = (text: string, pattern: string) => `${text}.matches(r'${pattern}')`

/** A last label of digits alone is an address, or was meant as one. */
const endsInNumber = (text: string) => matches(text, `${DOT}[0-9]+${DOT}?${BLANK}*$`)

const isHost = (text: string) => `${matches(text, between(HOST))} && !${endsInNumber(text)}`

export const FORMS: ReadonlyArray<Form> = [
  {
    types: ["A"],
    holds: matches("v", between(`${BYTE}(?:[.]${BYTE}){3}`)),
    words: "an IPv4 address such as 192.0.2.1"
  },
  {
    types: ["AAAA"],
    // The API server's isIP knows no IPv4-mapped addresses; the controller judges those.
    holds: `(isIP(v.trim()) ? ip(v.trim()).family() == 6 : ${matches("v", between("(?i:[0:]+:ffff:[0-9a-f:.]+)"))})`,
    words: "an IPv6 address such as 2001:db8::1"
  },
  {
    types: ["CNAME", "NS", "PTR"],
    holds: isHost("v"),
    words: "one complete host name such as host.example.test"
  },
  {
    types: ["TXT"],
    holds: String.raw`!v.matches(r'\p{Cc}') && size(bytes(v)) <= 2048`,
    words: "plain text of at most 2048 bytes, without line breaks"
  },
  {
    types: ["MX"],
    holds: `${matches("v", between(`0+${GAP}[.]|${UINT16}${GAP}${HOST}`))} && !${endsInNumber("v")}`,
    words: "priority and host, as in 10 mail.example.test"
  },
  {
    types: ["SRV"],
    holds: `${matches("v", between(`(?:${UINT16}${GAP}){3}(?:[.]|${HOST})`))} && !${endsInNumber("v")}`,
    words: "priority, weight, port and host, as in 0 5 443 host.example.test"
  },
  {
    types: ["CAA"],
    holds: matches(
      "v",
      between(String.raw`${UINT8}${GAP}[A-Za-z0-9]{1,15}${GAP}(?:(?:"(?:[ !#-[\]-~]|\\.)*"${BLANK}*)+|[!#-[\]-~]+)`)
    ),
    words: `flags, tag and quoted value, as in 0 issue "letsencrypt.org"`
  },
  {
    types: ["HTTPS", "SVCB"],
    holds: matches("v", between(String.raw`${UINT16}${GAP}[^\s\v\p{Z}]+(?:${GAP}[A-Za-z0-9][\s\S]*)?`)),
    words: `priority, target and parameters, as in 1 . alpn="h2,h3"`
  },
  {
    types: ["TLSA"],
    holds: matches("v", between(String.raw`0*[0-3]${GAP}0*[01]${GAP}0*[0-2]${GAP}[0-9A-Fa-f\s\v\p{Z}]+`)),
    words: "usage, selector, matching type and hex data, as in 3 1 1 0123…"
  },
  {
    types: ["SSHFP"],
    holds: matches("v", between(`0*[1-46]${GAP}0*(?:1${GAP}${HEX}{40}|2${GAP}${HEX}{64})`)),
    words: "algorithm, fingerprint type and hex fingerprint, as in 4 2 0123…"
  }
]

/** One rule for each form; what it says names the first value that is wrong. */
export const formRules: ReadonlyArray<Rule> = FORMS.map(({ holds, types, words }) => {
  const other = types.map((type) => `self.type != '${type}'`).join(" && ")
  const message = `each value of ${types.length === 1 ? "type" : "the types"} ${types.join(", ")} is ${words}`
  return {
    rule: `${types.length === 1 ? other : `(${other})`} || self.values.all(v, ${holds})`,
    message,
    messageExpression: `'"' + self.values.filter(v, !(${holds}))[0] + '" is not ${words}'`,
    fieldPath: ".values"
  }
})

/** The name of a record, relative to its zone. */
export const nameRule: Rule = {
  rule: matches("self", between(String.raw`@|[*]|(?:[*]${DOT})?${LABEL}(?:${DOT}${LABEL})*`)),
  message: `must be relative to the zone: "@" for the zone itself, or such as "www", "a.b" and "*.a" (letters, digits, "-" and "_", no dot at the end)`
}

/** The name of a zone: complete, two labels or more. */
export const zoneRule: Rule = { rule: isHost("self"), message: `must be a complete domain such as "example.test"` }
