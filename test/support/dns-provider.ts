/** The Cloudflare provider against a server of the test's, with a budget that writes down what it was told. */
import { Clock, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { createServer } from "node:http"
import { CallBudget, type RateAnswer, tooEarly } from "../../src/providers/budget.ts"
import { layerCloudflare } from "../../src/providers/cloudflare.ts"
import type { Account, DnsProvider, DnsProviderError } from "../../src/providers/dns.ts"
import { Metrics } from "../../src/metrics.ts"
import { VirtualClock } from "./dns-clock.ts"

/** Long and unlike anything else, so that its being said anywhere shows. */
export const TOKEN = "canary-5f1c7be0c3a94b2e8d6a"

export interface Ledger {
  permits: number
  /** Of them those that went on with what had begun. */
  furthers: number
  readonly answers: Array<RateAnswer>
  /** Set, the next permits are refused for so long. */
  refuse: Parameters<typeof tooEarly>[0] | undefined
}

export const openProvider = async () => {
  const ledger: Ledger = { permits: 0, furthers: 0, answers: [], refuse: undefined }
  const budget = Layer.succeed(CallBudget, {
    take: (_, goesOn) =>
      Effect.suspend(() => {
        if (ledger.refuse !== undefined) return Effect.fail(tooEarly(ledger.refuse))
        ledger.permits++
        if (goesOn === true) ledger.furthers++
        return Effect.void
      }),
    answered: (_, answer) => Effect.sync(() => void ledger.answers.push(answer))
  })
  const scope = Scope.makeUnsafe()
  const layer = layerCloudflare.pipe(Layer.provideMerge(budget), Layer.provideMerge(Metrics.layer))
  const context = await Effect.runPromise(Layer.buildWithScope(layer, scope))
  const clock = new VirtualClock(Date.parse("2026-01-05T10:00:00Z"))
  const onClock = <A, E>(effect: Effect.Effect<A, E, DnsProvider | Metrics>, isVirtual: boolean) => {
    const provided = Effect.provideContext(effect, context)
    return isVirtual ? Effect.provideService(provided, Clock.Clock, clock) : provided
  }
  return {
    ledger,
    clock,
    /** On the test's clock, unless `real`: a deadline passes only there. */
    run: <A, E>(effect: Effect.Effect<A, E, DnsProvider | Metrics>, time: "virtual" | "real" = "virtual") =>
      Effect.runPromise(onClock(effect, time === "virtual")),
    /** The error that an effect fails with. */
    failure: async (
      effect: Effect.Effect<unknown, DnsProviderError, DnsProvider>,
      time: "virtual" | "real" = "virtual"
    ) => Effect.runPromise(Effect.flip(onClock(effect, time === "virtual"))),
    close: () => Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

export const accountAt = (baseUrl: string): Account => ({ token: Redacted.make(TOKEN), tokenHash: "hash", baseUrl })

export interface Canned {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** A server that gives the same answer to everything. */
export const serveAlways = async (answer: () => Canned) => {
  let calls = 0
  const server = createServer((request, response) => {
    calls++
    request.resume()
    const { body, headers = {}, status = 200 } = answer()
    response.writeHead(status, { "Content-Type": "application/json", ...headers })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (typeof address !== "object" || address === null) throw new Error("no port")
  return {
    url: `http://127.0.0.1:${address.port}/client/v4`,
    calls: () => calls,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }
}
