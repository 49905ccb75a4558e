/**
 * `node --expose-gc bench/intake-client.ts <arm> <url>`: takes all objects of the server in, once, and prints what that
 * took. The arms: `list` is the least that anybody could do, `watch` and `pages` are the product's two ways.
 */
import { Effect, Layer, Logger, Stream } from "effect"
import { layerHttp } from "../src/providers/kubernetes-http.ts"
import { failure, Invalid, Kubernetes } from "../src/providers/kubernetes.ts"
import { resourceOf } from "../src/reconcilers/kubernetes/objects.ts"
import { reflect } from "../src/reconcilers/kubernetes/reflector.ts"

const [, , arm = "watch", url = ""] = process.argv
const access = { server: url, namespace: "default", authorize: () => Promise.resolve({ headers: {} }) }

const memory = () => {
  globalThis.gc?.()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed / 2 ** 20, rss: rss / 2 ** 20 }
}

/** A server that does not know initial events. */
const pagesOnly = Layer.effect(
  Kubernetes,
  Effect.map(Kubernetes, (kubernetes) =>
    Kubernetes.of({
      ...kubernetes,
      watch: (request) =>
        request.resourceVersion === undefined
          ? Stream.fail(failure(new Invalid({ message: "no initial events" })))
          : kubernetes.watch(request)
    })
  )
).pipe(Layer.provide(layerHttp(access)))

const reflected = Effect.gen(function* () {
  const before = memory()
  const began = performance.now()
  const reflector = yield* reflect({
    collection: { resource: resourceOf("DnsRecord") },
    onChanges: () => {},
    observer: { failed: () => {}, listed: () => {}, diverged: () => {} }
  })
  yield* reflector.synced
  const milliseconds = performance.now() - began
  return tell(milliseconds, before, reflector.cache.size())
})

const listed = Effect.promise(async () => {
  const before = memory()
  const began = performance.now()
  const answer = await fetch(`${url}/apis/driftless.dev/v1alpha1/dnsrecords`)
  const list = (await answer.json()) as { readonly items: ReadonlyArray<object> }
  return tell(performance.now() - began, before, list.items.length)
})

function tell(milliseconds: number, before: ReturnType<typeof memory>, objects: number) {
  const peak = process.resourceUsage().maxRSS / 1024
  const { heap, rss } = memory()
  return { milliseconds, heap: heap - before.heap, rss: rss - before.rss, peak: peak - before.rss, objects }
}

const taken = arm === "list" ? listed : reflected.pipe(Effect.provide(arm === "pages" ? pagesOnly : layerHttp(access)))
process.stdout.write(
  JSON.stringify(await Effect.runPromise(Effect.scoped(taken).pipe(Effect.provide(Logger.layer([])))))
)
process.exit(0)
