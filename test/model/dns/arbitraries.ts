/**
 * Values of all types as people write them, and the ways in which Cloudflare has been seen to return each: the same
 * meaning in other letters. The writing here is independent of the source under test.
 */
import fc from "fast-check"
import type { ObservedContent } from "../../../src/model/dns/presentation.ts"
import type { RecordType } from "../../../src/model/dns/record.ts"

export interface Case {
  readonly type: RecordType
  readonly desired: string
  readonly returned: ReadonlyArray<ObservedContent>
}

export const label = fc.stringMatching(/^[a-z0-9_](?:[a-z0-9_-]{0,8}[a-z0-9_])?$/u)

/** At least two labels; the last one is of letters, as every top-level domain. */
export const host = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.stringMatching(/^[a-z]{2,6}$/u))
  .map(([labels, last]) => [...labels, last].join("."))

export const mixedCase = (text: string): fc.Arbitrary<string> =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) =>
      Array.from(text, (character, index) => (upper[index] ? character.toUpperCase() : character)).join("")
    )

const hostOrRoot = fc.oneof({ weight: 4, arbitrary: host }, { weight: 1, arbitrary: fc.constant(".") })
const uint16 = fc.nat({ max: 65_535 })
const hexOf = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`, "u"))
const dotted = (name: string) => (name === "." ? name : `${name}.`)
const spaced = (hex: string) => hex.replace(/(.{8})(?=.)/gu, "$1 ")

const address4 = fc.ipV4().map((address): Case => ({ type: "A", desired: address, returned: [{ content: address }] }))

/** Eight groups, since the shapes of one address must not come from the code that folds them. */
const address6 = fc.array(fc.oneof(fc.constant(0), uint16), { minLength: 8, maxLength: 8 }).map((groups): Case => {
  const long = groups.map((group) => group.toString(16).padStart(4, "0")).join(":")
  const short = groups.map((group) => group.toString(16)).join(":")
  const folded = short.replace(/(?:^|:)0(?::0)+(?::|$)/u, "::")
  const returned = [long, long.toUpperCase(), short, folded].map((content) => ({ content }))
  return { type: "AAAA", desired: short, returned }
})

const pointer = fc
  .tuple(fc.constantFrom("CNAME" as const, "NS" as const, "PTR" as const), host, fc.boolean())
  .chain(([type, name, dot]) =>
    mixedCase(name).map((mixed): Case => {
      const returned = [name, `${name}.`, mixed, `${mixed}.`].map((content) => ({ content, data: {} }))
      return { type, desired: dot ? `${mixed}.` : mixed, returned }
    })
  )

const character = fc.oneof(
  fc.constantFrom(`"`, "\\", " ", ";", "é", "漢", "😀", "0"),
  fc.string({ minLength: 1, maxLength: 1, unit: "grapheme" })
)

export const plainText = fc
  .string({ unit: character, minLength: 1, maxLength: 700 })
  .filter((text) => Buffer.byteLength(text) <= 2048 && !/\p{Cc}|\p{Cs}/u.test(text))

const text = plainText.map((plain): Case => {
  const raw = [...plain].map((c) => (c === `"` || c === "\\" ? `\\${c}` : c)).join("")
  const bytes = [...Buffer.from(plain)]
  const decimal = bytes.map((byte) => `\\${String(byte).padStart(3, "0")}`)
  const cut = bytes.flatMap((_, i) => (i % 255 === 0 ? [`"${decimal.slice(i, i + 255).join("")}"`] : []))
  const returned = [`"${raw}"`, cut.join(" "), cut.join(""), ` ${cut.join("  ")} `]
  // Text that came without quotes is returned without them; what has quotes at both ends did not.
  if (!/^\s*".*"\s*$/su.test(plain)) returned.push(plain)
  return { type: "TXT", desired: plain, returned: returned.map((content) => ({ content })) }
})

const mx = fc.oneof(fc.tuple(uint16, host), fc.constant([0, "."] as const)).map(([priority, name]): Case => ({
  type: "MX",
  desired: `${priority} ${dotted(name)}`,
  returned: [
    { content: name, priority, data: {} },
    { content: dotted(name).toUpperCase(), priority },
    { content: `${priority} ${name}`, priority },
    { content: `${priority}\t${name}` }
  ]
}))

const srv = fc.tuple(uint16, uint16, uint16, hostOrRoot).map(([priority, weight, port, name]): Case => ({
  type: "SRV",
  desired: `${priority}  ${weight}\t${port} ${name.toUpperCase()}`,
  returned: [
    { content: `${weight} ${port} ${name}`, priority, data: { priority, weight, port, target: name } },
    { content: `${weight}\t${port}\t${dotted(name)}`, priority },
    { content: `${priority} ${weight} ${port} ${name}`, priority },
    { content: "", data: { priority, weight, port, target: name === "." ? false : dotted(name) } },
    { content: `${weight} ${port} ${name}`, priority, data: { weight, port, target: name.toUpperCase() } }
  ]
}))

const caaValue = fc.stringMatching(/^[a-z0-9;=:@. -]{1,40}$/u)

const caa = fc
  .tuple(fc.nat({ max: 255 }), fc.constantFrom("issue", "issuewild", "iodef"), caaValue)
  .map(([flags, tag, value]): Case => ({
    type: "CAA",
    desired: `${flags} ${tag.toUpperCase()} "${value}"`,
    returned: [
      { content: `${flags} ${tag} "${value}"`, data: { flags, tag, value } },
      { content: `${flags}\t${tag}\t"${value}"` },
      { data: { flags, tag: tag.toUpperCase(), value: `"${value}"` } }
    ]
  }))

const tlsa = fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 1 }), fc.constantFrom(1, 2)).chain(([usage, selector, kind]) =>
  hexOf(kind * 64).map((hex): Case => {
    const fields = [usage, selector, kind]
    const data = { usage, selector, matching_type: kind, certificate: spaced(hex).toUpperCase() }
    return {
      type: "TLSA",
      desired: `${fields.join(" ")} ${spaced(hex)}`,
      returned: [
        { content: [...fields, hex].join(" ") },
        { content: [...fields, hex.toUpperCase()].join("\t") },
        { content: "", data }
      ]
    }
  })
)

const sshfp = fc.tuple(fc.constantFrom(1, 2, 3, 4, 6), fc.constantFrom([1, 40], [2, 64])).chain(([algorithm, kind]) => {
  const [type = 0, digits = 0] = kind
  return hexOf(digits).map((fingerprint): Case => ({
    type: "SSHFP",
    desired: `${algorithm} ${type} ${fingerprint.toUpperCase()}`,
    returned: [
      { content: `${algorithm} ${type} ${fingerprint}` },
      { content: `${algorithm}\t${type}\t${spaced(fingerprint.toUpperCase())}` },
      { data: { algorithm, type, fingerprint: fingerprint.toUpperCase() } }
    ]
  }))
})

/** Each parameter in the ways it may be written. */
const parameters = fc
  .record(
    {
      alpn: fc
        .uniqueArray(fc.constantFrom("h2", "h3", "http/1.1"), { minLength: 1 })
        .map((ids) => `alpn="${ids.join()}"`),
      port: uint16.map((port) => `port=${port}`),
      hint4: fc.ipV4().map((address) => `ipv4hint="${address}"`),
      hint6: fc.constantFrom(`ipv6hint="2001:DB8:0:0::1"`, "ipv6hint=2001:db8::1"),
      ech: fc
        .base64String()
        .filter((bytes) => bytes !== "")
        .map((bytes) => `ech="${bytes}"`),
      private: fc.constantFrom("key65280", `key65280=""`, String.raw`key65281="a \"b\\\000"`, "key65282=\\097b")
    },
    { requiredKeys: [] }
  )
  .map((chosen) => Object.values(chosen))

const binding = fc
  .tuple(
    fc.constantFrom("HTTPS" as const, "SVCB" as const),
    fc.integer({ min: 1, max: 65_535 }),
    hostOrRoot,
    parameters
  )
  .chain(([type, priority, name, written]) =>
    fc.shuffledSubarray(written, { minLength: written.length }).map((shuffled): Case => {
      const value = shuffled.join(" ")
      return {
        type,
        desired: [priority, name, ...written].join(" "),
        returned: [
          { content: `${priority} ${dotted(name)} ${value}` },
          { content: `${priority}\t${name.toUpperCase()}\t${value}`, data: {} },
          { content: "", data: { priority, target: name, value } }
        ]
      }
    })
  )

/** One value of any type. */
export const anyValue = fc.oneof(address4, address6, pointer, text, mx, srv, caa, tlsa, sshfp, binding)
