/**
 * A proxy in front of an API server, real or in memory, that a test makes faults with: it resets, stalls, answers in
 * the server's place, and drops or repeats lines of watches.
 */
import { createServer, request as requestHttp, type IncomingMessage, type ServerResponse } from "node:http"
import { request as requestHttps } from "node:https"
import type { AddressInfo } from "node:net"
import type { ClusterAccess } from "../../src/providers/kubernetes-access.ts"

export interface Asked {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly isWatch: boolean
  readonly headers: IncomingMessage["headers"]
}

export type Fault =
  /** The connection is cut before there is an answer. */
  | { readonly do: "reset" }
  /** There never is an answer. */
  | { readonly do: "stall" }
  | {
      readonly do: "answer"
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: unknown
    }

export interface Proxy {
  readonly access: ClusterAccess
  /** All requests so far. */
  readonly asked: ReadonlyArray<Asked>
  /** What happens to a request; undefined lets it through. */
  fault: (asked: Asked) => Fault | undefined
  /** What becomes of a line of a watch: none drops it, several put others beside it. */
  lines: (line: string) => ReadonlyArray<string>
  /** Ends the watches that are open now. */
  cut(how: "reset" | "close"): void
  /** Nothing of the watches that are open now comes through any more, and they stay open. */
  freeze(): void
  readonly openWatches: () => number
  close(): Promise<void>
}

export const startProxy = async (upstream: ClusterAccess): Promise<Proxy> => {
  const asked: Array<Asked> = []
  const watches = new Set<{ readonly response: ServerResponse; readonly source: IncomingMessage; frozen: boolean }>()
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://proxy")
    const isWatch = url.searchParams.get("watch") === "true"
    const call = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      isWatch,
      headers: request.headers
    }
    asked.push(call)
    const fault = proxy.fault(call)
    if (fault?.do === "reset") return void request.socket.destroy()
    if (fault?.do === "stall") return
    if (fault?.do === "answer") {
      const body = fault.body ?? { kind: "Status", message: `made by the proxy: ${fault.status}`, code: fault.status }
      return void response
        .writeHead(fault.status, { "content-type": "application/json", ...fault.headers })
        .end(JSON.stringify(body))
    }
    void forward(upstream, request, response, isWatch ? follow : undefined)
  })
  const follow = (source: IncomingMessage, response: ServerResponse) => {
    const watch = { response, source, frozen: false }
    watches.add(watch)
    let rest = ""
    source.setEncoding("utf8").on("data", (text: string) => {
      if (watch.frozen) return
      const parts = (rest + text).split("\n")
      rest = parts.pop() ?? ""
      for (const line of parts.flatMap((part) => (part === "" ? [] : proxy.lines(part)))) response.write(`${line}\n`)
    })
    source.on("end", () => response.end()).on("error", () => response.destroy())
    response.on("close", () => {
      watches.delete(watch)
      source.destroy()
    })
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const proxy: Proxy = {
    access: {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      namespace: upstream.namespace,
      authorize: () => Promise.resolve({ headers: {} })
    },
    asked,
    fault: () => undefined,
    lines: (line) => [line],
    cut: (how) => {
      for (const { response } of watches)
        if (how === "reset") response.socket?.resetAndDestroy()
        else response.end()
    },
    freeze: () => {
      for (const watch of watches) watch.frozen = true
    },
    openWatches: () => watches.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
  return proxy
}

const forward = async (
  upstream: ClusterAccess,
  request: IncomingMessage,
  response: ServerResponse,
  follow: ((source: IncomingMessage, response: ServerResponse) => void) | undefined
) => {
  const { headers, ...options } = await upstream.authorize(false)
  const url = new URL(`${upstream.server}${request.url ?? ""}`)
  const { host: _host, connection: _connection, ...passed } = request.headers
  const call = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    ...options,
    ...(request.method === undefined ? {} : { method: request.method }),
    headers: { ...passed, ...headers }
  })
  call.on("response", (source) => {
    response.writeHead(source.statusCode ?? 502, source.headers)
    response.flushHeaders()
    if (follow !== undefined && source.statusCode === 200) return follow(source, response)
    source.pipe(response)
  })
  call.on("error", () => response.destroy())
  response.on("close", () => call.destroy())
  request.pipe(call)
}

/** An access without credentials, for a cluster in memory. */
export const plainAccess = (server: string): ClusterAccess => ({
  server,
  namespace: "default",
  authorize: () => Promise.resolve({ headers: {} })
})

/** One request of the test itself, beside the port. */
export const rest = async (access: ClusterAccess, method: string, path: string, body?: unknown): Promise<unknown> => {
  const { headers, ...options } = await access.authorize(false)
  const { promise, reject, resolve } = Promise.withResolvers<string>()
  const url = new URL(`${access.server}${path}`)
  const contentType = method === "PATCH" ? "application/merge-patch+json" : "application/json"
  const call = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    ...options,
    method,
    headers: { ...headers, "content-type": contentType }
  })
  call.on("error", reject).on("response", (response) => {
    let text = ""
    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk))
    response.on("error", reject).on("end", () => {
      if ((response.statusCode ?? 500) < 300) resolve(text)
      else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`))
    })
  })
  call.end(body === undefined ? undefined : JSON.stringify(body))
  return JSON.parse(await promise)
}
