/** `Domain`: a zone, the credential that opens it, and what may be done to the records in it. */
import { Result, Schema, SchemaGetter } from "effect"
import { normaliseDomain } from "../dns/names.ts"
import { rules, withDefault } from "./annotations.ts"
import { malformed, type Mistake } from "./mistakes.ts"
import { Reference, Status } from "./metadata.ts"
import { zoneRule } from "./record-forms.ts"

/** The name of a zone as a person writes it; `domainMistakes` judges it. */
export const ZoneName = Schema.String.check(Schema.isMaxLength(255, { expected: "255 characters at most" })).annotate({
  description:
    "The name of the zone, such as example.test. It cannot change: make another Domain for another zone. Zones themselves are never created or deleted."
})

export const Purpose = Schema.Literals(["unset", "cdn", "general"]).annotate({
  description: "What the zone is for, a note for people."
})

export const Adoption = Schema.Literals(["Matching", "Never"]).annotate({
  description:
    "Matching: a record that stands there already with identical content becomes ours, and goes when it is not asked for any more. Never: it stays a stranger's, and ours is refused with HeldBySomeoneElse."
})

export const DeletionPolicy = Schema.Literals(["Delete", "Retain"]).annotate({
  description:
    "What happens at the provider to records that are not asked for any more. Delete: they are deleted. Retain: they are left as they are."
})

const DELETIONS = `a count such as "20" or a share such as "30%"`

/** More deletions in one pass wait until a person confirms them. A count may be written as a number. */
export const MaxDeletions = Schema.Union([
  Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999 }, { expected: DELETIONS })),
  Schema.String.check(Schema.isPattern(/^(\d{1,6}|\d{1,2}%|100%)$/u, { expected: DELETIONS }))
])
  .annotate({
    description:
      "The most deletions in one pass, as a count (20) or as a share of the records that are ours, rounded down (30% of 10 are 3, of 3 none). More of them wait until a person confirms; without it there is no bound.",
    ...rules({
      rule: "type(self) == int ? self >= 0 && self <= 999999 : string(self).matches('^([0-9]{1,6}|[0-9]{1,2}%|100%)$')",
      message: `must be ${DELETIONS}`
    })
  })
  .pipe(Schema.decodeTo(Schema.String, { decode: SchemaGetter.String(), encode: SchemaGetter.passthrough() }))

export const BatchLimit = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3500 })).annotate({
  description: "The most records in one call of the provider. Without it the limit of the zone's plan holds."
})

export const DomainSpec = Schema.Struct({
  domain: ZoneName.annotate(
    rules(zoneRule, {
      rule: "self.lowerAscii() == oldSelf.lowerAscii()",
      message: "cannot change: make another Domain for the other zone, and delete this one"
    })
  ),
  credentialRef: Reference.annotate({ description: "The Credential, in the same namespace, that opens the zone." }),
  purpose: withDefault(Purpose, "unset"),
  adoption: withDefault(Adoption, "Matching"),
  deletionPolicy: withDefault(DeletionPolicy, "Delete"),
  maxDeletions: Schema.optionalKey(MaxDeletions),
  batchLimit: Schema.optionalKey(BatchLimit),
  status: withDefault(
    Status.annotate({ description: "inactive: nothing is written to the zone and nothing is deleted from it." }),
    "active"
  )
}).annotate({ description: "What is asked for." })
export type DomainSpec = typeof DomainSpec.Type

/** Mistakes that no single field shows. */
export function domainMistakes(spec: Readonly<Record<string, unknown>>): ReadonlyArray<Mistake> {
  const domain = spec["domain"]
  if (typeof domain !== "string") return []
  const name = normaliseDomain(domain)
  return Result.isFailure(name) ? [malformed("domain", name.failure.message)] : []
}
