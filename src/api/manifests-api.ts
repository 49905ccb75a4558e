/** `/api/v1/manifests`: documents, as `driftless apply -f` sends them. Their own schemas are in `src/model/kinds`. */
import { Effect, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { KindName } from "../model/kinds/kinds.ts"
import { Namespace, ObjectName } from "../model/kinds/metadata.ts"
import { Authorization, Validation } from "./authorization.ts"
import { ok, pageOf, REFUSALS } from "./envelope.ts"
import { Condition, Counts, PAGE, Problem } from "./fields.ts"

const Strings = Schema.Record(Schema.String, Schema.String)

export const Manifest = Schema.Struct({
  apiVersion: Schema.String,
  kind: KindName,
  metadata: Schema.Struct({
    name: Schema.String,
    namespace: Schema.optionalKey(Schema.String),
    labels: Schema.optionalKey(Strings),
    annotations: Schema.optionalKey(Strings),
    generation: Schema.Int,
    creationTimestamp: Schema.String,
    deletionTimestamp: Schema.optionalKey(Schema.String)
  }),
  spec: Schema.Record(Schema.String, Schema.Unknown),
  status: Schema.Struct({
    observedGeneration: Schema.Int,
    conditions: Schema.Array(Condition),
    id: Schema.optionalKey(Schema.Int),
    records: Schema.optionalKey(Counts),
    problems: Schema.optionalKey(Schema.Array(Problem))
  })
})

export const Applied = Schema.Struct({
  kind: KindName,
  namespace: Schema.String,
  name: Schema.String,
  action: Schema.Literals(["created", "configured", "unchanged"]),
  generation: Schema.Int
})

const withNamespace = Namespace.pipe(Schema.withDecodingDefaultKey(Effect.succeed("")))

export class ManifestsApi extends HttpApiGroup.make("manifests")
  .add(
    HttpApiEndpoint.put("apply", "/", {
      query: { dryRun: Schema.optionalKey(Schema.Boolean) },
      payload: Schema.Struct({
        documents: Schema.Array(Schema.Unknown).check(
          Schema.isBetweenLength(1, 1000, { expected: "a list of 1 to 1000 documents" })
        )
      }),
      success: ok(Schema.Struct({ applied: Schema.Array(Applied), dryRun: Schema.Boolean })),
      error: REFUSALS
    }),
    HttpApiEndpoint.get("list", "/", {
      query: {
        kind: Schema.optionalKey(KindName),
        name: Schema.optionalKey(ObjectName),
        namespace: Schema.optionalKey(Namespace),
        ...PAGE
      },
      success: pageOf(Manifest),
      error: REFUSALS
    }),
    HttpApiEndpoint.delete("remove", "/", {
      query: { kind: KindName, name: ObjectName, namespace: withNamespace },
      success: ok(Schema.Struct({ gone: Schema.Boolean })),
      error: REFUSALS
    })
  )
  .middleware(Validation)
  .middleware(Authorization)
  .prefix("/manifests") {}
