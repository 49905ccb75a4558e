/**
 * A port of this machine that leads to a port of a pod, through the API server, as `kubectl port-forward` does. Open to
 * this machine alone. A connection that cannot be made is closed, and what went wrong is kept for whoever asks; the
 * next one looks for a pod anew.
 */
import { type KubeConfig, PortForward } from "@kubernetes/client-node"
import { createServer, type AddressInfo, type Socket } from "node:net"
import { Writable } from "node:stream"

export interface Pod {
  readonly namespace: string
  readonly pod: string
  readonly port: number
}

export interface Forward {
  /** Of this machine. */
  readonly port: number
  /** Why the last connection could not be made; undefined when it could. */
  readonly trouble: () => string | undefined
  readonly close: () => void
}

/** `find` answers a pod that is ready now. */
export async function forward(config: KubeConfig, first: Pod, find: () => Promise<Pod>): Promise<Forward> {
  const forwarder = new PortForward(config)
  const sockets = new Set<Socket>()
  let pod: Pod | undefined = first
  let trouble: string | undefined
  const failed = (words: string) => {
    trouble = words
    pod = undefined
  }
  const connect = async (socket: Socket) => {
    const to = (pod ??= await find())
    const socketOf = await forwarder.portForward(to.namespace, to.pod, [to.port], socket, collector(failed), socket)
    const tunnel = typeof socketOf === "function" ? socketOf() : socketOf
    if (tunnel === null) throw new Error("the connection was closed")
    trouble = undefined
    tunnel.onclose = () => socket.destroy()
    socket.on("close", () => tunnel.close())
    if (socket.destroyed) tunnel.close()
  }
  const server = createServer((socket) => {
    sockets.add(socket)
    // A reset is told to whoever uses the connection.
    socket.on("error", () => {}).on("close", () => sockets.delete(socket))
    connect(socket).catch((cause: unknown) => {
      failed(wordsOf(cause))
      socket.destroy()
    })
  })
  const { promise, reject, resolve } = Promise.withResolvers<void>()
  server.on("error", reject).listen(0, "127.0.0.1", resolve)
  await promise
  return {
    port: (server.address() as AddressInfo).port,
    trouble: () => trouble,
    close: () => {
      server.close()
      for (const socket of sockets) socket.destroy()
    }
  }
}

/** What the node says of a port that cannot be reached. */
const collector = (tell: (words: string) => void) =>
  new Writable({
    write: (chunk, _, done) => {
      const words = String(chunk).trim()
      if (words !== "") tell(words)
      done()
    }
  })

/** A refused upgrade is an event, whose words name the status alone. */
function wordsOf(cause: unknown): string {
  const words =
    typeof cause === "object" && cause !== null && "message" in cause ? String(cause.message) : String(cause)
  const status = /Unexpected server response: (?<status>\d+)/u.exec(words)?.groups?.["status"]
  if (status === "403" || status === "401") return "this user may not forward ports of pods there (pods/portforward)"
  if (status === "404") return "the pod is gone"
  return status === undefined ? words : `the API server answers with HTTP ${status}`
}
