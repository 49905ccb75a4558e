/** The API as a typed client, for the command line and tests. */
import { Context, Layer, Redacted } from "effect"
import { FetchHttpClient, HttpClientRequest } from "effect/http"
import { HttpApiClient, HttpApiMiddleware } from "effect/http-api"
import { Api } from "./api.ts"
import { Authorization } from "./authorization.ts"

export interface ClientOptions {
  /** Without `/api/v1`: `http://127.0.0.1:8080`. */
  readonly baseUrl: string
  readonly token: Redacted.Redacted<string>
}

export class DriftlessClient extends Context.Service<DriftlessClient, HttpApiClient.ForApi<typeof Api>>()(
  "driftless/api/DriftlessClient"
) {
  static readonly layer = ({ baseUrl, token }: ClientOptions) =>
    Layer.effect(DriftlessClient, HttpApiClient.make(Api, { baseUrl })).pipe(
      Layer.provide(
        HttpApiMiddleware.layerClient(Authorization, ({ next, request }) =>
          next(HttpClientRequest.bearerToken(request, Redacted.value(token)))
        )
      ),
      Layer.provide(FetchHttpClient.layer)
    )
}
