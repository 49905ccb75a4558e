/** `/api/v1/api-keys`: credentials. A token goes in and never comes out. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import { Account, Provider } from "../model/kinds/credential.ts"
import { Status } from "../model/kinds/metadata.ts"
import { onOneLine } from "../model/plain.ts"
import { Authorization, Validation } from "./authorization.ts"
import { ok, pageOf, REFUSALS } from "./envelope.ts"
import { Affected, Id, Ids, PAGE } from "./fields.ts"

const Name = Schema.String.check(
  onOneLine,
  Schema.isBetweenLength(1, 128, { expected: "a name of 1 to 128 characters" })
)

const ApiToken = Schema.RedactedFromValue(
  Schema.String.check(Schema.isPattern(/^[\x21-\x7e]{1,512}$/u, { expected: "1 to 512 visible ASCII characters" }))
)

export const Credential = Schema.Struct({
  id: Schema.Int,
  name: Schema.String,
  provider: Schema.String,
  account: Schema.String,
  apiTokenMasked: Schema.String,
  tokenFrom: Schema.NullOr(Schema.String),
  status: Status,
  createdAt: Schema.String,
  updatedAt: Schema.String
})

export class CredentialsApi extends HttpApiGroup.make("credentials")
  .add(
    HttpApiEndpoint.post("create", "/create", {
      payload: Schema.Struct({
        name: Name,
        provider: Provider,
        account: Schema.optionalKey(Account),
        apiToken: ApiToken
      }),
      success: ok(Credential),
      error: REFUSALS
    }),
    HttpApiEndpoint.post("update", "/update", {
      payload: Schema.Struct({
        id: Id,
        name: Schema.optionalKey(Name),
        account: Schema.optionalKey(Account),
        apiToken: Schema.optionalKey(ApiToken),
        status: Schema.optionalKey(Status)
      }),
      success: ok(Credential),
      error: REFUSALS
    }),
    HttpApiEndpoint.post("remove", "/delete", {
      payload: Schema.Struct({ ids: Ids }),
      success: ok(Affected),
      error: REFUSALS
    }),
    HttpApiEndpoint.get("list", "/", { query: PAGE, success: pageOf(Credential), error: REFUSALS })
  )
  .middleware(Validation)
  .middleware(Authorization)
  .prefix("/api-keys") {}
