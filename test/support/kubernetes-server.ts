/** A cluster in memory on a socket: what the port does over HTTP is tested against the same double that stories use. */
import { Context, Effect, Fiber, Layer, Stream } from "effect"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { codeOf, type MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import {
  Kubernetes,
  KubernetesError,
  type Place,
  type Resource,
  type WatchEvent
} from "../../src/providers/kubernetes.ts"

export interface ClusterServer {
  readonly url: string
  readonly close: () => Promise<void>
}

export const serveCluster = async (cluster: MemoryCluster): Promise<ClusterServer> => {
  const context = await Effect.runPromise(Effect.scoped(Layer.build(cluster.layer)))
  const kubernetes = Context.get(context, Kubernetes)
  const server = createServer((request, response) => {
    answer(kubernetes, cluster, request, response).catch((cause: unknown) => refuse(response, cause))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/(?<version>[^/]+)(?:\/namespaces\/(?<namespace>[^/]+))?\/(?<plural>[^/]+)(?:\/(?<name>[^/]+))?(?:\/(?<subresource>status))?$/u

async function answer(
  kubernetes: Kubernetes["Service"],
  cluster: MemoryCluster,
  request: IncomingMessage,
  response: ServerResponse
) {
  const url = new URL(request.url ?? "", "http://cluster")
  const { group = "", name, namespace, plural = "", subresource, version = "" } = PATH.exec(url.pathname)?.groups ?? {}
  const resource: Resource = { group, version, plural }
  const scope = { resource, ...(namespace === undefined ? {} : { namespace }) }
  let text = ""
  for await (const chunk of request) text += String(chunk)
  const body: unknown = text === "" ? undefined : JSON.parse(text)
  const place = (): Place => ({ resource, namespace: namespace ?? "", name: name ?? nameIn(body) })
  const say = <A>(effect: Effect.Effect<A, KubernetesError>) =>
    Effect.runPromise(Effect.result(effect)).then((result) => {
      if (result._tag === "Failure") return refuse(response, result.failure)
      const found = result.success ?? undefined
      response.writeHead(found === undefined ? 404 : 200, { "content-type": "application/json" })
      response.end(JSON.stringify(found ?? { kind: "Status", message: "not found", code: 404 }))
    })
  if (url.searchParams.get("watch") === "true") return watch(kubernetes, scope, url, response)
  switch (request.method ?? "GET") {
    case "GET": {
      if (name !== undefined) return say(kubernetes.get(place()))
      const page = {
        limit: Number(url.searchParams.get("limit") ?? 500),
        continue: url.searchParams.get("continue") ?? undefined,
        labels: labelsOf(url.searchParams.get("labelSelector") ?? "")
      }
      return say(
        Effect.map(kubernetes.list(scope, page), ({ items, resourceVersion, continue: next }) => ({
          kind: "List",
          metadata: { resourceVersion, ...(next === undefined ? {} : { continue: next }) },
          items
        }))
      )
    }
    case "POST":
      return say(kubernetes.create(place(), body))
    case "PUT":
      return say(kubernetes.replace(place(), body))
    case "DELETE":
      cluster.delete(place())
      return say(Effect.succeed({ kind: "Status", status: "Success" }))
    default: {
      const how = request.headers["content-type"]?.includes("apply") === true ? "apply" : "merge"
      return say(kubernetes.patch(place(), { how, body, ...(subresource === "status" ? { subresource } : {}) }))
    }
  }
}

const labelsOf = (selector: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    selector
      .split(",")
      .filter((each) => each !== "")
      .map((each) => each.split("=", 2) as [string, string])
  )

function watch(
  kubernetes: Kubernetes["Service"],
  scope: { resource: Resource; namespace?: string },
  url: URL,
  response: ServerResponse
) {
  const resourceVersion = url.searchParams.get("resourceVersion") ?? undefined
  const request = { ...scope, resourceVersion, timeoutSeconds: Number(url.searchParams.get("timeoutSeconds")) }
  const send = (events: ReadonlyArray<WatchEvent>) =>
    Effect.sync(() => {
      if (!response.headersSent) response.writeHead(200, { "content-type": "application/json" })
      for (const event of events) response.write(`${JSON.stringify(wireOf(event))}\n`)
    })
  const fiber = Effect.runFork(
    Stream.runForEach(kubernetes.watch(request), send).pipe(
      Effect.match({
        onFailure: (error) =>
          response.headersSent ? response.end(`${JSON.stringify(errorEvent(error))}\n`) : refuse(response, error),
        onSuccess: () => response.end()
      })
    )
  )
  // The head goes out although nothing has happened yet.
  setImmediate(() => {
    if (!response.headersSent && resourceVersion !== undefined && !response.writableEnded) response.flushHeaders()
  })
  response.on("close", () => void Effect.runPromise(Fiber.interrupt(fiber)))
}

const wireOf = (event: WatchEvent) =>
  event.type !== "BOOKMARK"
    ? event
    : {
        type: event.type,
        object: {
          metadata: {
            resourceVersion: event.resourceVersion,
            ...(event.initialEnd ? { annotations: { "k8s.io/initial-events-end": "true" } } : {})
          }
        }
      }

const errorEvent = (error: KubernetesError) => ({ type: "ERROR", object: statusOf(error) })

const statusOf = (error: KubernetesError) => ({
  kind: "Status",
  status: "Failure",
  message: error.message,
  code: codeOf(error)
})

const refuse = (response: ServerResponse, cause: unknown) => {
  const status = cause instanceof KubernetesError ? statusOf(cause) : { code: 500, message: String(cause) }
  response.writeHead(status.code, { "content-type": "application/json" }).end(JSON.stringify(status))
}

const nameIn = (body: unknown): string => {
  const metadata = typeof body === "object" && body !== null && "metadata" in body ? body.metadata : undefined
  return typeof metadata === "object" && metadata !== null && "name" in metadata ? String(metadata.name) : ""
}
