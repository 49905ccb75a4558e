import { Effect, Exit, Layer, Scope } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import * as health from "../../src/api/health.ts"
import { Database } from "../../src/database/database.ts"
import { Metrics } from "../../src/metrics.ts"
import { type Surfaces, start } from "../support/control-plane.ts"

let plane: Surfaces
let database: Database["Service"]
const scope = Scope.makeUnsafe()

beforeAll(async () => {
  plane = await start()
  database = await plane.run(Effect.service(Database))
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await plane.close()
})

const listen = (apiListens: boolean, service = database) =>
  new Promise<string>((resolve, reject) => {
    const layer = health.layer({
      host: "127.0.0.1",
      port: 0,
      apiListens: Effect.succeed(apiListens),
      onListening: (url) => Effect.sync(() => resolve(url))
    })
    const built = Layer.provide(layer, [Metrics.layer, Layer.succeed(Database, service)])
    Effect.runPromise(Layer.buildWithScope(built, scope)).catch(reject)
  })

const ask = async (url: string) => {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}

describe("health", () => {
  it("is ready when the database is migrated and the API listens", async () => {
    const url = await listen(true)
    expect(await ask(`${url}/healthz`)).toEqual({ status: 200, text: "ok\n" })
    expect(await ask(`${url}/readyz`)).toEqual({ status: 200, text: "ok\n" })
  })

  it("is not ready before the API listens, but alive", async () => {
    const url = await listen(false)
    expect(await ask(`${url}/readyz`)).toMatchObject({ status: 503 })
    expect(await ask(`${url}/healthz`)).toMatchObject({ status: 200 })
  })

  it("is not ready when a migration is missing", async () => {
    const url = await listen(true)
    const [row] = await plane.sql("delete from driftless_migrations where name like '0002%' returning *")
    try {
      expect(await ask(`${url}/readyz`)).toEqual({ status: 503, text: "the database is not migrated yet\n" })
    } finally {
      await plane.sql("insert into driftless_migrations (name, applied_at) values ($1, $2)", [
        row?.["name"],
        row?.["applied_at"]
      ])
    }
  })

  it("is not ready when the database does not answer within two seconds, but alive", async () => {
    const url = await listen(true, { ...database, query: () => Effect.never })
    const began = performance.now()
    expect(await ask(`${url}/readyz`)).toEqual({ status: 503, text: "the database does not answer\n" })
    expect(performance.now() - began).toBeGreaterThan(1900)
    expect(await ask(`${url}/healthz`)).toMatchObject({ status: 200 })
  })

  it("shows metrics without a token", async () => {
    const url = await listen(true)
    const { status, text } = await ask(`${url}/metrics`)
    expect(status).toBe(200)
    expect(text).toContain("# TYPE controller_runtime_reconcile_total counter")
  })
})
