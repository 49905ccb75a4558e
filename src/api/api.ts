/** The HTTP contract. Server, client and OpenAPI come from here; it imports the model and nothing that runs. */
import { HttpApi, HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import packageJson from "../../package.json" with { type: "json" }
import { STRICT } from "../model/kinds/mistakes.ts"
import { CredentialsApi } from "./credentials-api.ts"
import { DnsApi } from "./dns-api.ts"
import { DomainsApi } from "./domains-api.ts"
import { Done } from "./envelope.ts"
import { ManifestsApi } from "./manifests-api.ts"

/** Needs no token: it says only that somebody answers. */
export class SystemApi extends HttpApiGroup.make("system").add(
  HttpApiEndpoint.get("ping", "/ping", { success: Done })
) {}

export class Api extends HttpApi.make("driftless")
  .add(SystemApi)
  .add(DnsApi)
  .add(CredentialsApi)
  .add(DomainsApi)
  .add(ManifestsApi)
  .prefix("/api/v1")
  .annotateMerge(OpenApi.annotations({ title: "Driftless", version: packageJson.version }))
  .annotate(HttpApi.ParseOptions, STRICT)
  // Requests carry headers that nobody declared; unknown fields are refused in bodies and queries alone.
  .annotate(HttpApi.HeadersParseOptions, {})
  .annotate(HttpApi.SuccessParseOptions, {})
  .annotate(HttpApi.ErrorParseOptions, {}) {}
