/** The engine on a socket. Delays, cut connections and the bounds of a read live here; nothing of the API does. */
import { randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer } from "node:http"
import type { Engine, EngineOptions } from "./engine.ts"
import { makeEngine, MAX_BODY } from "./engine.ts"
import type { ApiResponse } from "./envelope.ts"

export interface SimulatorOptions extends Omit<EngineOptions, "now" | "id"> {
  /** 0, the default, chooses a free one. */
  readonly port?: number
  /** 127.0.0.1 by default. */
  readonly host?: string
  readonly now?: () => number
  readonly id?: () => string
  /** JSON of an earlier `engine.control.snapshot()`. */
  readonly snapshot?: string
}

export interface Simulator {
  /** Base URL of the API, for `CLOUDFLARE_BASE_URL`. */
  readonly url: string
  readonly port: number
  readonly engine: Engine
  /** Ends every connection at once. */
  close(): Promise<void>
}

/** Rejects when the port cannot be had, or when the snapshot is none. */
export const startSimulator = async (options: SimulatorOptions = {}): Promise<Simulator> => {
  const { host = "127.0.0.1", port = 0, snapshot, ...rest } = options
  const engine = makeEngine({ now: Date.now, id: () => randomBytes(16).toString("hex"), ...rest })
  if (snapshot !== undefined) engine.control.restore(snapshot)
  const timers = new Set<NodeJS.Timeout>()
  const server = createServer((request, response) => serve(engine, timers, request, response))
  // Closing an idle connection just as its client writes on it would look like a lost answer; Cloudflare keeps it for minutes.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, host, () => {
      server.off("error", reject)
      resolve()
    })
  })
  const address = server.address()
  const bound = typeof address === "object" && address !== null ? address.port : port
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}/client/v4`,
    port: bound,
    engine,
    close: () =>
      new Promise<void>((resolve, reject) => {
        for (const timer of timers) clearTimeout(timer)
        server.close((error) => (error === undefined ? resolve() : reject(error)))
        server.closeAllConnections()
      })
  }
}

const serve = (engine: Engine, timers: Set<NodeJS.Timeout>, request: IncomingMessage, response: ServerResponse) => {
  const chunks: Array<Buffer> = []
  let size = 0
  request.on("data", (chunk: Buffer) => {
    size += chunk.length
    // What is too long is read to its end, so that the answer can be heard, but not kept: the engine refuses it.
    if (size - chunk.length <= MAX_BODY) chunks.push(chunk)
  })
  request.on("end", () => {
    const body = Buffer.concat(chunks).toString("utf8")
    const { pathname, search } = new URL(request.url ?? "/", "http://simulator")
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value])
    )
    const answer = engine.handle({
      method: request.method ?? "GET",
      path: pathname,
      query: search.slice(1),
      headers,
      ...(size > 0 && { body })
    })
    if (answer.transport.delayMs === 0) return deliver(answer, response)
    const timer = setTimeout(() => {
      timers.delete(timer)
      deliver(answer, response)
    }, answer.transport.delayMs)
    timers.add(timer)
  })
}

const deliver = ({ body, headers, status, transport }: ApiResponse, response: ServerResponse) => {
  switch (transport.cut) {
    case "close":
      return void response.socket?.destroy()
    case "reset":
      return void response.socket?.resetAndDestroy()
    case "midway": {
      const text = Buffer.from(body)
      response.writeHead(status === 0 ? 200 : status, { ...headers, "Content-Length": String(text.length + 1) })
      return void response.write(text.subarray(0, text.length >> 1), () => response.socket?.destroy())
    }
    case "none":
      response.writeHead(status, headers)
      return void response.end(body)
  }
}
