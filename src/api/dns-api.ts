/** `/api/v1/dns/records`: the seed's endpoints, its paths and field names. */
import { Effect, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { OwnerType, RecordType, Ttl } from "../model/dns/record.ts"
import { DesiredState, RecordComment, recordMistakes, RecordName, RecordValue } from "../model/kinds/dns-record.ts"
import { Authorization, BodyMistakes, Validation } from "./authorization.ts"
import { Done, ok, pageOf, REFUSALS } from "./envelope.ts"
import { Affected, Id, Ids, PAGE } from "./fields.ts"

const OwnerId = Schema.Int.check(
  Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }, { expected: "a whole number from 0" })
)
const Status = Schema.Literals(["pending", "running", "active", "error"])

export const NewRecord = Schema.Struct({
  domainId: Id,
  type: RecordType,
  name: RecordName,
  value: RecordValue,
  ttl: Ttl.pipe(Schema.withDecodingDefaultKey(Effect.succeed(120))),
  proxied: Schema.Boolean.pipe(Schema.withDecodingDefaultKey(Effect.succeed(false))),
  comment: Schema.optionalKey(RecordComment),
  ownerType: OwnerType.pipe(Schema.withDecodingDefaultKey(Effect.succeed("user" as const))),
  ownerId: OwnerId.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))
})

export const RecordChange = Schema.Struct({
  id: Id,
  value: Schema.optionalKey(RecordValue),
  ttl: Schema.optionalKey(Ttl),
  proxied: Schema.optionalKey(Schema.Boolean),
  comment: Schema.optionalKey(Schema.NullOr(RecordComment))
})

/** What a create answers: the seed's fields and no others. */
export const CreatedRecord = Schema.Struct({
  id: Schema.Int,
  domainId: Schema.Int,
  type: Schema.String,
  name: Schema.String,
  value: Schema.String,
  ttl: Schema.Int,
  status: Status,
  desiredState: DesiredState,
  ownerType: Schema.String,
  ownerId: Schema.Int,
  createdAt: Schema.String
})

export const DnsRecord = Schema.Struct({
  ...CreatedRecord.fields,
  proxied: Schema.Boolean,
  comment: Schema.NullOr(Schema.String),
  providerRecordId: Schema.String,
  lastError: Schema.String,
  errorReason: Schema.NullOr(Schema.String),
  retryCount: Schema.Int,
  nextRetryAt: Schema.NullOr(Schema.String),
  retryStopped: Schema.Boolean,
  drifted: Schema.Boolean,
  generation: Schema.Int,
  observedGeneration: Schema.Int,
  updatedAt: Schema.String
})

export class DnsApi extends HttpApiGroup.make("dns")
  .add(
    HttpApiEndpoint.post("create", "/create", {
      payload: NewRecord,
      success: ok(CreatedRecord),
      error: REFUSALS
    }).annotate(BodyMistakes, recordMistakes),
    HttpApiEndpoint.post("update", "/update", {
      payload: RecordChange,
      success: ok(DnsRecord),
      error: REFUSALS
    }).annotate(BodyMistakes, ({ comment }) => recordMistakes({ comment })),
    HttpApiEndpoint.post("remove", "/delete", {
      payload: Schema.Struct({ ids: Ids }),
      success: ok(Affected),
      error: REFUSALS
    }),
    HttpApiEndpoint.post("retry", "/retry", { payload: Schema.Struct({ id: Id }), success: Done, error: REFUSALS }),
    HttpApiEndpoint.get("list", "/", {
      query: {
        domainId: Schema.optionalKey(Id),
        status: Schema.optionalKey(Status),
        ownerType: Schema.optionalKey(OwnerType),
        ownerId: Schema.optionalKey(OwnerId),
        ...PAGE
      },
      success: pageOf(DnsRecord),
      error: REFUSALS
    }),
    HttpApiEndpoint.get("get", "/:id", { params: { id: Id }, success: ok(DnsRecord), error: REFUSALS })
  )
  .middleware(Validation)
  .middleware(Authorization)
  .prefix("/dns/records") {}
