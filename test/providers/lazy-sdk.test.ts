/** The vendor's SDK costs half a second and 40 MB: it is loaded by the first call, not before. */
import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { expect, it } from "vitest"
import { startSimulator } from "../../src/simulator/server.ts"

const PROGRAM = `
  import { registerHooks } from "node:module"
  const loaded = []
  registerHooks({ resolve: (specifier, context, next) => {
    if (specifier.startsWith("cloudflare")) loaded.push(specifier)
    return next(specifier, context)
  } })
  const { Effect, Layer, Redacted } = await import("effect")
  const { layerCloudflare } = await import("./src/providers/cloudflare.ts")
  const { CallBudget } = await import("./src/providers/budget.ts")
  const { DnsProvider } = await import("./src/providers/dns.ts")
  const { Metrics } = await import("./src/metrics.ts")
  const layer = Layer.provide(layerCloudflare, Layer.merge(CallBudget.layerMemory, Metrics.layer))
  const account = { token: Redacted.make("t"), tokenHash: "h", baseUrl: process.env.SIMULATOR }
  await Effect.runPromise(Effect.provide(Effect.gen(function* () {
    const provider = yield* DnsProvider
    yield* provider.permit(account)
    const before = loaded.length
    const zone = yield* provider.findZone(account, "example.test", "")
    console.log(JSON.stringify({ before, after: loaded.length, zone: zone.name }))
  }), layer))
`

it("the SDK is loaded by the first call", async () => {
  const simulator = await startSimulator()
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", PROGRAM], {
      cwd: new URL("../..", import.meta.url),
      env: { ...process.env, SIMULATOR: simulator.url },
      timeout: 50_000
    })
    const seen: unknown = JSON.parse(stdout)
    expect(seen).toEqual({ before: 0, after: expect.any(Number), zone: "example.test" })
    expect(seen).not.toMatchObject({ after: 0 })
  } finally {
    await simulator.close()
  }
})
