/** `/api/v1/domains`: zones that are kept, and how far they are. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import {
  Adoption,
  BatchLimit,
  DeletionPolicy,
  domainMistakes,
  MaxDeletions,
  Purpose,
  ZoneName
} from "../model/kinds/domain.ts"
import { Status } from "../model/kinds/metadata.ts"
import { Authorization, BodyMistakes, Validation } from "./authorization.ts"
import { ok, pageOf, REFUSALS } from "./envelope.ts"
import { Affected, Condition, Counts, Id, Ids, PAGE, Problem } from "./fields.ts"

const ZoneId = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9_-]{1,128}$/u, { expected: "the id of a zone" }))

export const Domain = Schema.Struct({
  id: Schema.Int,
  domain: Schema.String,
  purpose: Purpose,
  status: Status,
  provider: Schema.String,
  apiKeyId: Schema.NullOr(Schema.Int),
  zoneId: Schema.String,
  plan: Schema.String,
  adoption: Adoption,
  deletionPolicy: DeletionPolicy,
  maxDeletions: Schema.NullOr(Schema.String),
  batchLimit: Schema.NullOr(Schema.Int),
  boundTo: Schema.NullOr(Schema.String),
  lastListAt: Schema.NullOr(Schema.String),
  observedRecords: Schema.Int,
  foreignRecords: Schema.Int,
  records: Counts,
  problems: Schema.Array(Problem),
  conditions: Schema.Array(Condition),
  createdAt: Schema.String,
  updatedAt: Schema.String
})

const SETTINGS = {
  purpose: Schema.optionalKey(Purpose),
  adoption: Schema.optionalKey(Adoption),
  deletionPolicy: Schema.optionalKey(DeletionPolicy)
}

export class DomainsApi extends HttpApiGroup.make("domains")
  .add(
    HttpApiEndpoint.post("create", "/create", {
      payload: Schema.Struct({
        domain: ZoneName,
        apiKeyId: Id,
        ...SETTINGS,
        maxDeletions: Schema.optionalKey(MaxDeletions),
        batchLimit: Schema.optionalKey(BatchLimit),
        zoneId: Schema.optionalKey(ZoneId)
      }),
      success: ok(Domain),
      error: REFUSALS
    }).annotate(BodyMistakes, domainMistakes),
    HttpApiEndpoint.post("update", "/update", {
      payload: Schema.Struct({
        id: Id,
        ...SETTINGS,
        maxDeletions: Schema.optionalKey(Schema.NullOr(MaxDeletions)),
        batchLimit: Schema.optionalKey(Schema.NullOr(BatchLimit)),
        status: Schema.optionalKey(Status),
        apiKeyId: Schema.optionalKey(Id),
        rebind: Schema.optionalKey(Schema.Boolean),
        confirmDeletions: Schema.optionalKey(Schema.Boolean)
      }),
      success: ok(Domain),
      error: REFUSALS
    }),
    HttpApiEndpoint.post("remove", "/delete", {
      payload: Schema.Struct({ ids: Ids }),
      success: ok(Affected),
      error: REFUSALS
    }),
    HttpApiEndpoint.get("list", "/", { query: PAGE, success: pageOf(Domain), error: REFUSALS }),
    HttpApiEndpoint.get("get", "/:id", { params: { id: Id }, success: ok(Domain), error: REFUSALS })
  )
  .middleware(Validation)
  .middleware(Authorization)
  .prefix("/domains") {}
