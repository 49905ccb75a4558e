/** Lines of a watch, refusals, and credentials that are read again. */
import { Duration, Effect, Result, Stream } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Agent, createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { serviceAccount } from "../../src/providers/kubernetes-access.ts"
import { layerHttp, lineReader } from "../../src/providers/kubernetes-http.ts"
import { errorOf, watchEvents } from "../../src/providers/kubernetes-wire.ts"
import { Kubernetes, pathOf } from "../../src/providers/kubernetes.ts"
import { SECRETS } from "../../src/reconcilers/kubernetes/objects.ts"

async function* chunks(parts: ReadonlyArray<string>, taken: Array<string> = []) {
  for (const part of parts) {
    taken.push(part)
    yield await Promise.resolve(part)
  }
}
const all = async (read: () => Promise<ReadonlyArray<string> | undefined>) => {
  const lines: Array<ReadonlyArray<string>> = []
  for (let next = await read(); next !== undefined; next = await read()) lines.push(next)
  return lines
}

describe("lines of a watch", () => {
  it("are put together from whatever pieces they come in", async () => {
    expect(await all(lineReader(chunks(["{a", "", "}\n{b}\n{", "c}\n", "\n"])))).toEqual([["{a}", "{b}"], ["{c}"]])
  })

  it("are read from the connection no faster than they are taken", async () => {
    const taken: Array<string> = []
    const read = lineReader(chunks(["1\n", "2\n", "3\n"], taken))
    await read()
    expect(taken).toEqual(["1\n"])
  })

  it("that end in the middle of an event, or are endless, are an error", async () => {
    await expect(all(lineReader(chunks(["{a}\n{b"])))).rejects.toThrow("in the middle of an event")
    const endless = Array.from({ length: 9 }, () => "x".repeat(1024 * 1024))
    await expect(all(lineReader(chunks(endless)))).rejects.toThrow("longer than")
  })

  it("that are no events fail the watch, and are not passed over", () => {
    const read = (line: string) => Effect.runSync(Effect.result(watchEvents([line])))
    for (const line of ["not json", "{}", '{"type":"ADDED","object":{}}', '{"type":"NEW","object":{}}']) {
      expect(Result.isFailure(read(line))).toBe(true)
    }
  })
})

describe("a refusal", () => {
  it.each([
    [400, "Invalid"],
    [401, "Unauthorized"],
    [403, "Forbidden"],
    [404, "NotFound"],
    [409, "Conflict"],
    [410, "Gone"],
    [422, "Invalid"],
    [429, "Throttled"],
    [500, "Unavailable"],
    [504, "Unavailable"]
  ] as const)("with status %i is %s", (status, tag) => {
    expect(errorOf(status, undefined, '{"message":"why"}').reason).toMatchObject({ _tag: tag, message: "why" })
  })

  it.each([
    [429, undefined, 1],
    [429, "0", 1],
    [429, "86400", 300],
    [503, "7", 7],
    [503, "0", 1],
    [503, "9".repeat(400), 300]
  ])("with status %i and Retry-After %s says to wait %i s", (status, retryAfter, seconds) => {
    const { reason } = errorOf(status, retryAfter, "")
    expect(reason._tag === "Throttled" && Duration.toSeconds(reason.retryAfter)).toBe(seconds)
  })
})

it("writes the paths of the core group, of others, of objects and of their status", () => {
  const group = { group: "driftless.dev", version: "v1alpha1", plural: "domains" }
  expect(pathOf({ resource: SECRETS, namespace: "a", name: "b" })).toBe("/api/v1/namespaces/a/secrets/b")
  expect(pathOf({ resource: group })).toBe("/apis/driftless.dev/v1alpha1/domains")
  expect(pathOf({ resource: group, namespace: "a", name: "b", subresource: "status" })).toBe(
    "/apis/driftless.dev/v1alpha1/namespaces/a/domains/b/status"
  )
})

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

it("a call does not wait for a connection that a watch holds, however many watches there are", async () => {
  const watches = Promise.withResolvers<void>()
  let open = 0
  server = createServer((request, response) => {
    if (request.url?.includes("watch=true") !== true) {
      return void response.writeHead(404, { "content-type": "application/json" }).end("{}")
    }
    response.writeHead(200).flushHeaders()
    if (++open === 70) watches.resolve()
  })
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve))
  // As those of a cluster are, but for the certificate that this server has not.
  const agents = { agent: new Agent({ keepAlive: true, maxSockets: 64 }), watchAgent: new Agent({ keepAlive: true }) }
  const access = {
    server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    namespace: "own",
    authorize: () => Promise.resolve({ ...agents, headers: {} })
  }
  const found = await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const kubernetes = yield* Kubernetes
        for (let i = 0; i < 70; i++) {
          const watch = kubernetes.watch({
            resource: SECRETS,
            namespace: `n${i}`,
            resourceVersion: "1",
            timeoutSeconds: 300
          })
          yield* Effect.forkScoped(Stream.runDrain(watch))
        }
        yield* Effect.promise(() => watches.promise)
        return yield* kubernetes.get({ resource: SECRETS, namespace: "a", name: "b" })
      }).pipe(Effect.provide(layerHttp(access)))
    )
  )
  expect(found).toBeNull()
  for (const agent of Object.values(agents)) agent.destroy()
})

describe("the token of a service account", () => {
  it("is read again, once, when it is refused", async () => {
    const directory = await mkdtemp(join(tmpdir(), "driftless-token-"))
    const seen: Array<string> = []
    server = createServer((request, response) => {
      seen.push(String(request.headers.authorization))
      const isGood = request.headers.authorization === "Bearer new"
      response.writeHead(isGood ? 404 : 401, { "content-type": "application/json" }).end("{}")
    })
    await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve))
    for (const [file, text] of [
      ["ca.crt", ""],
      ["namespace", "own\n"],
      ["token", "old\n"]
    ] as const) {
      await writeFile(join(directory, file), text)
    }
    const account = await serviceAccount({ KUBERNETES_SERVICE_HOST: "::1", KUBERNETES_SERVICE_PORT: "443" }, directory)
    expect(account).toMatchObject({ server: "https://[::1]:443", namespace: "own" })
    expect(await account.authorize(false)).toMatchObject({
      agent: { maxSockets: 64 },
      watchAgent: { maxSockets: Number.POSITIVE_INFINITY }
    })
    // The test's server has no certificate.
    const access = {
      ...account,
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      authorize: async (refresh: boolean) => ({ headers: (await account.authorize(refresh)).headers })
    }
    const get = Effect.runPromise(
      Effect.result(Effect.flatMap(Kubernetes, (k) => k.get({ resource: SECRETS, namespace: "a", name: "b" }))).pipe(
        Effect.provide(layerHttp(access))
      )
    )
    expect(Result.isFailure(await get)).toBe(true)
    await writeFile(join(directory, "token"), "new\n")
    const again = Effect.flatMap(Kubernetes, (k) => k.get({ resource: SECRETS, namespace: "a", name: "b" }))
    expect(await Effect.runPromise(again.pipe(Effect.provide(layerHttp(access))))).toBeNull()
    expect(seen).toEqual(["Bearer old", "Bearer old", "Bearer old", "Bearer new"])
    await rm(directory, { recursive: true })
  })
})
