/** The API as a layer: routes, what stands before them, and the server they listen on. */
import { NodeHttpServer } from "@effect/platform-node"
import { Duration, Effect, Layer } from "effect"
import { HttpRouter, HttpServer } from "effect/http"
import { HttpApiBuilder, HttpApiScalar } from "effect/http-api"
import { createServer } from "node:http"
import { Api } from "./api.ts"
import * as auth from "./auth.ts"
import * as guard from "./guard.ts"
import * as handlers from "./handlers.ts"
import * as validation from "./validation.ts"

export interface Listen {
  readonly host: string
  /** 0 chooses a free one. */
  readonly port: number
  /** Told once, when requests are answered: `http://127.0.0.1:8080`. */
  readonly onListening?: (url: string) => Effect.Effect<void>
}

export interface ApiOptions extends Listen {
  /** How long one request may take; 30 s unless given. */
  readonly timeout?: Duration.Duration
}

const routes = (timeout: Duration.Duration) =>
  Layer.mergeAll(
    HttpApiBuilder.layer(Api, { openapiPath: "/openapi.json" }).pipe(
      Layer.provide(handlers.layer),
      Layer.provide([auth.layer, validation.layer])
    ),
    HttpApiScalar.layer(Api, { path: "/docs" }),
    guard.layer({ timeout })
  )

/** Needs `Database`, `Secrets`, `Wakes` and `CredentialSources`. */
export const layer = ({ host, onListening = () => Effect.void, port, timeout = Duration.seconds(30) }: ApiOptions) =>
  listening(onListening).pipe(
    Layer.provideMerge(HttpRouter.serve(routes(timeout), { disableLogger: true, disableListenLog: true })),
    Layer.provide(server({ host, port }))
  )

/** Also for other routes: stops within 2 s, and never waits for ever for a slow sender. */
export const server = ({ host, port }: Pick<Listen, "host" | "port">) =>
  NodeHttpServer.layer(() => createServer({ requestTimeout: 60_000, headersTimeout: 15_000 }), {
    host,
    port,
    gracefulShutdownTimeout: "2 seconds"
  })

/** Goes above what is served, so that it is told only when requests are answered. */
export const listening = (tell: (url: string) => Effect.Effect<void>) =>
  Layer.effectDiscard(HttpServer.addressFormattedWith(tell))
