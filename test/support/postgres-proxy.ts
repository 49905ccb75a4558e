/** What stands between a client and its PostgreSQL, and misbehaves. */
import { Effect, Redacted } from "effect"
import { connect, createServer, type AddressInfo, type Socket } from "node:net"

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
}

/** Joins each connection to one of its own at `url`; `join` says what passes between the two. */
const proxyTo = Effect.fnUntraced(function* (url: Redacted.Redacted, join: (pair: Pair) => void) {
  const { hostname, port } = new URL(Redacted.value(url))
  const pairs = new Set<Pair>()
  const server = createServer((client) => {
    const pair = { client, upstream: connect(Number(port), hostname) }
    pairs.add(pair)
    for (const socket of [pair.client, pair.upstream]) {
      socket.on("error", () => undefined)
      socket.on("close", () => {
        pairs.delete(pair)
        client.destroy()
        pair.upstream.destroy()
      })
    }
    join(pair)
  })
  yield* Effect.acquireRelease(
    Effect.promise(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))),
    () =>
      Effect.promise(async () => {
        for (const { client, upstream } of pairs) [client, upstream].forEach((each) => each.destroy())
        await new Promise((resolve) => server.close(resolve))
      })
  )
  const here = new URL(Redacted.value(url))
  here.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url: Redacted.make(here.href), pairs }
})

/** A network that breaks when told; connections that are made afterwards are whole. */
export const brittleTo = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const silent = new Set<Pair>()
  const proxy = yield* proxyTo(url, (pair) => {
    const { client, upstream } = pair
    client.on("data", (bytes) => silent.has(pair) || upstream.write(bytes))
    upstream.on("data", (bytes) => silent.has(pair) || client.write(bytes))
  })
  return {
    url: proxy.url,
    /** What is open stays open, and nothing comes through any more, no goodbye either: the host is gone, or a NAT forgot. */
    silence: Effect.sync(() =>
      proxy.pairs.forEach((pair) => {
        silent.add(pair)
        pair.client.pause()
        pair.upstream.pause()
      })
    ),
    /** What is open is reset. */
    reset: Effect.sync(() => proxy.pairs.forEach(({ client }) => client.resetAndDestroy()))
  }
})

const NOTIFICATION = "A".charCodeAt(0)

/**
 * A pooler in transaction mode, as far as LISTEN goes: it takes the statement, and no notice ever reaches the client.
 * `url` is where to connect instead; `withheld` ends when the first notice was kept back.
 */
export const deafTo = Effect.fnUntraced(function* (url: Redacted.Redacted) {
  const withheld = Promise.withResolvers<void>()
  const proxy = yield* proxyTo(url, ({ client, upstream }) => {
    client.pipe(upstream)
    const pass = messages((message) => {
      if (message[0] === NOTIFICATION) withheld.resolve()
      else client.write(message)
    })
    upstream.on("data", pass)
  })
  return { url: proxy.url, withheld: Effect.promise(() => withheld.promise) }
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
