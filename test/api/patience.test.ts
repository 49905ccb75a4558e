/** What the API does when the database does not answer. */
import { Deferred, Duration, Effect, Exit, Layer, Redacted, Scope, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { describe, expect, it } from "vitest"
import * as server from "../../src/api/server.ts"
import { Database } from "../../src/database/database.ts"
import { Secrets } from "../../src/database/secrets.ts"
import { Wakes } from "../../src/database/wake.ts"
import { CredentialSources } from "../../src/reconcilers/dns/store/credential-sources.ts"

/** A server on a database that takes statements and never answers; `asked` is done when it got one. */
const start = async (timeout: Duration.Duration) => {
  const asked = Deferred.makeUnsafe<void>()
  const url = Deferred.makeUnsafe<string>()
  const scope = Scope.makeUnsafe()
  const silent = Layer.succeed(Database, {
    backend: "pglite",
    query: () => Effect.andThen(Deferred.succeed(asked, undefined), Effect.never),
    transaction: (_operation, body) => body,
    afterCommit: (effect) => effect,
    listen: () => Stream.never
  })
  const services = Layer.mergeAll(
    Secrets.layer(Redacted.make(randomBytes(32))),
    CredentialSources.layer({ environment: {}, names: [], directory: undefined }),
    Wakes.layer
  ).pipe(Layer.provideMerge(silent))
  const api = server.layer({
    host: "127.0.0.1",
    port: 0,
    timeout,
    onListening: (text) => Effect.asVoid(Deferred.succeed(url, text))
  })
  await Effect.runPromise(Layer.buildWithScope(Layer.provide(api, services), scope).pipe(Effect.asVoid))
  return {
    url: await Effect.runPromise(Deferred.await(url)),
    asked: () => Effect.runPromise(Deferred.await(asked)),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const ask = (url: string) => fetch(`${url}/api/v1/domains`, { headers: { authorization: "Bearer x" } })

describe("the API on a database that does not answer", () => {
  it("gives a request up after its time, with the envelope", async () => {
    const plane = await start(Duration.millis(100))
    const response = await ask(plane.url)
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ code: 5001, data: null })
    await plane.close()
  })

  it("stops within a few seconds although a request is under way", async () => {
    const plane = await start(Duration.minutes(10))
    const answer = ask(plane.url).then(
      ({ status }) => status,
      () => "cut"
    )
    await plane.asked()
    const began = performance.now()
    await plane.close()
    expect(performance.now() - began).toBeLessThan(6000)
    // Either way the caller is not left waiting.
    expect(["cut", 500, 503]).toContain(await answer)
  })
})
