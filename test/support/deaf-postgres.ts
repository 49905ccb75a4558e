/** A pooler in transaction mode, as far as LISTEN goes: it takes the statement, and no notice ever reaches the client. */
import { Effect, Redacted } from "effect"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

const NOTIFICATION = "A".charCodeAt(0)

/** `url` is where to connect instead; `withheld` ends when the first notice was kept back. */
export const deafTo = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const { hostname, port } = new URL(Redacted.value(url))
  const withheld = Promise.withResolvers<void>()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", () => undefined)
      socket.on("close", () => [client, upstream].forEach((each) => each.destroy()))
    }
    client.pipe(upstream)
    const pass = messages((message) => {
      if (message[0] === NOTIFICATION) withheld.resolve()
      else client.write(message)
    })
    upstream.on("data", pass)
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () =>
      Effect.promise(async () => {
        for (const socket of sockets) socket.destroy()
        await new Promise((resolve) => server.close(resolve))
      })
  )
  const here = new URL(Redacted.value(url))
  here.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: Redacted.make(here.href), withheld: Effect.promise(() => withheld.promise) }
})

/** Cuts what a server sends into its messages: a type of one byte, and a length of four that counts itself. */
const messages = (each: (message: Buffer) => void) => {
  let rest = Buffer.alloc(0)
  return (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const end = rest.readUInt32BE(1) + 1
      each(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}
