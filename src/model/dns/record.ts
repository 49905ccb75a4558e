/** What a DNS record is made of, apart from its value: its type, its settings, and whom it belongs to. */
import { Schema } from "effect"

/** The types Driftless keeps; Cloudflare has others, which it leaves alone. */
export const RecordType = Schema.Literals([
  "A",
  "AAAA",
  "CNAME",
  "TXT",
  "MX",
  "SRV",
  "CAA",
  "NS",
  "PTR",
  "HTTPS",
  "SVCB",
  "TLSA",
  "SSHFP"
])
export type RecordType = typeof RecordType.Type

/** The types that Cloudflare can stand in front of; `proxied` has a meaning with these only. */
export const PROXIABLE = ["A", "AAAA", "CNAME"] as const satisfies ReadonlyArray<RecordType>

/** What Cloudflare calls "automatic", and returns for every proxied record. */
export const AUTOMATIC_TTL = 1

/** Seconds. 30 to 59 are refused by Cloudflare in zones that are not on the Enterprise plan. */
export const Ttl = Schema.Int.check(
  Schema.makeFilter((seconds: number) =>
    seconds === AUTOMATIC_TTL || seconds >= 30
      ? undefined
      : "a ttl is 1 (automatic) or 60 to 86400 seconds (from 30 on Enterprise)"
  ),
  // Last, since annotations go to the last check, and JSON Schema can say this one.
  Schema.isBetween({ minimum: AUTOMATIC_TTL, maximum: 86_400 })
)
export type Ttl = typeof Ttl.Type

/** Who wants a record. `user` is a person; all but `user` and `external` are named in the seed. */
export const OwnerType = Schema.Literals([
  "node_group",
  "line_group",
  "website_domain",
  "acme_challenge",
  "external",
  "user"
])
export type OwnerType = typeof OwnerType.Type
