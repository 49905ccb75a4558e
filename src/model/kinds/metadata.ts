/** What every document has beside its spec: the version it is written in, its name, and labels of its owner. */
import { Effect, Schema } from "effect"
import { keepable, onOneLine } from "../plain.ts"

export const API_GROUP = "driftless.dev"
export const API_VERSION = `${API_GROUP}/v1alpha1`

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u

/** A DNS-1123 subdomain, as Kubernetes names objects: 253 characters at most. */
export const ObjectName = Schema.String.check(
  Schema.isPattern(SUBDOMAIN, { expected: `lower-case letters, digits, "-" and ".", such as "www-example"` }),
  Schema.isMaxLength(253, { expected: "253 characters at most" })
)

/** A DNS-1123 label; the empty one is the namespace of objects that were applied without a cluster. */
export const Namespace = Schema.String.check(
  Schema.isPattern(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/u, { expected: `lower-case letters, digits and "-"` }),
  Schema.isMaxLength(63, { expected: "63 characters at most" })
)

/** Points at another object of the same namespace. */
export const Reference = Schema.Struct({
  name: ObjectName.annotate({ description: "The metadata.name of that object." })
})

const fewProperties = Schema.isMaxProperties(64, { expected: "64 entries at most" })

export const Metadata = Schema.Struct({
  name: ObjectName,
  namespace: Namespace.pipe(Schema.withDecodingDefaultKey(Effect.succeed(""))),
  labels: Schema.optionalKey(
    Schema.Record(
      Schema.String.check(onOneLine),
      Schema.String.check(onOneLine, Schema.isMaxLength(63, { expected: "63 characters at most" }))
    ).check(fewProperties)
  ),
  annotations: Schema.optionalKey(
    Schema.Record(
      Schema.String.check(onOneLine),
      Schema.String.check(keepable, Schema.isMaxLength(4096, { expected: "4096 characters at most" }))
    ).check(fewProperties)
  )
})
export type Metadata = typeof Metadata.Type

/** Whether a row is worked on: nothing is written and nothing is deleted for what is inactive. */
export const Status = Schema.Literals(["active", "inactive"])
export type Status = typeof Status.Type
