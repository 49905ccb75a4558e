/** A TCP proxy that misbehaves when told: it cuts what is open, holds bytes back, or lets half of a message through and cuts. */
import { connect, createServer, type Server, type Socket } from "node:net"

interface Pair {
  readonly near: Socket
  readonly far: Socket
}

export class Link {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  readonly port: number
  /** Milliseconds that each message is held back. */
  delay = 0
  /** The next message goes through by half, and then its connection is cut. */
  #halves = 0
  cuts = 0

  private constructor(server: Server, port: number) {
    this.#server = server
    this.port = port
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<Link> {
    const server = createServer({ noDelay: true })
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve))
    const address = server.address()
    if (typeof address !== "object" || address === null) throw new Error("no port for the proxy")
    const link = new Link(server, address.port)
    server.on("connection", (near) => link.#join(near, connect({ ...target, noDelay: true })))
    return link
  }

  #join(near: Socket, far: Socket): void {
    const pair: Pair = { near, far }
    this.#pairs.add(pair)
    const cut = () => {
      this.#pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const [from, to] of [
      [near, far],
      [far, near]
    ] as const) {
      from.on("data", (bytes: Buffer) => {
        if (this.#halves > 0) {
          this.#halves--
          this.cuts++
          to.write(bytes.subarray(0, Math.floor(bytes.length / 2)), cut)
        } else if (this.delay === 0) to.write(bytes)
        // Held back by its order in the timers' list, so that bytes keep their order.
        else setTimeout(() => to.writable && to.write(bytes), this.delay)
      })
      from.on("error", cut)
      from.on("close", cut)
    }
  }

  cutAll(): void {
    for (const { far, near } of this.#pairs) {
      this.cuts++
      near.resetAndDestroy()
      far.destroy()
    }
    this.#pairs.clear()
  }

  halveNext(): void {
    this.#halves++
  }

  async close(): Promise<void> {
    this.cutAll()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }
}
