/** Objects as large as the definitions allow, which the parser takes too: the greatest cost of every rule. */
import { aDocument } from "../crds/documents.ts"

/** 253 characters, each time another name. */
const host = (index: number) =>
  [`h${String(index).padStart(3, "0")}`.padEnd(63, "a"), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".")

const many = (value: (index: number) => string, count = 100) =>
  Array.from({ length: count }, (_, index) => value(index))

const id = (index: number) => String(index).padStart(4, "0")

const hex = (index: number, digits: number) => id(index).padEnd(digits, "f")

const VALUES: Readonly<Record<string, ReadonlyArray<string>>> = {
  A: many((index) => `192.168.100.${index + 100}`),
  AAAA: many((index) => `2001:0db8:ffff:ffff:ffff:ffff:ffff:${id(index)}`),
  CNAME: [host(0)],
  NS: many(host),
  PTR: many(host),
  TXT: many((index) => `${id(index)}${"x".repeat(2044)}`),
  MX: many((index) => `65535 ${host(index)}`),
  SRV: many((index) => `65535 65535 65535 ${host(index)}`),
  CAA: many((index) => `255 issuewild012345 "${id(index)}${"x".repeat(2020)}"`),
  HTTPS: many((index) => `65535 ${host(index)} key65280="${"x".repeat(1770)}"`),
  SVCB: many((index) => `65535 . key65280="${id(index)}${"x".repeat(2020)}"`),
  TLSA: many((index) => `3 1 0 ${hex(index, 2042)}`),
  SSHFP: many((index) => `4 2 ${hex(index, 64)}`)
}

export const LARGEST = [
  ...Object.entries(VALUES).map(([type, values]) =>
    aDocument(
      "DnsRecord",
      {
        domainRef: { name: "d".repeat(253) },
        type,
        name: ["*", "b".repeat(63), "c".repeat(63), "d".repeat(63), "e".repeat(30)].join("."),
        values,
        ttl: 86_400,
        comment: "é".repeat(500)
      },
      `largest-${type.toLowerCase()}`
    )
  ),
  // The most values that are compared with one another.
  aDocument(
    "DnsRecord",
    {
      domainRef: { name: "example" },
      type: "TXT",
      name: "@",
      values: many((index) => `${"x".repeat(2044)}${id(index)}`, 50)
    },
    "largest-comparison"
  ),
  aDocument(
    "Domain",
    { domain: host(0), credentialRef: { name: "c".repeat(253) }, maxDeletions: "999999", batchLimit: 3500 },
    "largest-domain"
  ),
  aDocument(
    "Credential",
    {
      provider: "cloudflare",
      account: "a".repeat(128),
      tokenFrom: { secretRef: { name: "s".repeat(253), key: "k".repeat(253) } }
    },
    "largest-secret"
  ),
  aDocument("Credential", { provider: "cloudflare", tokenFrom: { file: "f".repeat(1024) } }, "largest-file"),
  aDocument("Credential", { provider: "cloudflare", tokenFrom: { env: "E".repeat(128) } }, "largest-variable")
]
