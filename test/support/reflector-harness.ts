/** A reflector behind a faulty proxy, and a person who makes, labels and removes objects behind it. */
import { Duration, Effect, Exit, Layer, Logger, Scope } from "effect"
import { afterAll, afterEach, beforeAll, vi } from "vitest"
import type { ClusterAccess } from "../../src/providers/kubernetes-access.ts"
import { layerHttp } from "../../src/providers/kubernetes-http.ts"
import { type KubeObject, pathOf } from "../../src/providers/kubernetes.ts"
import type { Change } from "../../src/reconcilers/kubernetes/object-cache.ts"
import { resourceOf } from "../../src/reconcilers/kubernetes/objects.ts"
import { reflect, type Reflector } from "../../src/reconcilers/kubernetes/reflector.ts"
import type { Tuning } from "../../src/reconcilers/kubernetes/tuning.ts"
import { aCredential } from "./cluster-objects.ts"
import { type Proxy, rest, startProxy } from "./kubernetes-proxy.ts"

export interface Upstream {
  readonly access: ClusterAccess
  /** Where the test's objects are. */
  readonly namespace: string
  readonly close: () => Promise<void>
}

const BOUND = { timeout: 20_000, interval: 10 }
const FAST: Partial<Tuning> = { leastWait: Duration.millis(20), mostWait: Duration.millis(200) }

export interface Watched {
  readonly reflector: Reflector
  /** Names that are in the cache. */
  readonly names: () => ReadonlyArray<string>
  readonly changes: ReadonlyArray<Change>
  readonly told: Array<string>
  readonly logs: ReadonlyArray<string>
  readonly stop: () => Promise<void>
}

/** Registers its hooks with the suite that calls it. */
export const reflectorHarness = (start: () => Promise<Upstream>) => {
  let upstream: Upstream
  let proxy: Proxy
  /** Requests of reflectors that were begun, whether or not they have come through. */
  let begun = 0
  const running = new Set<Watched>()
  beforeAll(async () => {
    upstream = await start()
    proxy = await startProxy(upstream.access)
  })
  afterEach(async () => {
    proxy.fault = () => undefined
    proxy.lines = (line) => [line]
    for (const watched of running) await watched.stop()
    running.clear()
    for (const name of made.splice(0)) await remove(name).catch(() => undefined)
  })
  afterAll(async () => {
    await proxy?.close()
    await upstream?.close()
  })

  const counted = (): ClusterAccess => ({
    ...proxy.access,
    authorize: (refresh) => {
      begun++
      return proxy.access.authorize(refresh)
    }
  })
  const made: Array<string> = []
  const resource = resourceOf("Credential")
  const pathFor = (name?: string) =>
    pathOf({ resource, namespace: upstream.namespace, ...(name === undefined ? {} : { name }) })
  const create = (name: string) => {
    made.push(name)
    const body = { apiVersion: "driftless.dev/v1alpha1", kind: "Credential", metadata: { name }, spec: aCredential }
    return rest(upstream.access, "POST", pathFor(), body) as Promise<KubeObject>
  }
  const label = (name: string, value: string) =>
    rest(upstream.access, "PATCH", pathFor(name), { metadata: { labels: { value } } }) as Promise<KubeObject>
  const remove = (name: string) => rest(upstream.access, "DELETE", pathFor(name))

  const watch = async (
    tuning: Partial<Tuning> = {},
    onChanges?: (changes: ReadonlyArray<Change>) => void
  ): Promise<Watched> => {
    const scope = Scope.makeUnsafe()
    const changes: Array<Change> = []
    const told: Array<string> = []
    const logs: Array<string> = []
    const logger = Logger.layer([Logger.make<unknown, void>(({ message }) => void logs.push(String(message)))])
    const options = {
      collection: { resource, namespace: upstream.namespace },
      onChanges: (more: ReadonlyArray<Change>) => {
        onChanges?.(more)
        changes.push(...more)
      },
      observer: {
        failed: (reason: string) => void told.push(`failed ${reason}`),
        listed: (why: string) => void told.push(`listed ${why}`),
        diverged: (objects: number) => void told.push(`diverged ${objects}`)
      },
      tuning: { ...FAST, ...tuning }
    }
    const context = await Effect.runPromise(Layer.buildWithScope(Layer.merge(layerHttp(counted()), logger), scope))
    const reflector = await Effect.runPromise(
      Scope.provide(reflect(options), scope).pipe(Effect.provideContext(context))
    )
    const watched: Watched = {
      reflector,
      names: () => [...reflector.cache.entries()].map(([, { metadata }]) => metadata.name).toSorted(),
      changes,
      told,
      logs,
      stop: () => Effect.runPromise(Scope.close(scope, Exit.void))
    }
    running.add(watched)
    return watched
  }
  const synced = async (watched: Watched) => {
    await Effect.runPromise(watched.reflector.synced)
    return watched
  }
  const until = (check: () => void) => vi.waitFor(check, BOUND)
  const asked = (isWatch: boolean) =>
    proxy.asked.filter((each) => each.isWatch === isWatch && each.method === "GET").length

  return {
    asked,
    create,
    label,
    remove,
    synced,
    until,
    watch,
    pathFor,
    running,
    begun: () => begun,
    namespace: () => upstream.namespace,
    proxy: () => proxy
  }
}
