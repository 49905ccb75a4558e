/**
 * The status of every kind, as an object in a cluster bears it: facts and conditions that Driftless writes, never an
 * input. Everything is bounded, and problems are samples: the whole list is asked for over the API.
 */
import { Schema } from "effect"
import type { Counts as Tally } from "../conditions.ts"

const text = (most: number, description: string) =>
  Schema.String.check(Schema.isMaxLength(most)).annotate({ description })

const natural = (description: string) =>
  Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)).annotate({ description, format: "int64" })

/** As `metav1.Condition`. */
export const Condition = Schema.Struct({
  // Open, so that a definition of an older version takes the status of a newer one.
  type: text(
    316,
    "Ready: the world is as this object asks. Reconciling: it is not yet, and is worked on by itself. Stalled: only a person can help."
  ),
  status: Schema.Literals(["True", "False", "Unknown"]).annotate({ description: "Whether the condition holds." }),
  reason: Schema.String.check(
    Schema.isPattern(/^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$/u, { expected: "a word in CamelCase" }),
    Schema.isMaxLength(1024)
  ).annotate({ description: "Why, in one word for programs, such as HeldBySomeoneElse. Stable between versions." }),
  message: text(32_768, "Why, in a sentence for people."),
  observedGeneration: natural("The metadata.generation that this condition is about."),
  lastTransitionTime: Schema.String.annotate({
    description: "When the condition changed its status for the last time.",
    format: "date-time"
  })
}).annotate({ description: "One condition." })

const conditions = Schema.Array(Condition)
  .check(Schema.isMaxLength(8))
  .annotate({
    description: "Ready, Reconciling and Stalled, as kstatus reads them.",
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["type"]
  })

const common = {
  observedGeneration: Schema.optionalKey(
    natural(
      "The metadata.generation that was looked at last; while it is older than that of the object, an edit waits."
    )
  ),
  conditions: Schema.optionalKey(conditions)
}

const id = (of: string) => Schema.optionalKey(natural(`The id of this ${of} in the HTTP API.`))

const Counts = Schema.Struct({
  total: natural("Records that are asked for, or are on their way out."),
  active: natural("Those that stand at the provider as asked for."),
  pending: natural("Those that wait for their turn."),
  running: natural("Those that are being written."),
  error: natural("Those that were rejected and are tried again, or have stopped."),
  stopped: natural("Those in error that are not tried again by themselves.")
} satisfies { readonly [Key in keyof Tally]: Schema.Top }).annotate({ description: "How many records are how far." })

const Problem = Schema.Struct({
  id: natural("The id of the record in the HTTP API."),
  type: text(16, "The type of the record."),
  name: text(255, "Its name, relative to the zone."),
  value: text(2048, "Its value."),
  reason: text(1024, "Why it was rejected, in one word, such as HeldBySomeoneElse."),
  message: text(1024, "Why it was rejected, in a sentence, with the provider's own code and text."),
  retryStopped: Schema.Boolean.annotate({ description: "It is not tried again by itself: a person must help." })
}).annotate({ description: "One rejected record." })

const records = {
  records: Schema.optionalKey(Counts),
  problems: Schema.optionalKey(
    Schema.Array(Problem).check(Schema.isMaxLength(10)).annotate({
      description: "At most ten rejected records, those first that are not tried again by themselves."
    })
  )
}

const description = "What Driftless found and did. Written by Driftless alone."

export const CredentialStatus = Schema.Struct({ ...common, id: id("Credential") }).annotate({ description })
export const DomainStatus = Schema.Struct({ ...common, id: id("Domain"), ...records }).annotate({ description })
export const DnsRecordStatus = Schema.Struct({ ...common, ...records }).annotate({ description })
