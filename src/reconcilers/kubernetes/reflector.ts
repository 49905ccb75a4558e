/**
 * Keeps a cache equal to a collection of the API server, whatever happens to the connection. It never ends by itself,
 * and after its scope has ended no request of it begins.
 *
 *   what happens                          | then
 *   --------------------------------------|------------------------------------------------------------
 *   the server closes the watch           | watched on from the last version at once
 *   it closes it at once, with no event   | as an error, else this would be a busy loop
 *   410, as an answer or in the stream    | listed anew without a version
 *   410 in the middle of pages            | the pages are begun anew, with their limit
 *   it does not know initial events       | pages from now on
 *   429, 503 with Retry-After             | not before that
 *   403, 404                              | every 30 s, and told once: rights, definitions or a namespace may come
 *   anything else                         | after 0.8 s, then up to three times the last wait, 30 s at most
 *   two minutes without an error          | the next wait is the least again
 *   five failures in a row                | listed anew: the version itself may be the trouble
 *   every hour                            | listed besides, and compared: what differs is mended and counted
 */
import { Deferred, Duration, Effect, Random, type Scope, Stream } from "effect"
import {
  failure,
  Kubernetes,
  type KubernetesError,
  type KubeObject,
  type Place,
  type Scope as Collection,
  Unavailable,
  type WatchEvent
} from "../../providers/kubernetes.ts"
import { type Change, keyOf, makeObjectCache, type ObjectCache } from "./object-cache.ts"
import { allPages, compare, missed } from "./safety-list.ts"
import { type Tuning, TUNING } from "./tuning.ts"
import { monotonicMillis } from "../../monotonic.ts"

/** What the reflector says of itself, for metrics and logs. */
export interface Observer {
  readonly failed: (reason: KubernetesError["reason"]["_tag"]) => void
  readonly listed: (why: "initial" | "gone" | "safety") => void
  /** Changes that the watch should have told and did not; must stay 0. */
  readonly diverged: (objects: number) => void
}

export interface ReflectorOptions {
  readonly collection: Collection
  /** Takes note and returns; what is done about a change happens elsewhere. One that dies is told the same again. */
  readonly onChanges: (changes: ReadonlyArray<Change>) => void
  readonly observer: Observer
  readonly tuning?: Partial<Tuning>
}

export interface Reflector {
  readonly cache: Pick<ObjectCache, "get" | "entries" | "size" | "version">
  /** Takes in the answer to a write of ours. */
  readonly observe: (object: KubeObject) => Effect.Effect<void>
  /** Takes in what the server has now, unless something newer was heard meanwhile. */
  readonly refresh: (place: Place) => Effect.Effect<void, KubernetesError, Kubernetes>
  /** Waits until everything that was there at first has been told. */
  readonly synced: Effect.Effect<void>
  readonly hasSynced: () => boolean
  /** Waits until then, or until the server says that this may not be read or is not there. */
  readonly answered: Effect.Effect<void>
  /** Of `monotonicMillis`: the last sign of life: an event, a bookmark or a list. */
  readonly lastSign: () => number
}

interface State {
  readonly options: ReflectorOptions
  readonly tuning: Tuning
  readonly cache: ObjectCache
  readonly synced: Deferred.Deferred<void>
  readonly answered: Deferred.Deferred<void>
  hasSynced: boolean
  /** Whether the last answer was that it may not be read or is not there. */
  isRefused: boolean
  /** Whether the server can begin a watch with what is there. */
  initialEvents: boolean
  lastSign: number
  wait: number
  /** Turns that failed since something was heard. */
  failures: number
  listing: "initial" | "gone"
  /** What the handler has not taken. */
  untold: ReadonlyArray<Change>
}

export const reflect = (options: ReflectorOptions): Effect.Effect<Reflector, never, Kubernetes | Scope.Scope> =>
  Effect.gen(function* () {
    const state: State = {
      options,
      tuning: { ...TUNING, ...options.tuning },
      cache: makeObjectCache(),
      synced: yield* Deferred.make<void>(),
      answered: yield* Deferred.make<void>(),
      hasSynced: false,
      isRefused: false,
      initialEvents: true,
      lastSign: yield* monotonicMillis,
      wait: 0,
      failures: 0,
      listing: "initial",
      untold: []
    }
    // A defect of ours must not leave a cache behind that nothing keeps equal any more.
    const mended = (defect: unknown) =>
      Effect.andThen(Effect.logError("a watch died; it begins anew", defect), Effect.sleep(state.tuning.mostWait))
    yield* Effect.forkScoped(Effect.forever(Effect.catchDefect(turn(state), mended)))
    yield* Effect.forkScoped(Effect.forever(safetyList(state)))
    return {
      cache: state.cache,
      observe: (object) => Effect.suspend(() => tell(state, state.cache.observe(object))),
      refresh: (place) => Effect.flatMap(missed(state.cache, place), (changes) => tell(state, changes)),
      synced: Deferred.await(state.synced),
      hasSynced: () => state.hasSynced,
      answered: Deferred.await(state.answered),
      lastSign: () => state.lastSign
    }
  })

/** A handler that dies must not end the stream, and what it was told is not lost. */
const tell = (state: State, changes: ReadonlyArray<Change>) =>
  Effect.suspend(() => {
    const all = [...state.untold, ...changes]
    if (all.length === 0) return Effect.void
    state.untold = all
    return Effect.sync(() => {
      state.options.onChanges(all)
      state.untold = []
    })
  }).pipe(Effect.catchCause((cause) => Effect.logError("a handler of changes died; it is told again", cause)))

/** One watch from where we are, with a list before it where that is needed; then the wait until the next. */
const turn = Effect.fnUntraced(function* (state: State) {
  const { cache, tuning } = state
  const began = yield* monotonicMillis
  const seen = { events: 0 }
  yield* tell(state, [])
  const end = yield* Effect.result(
    Effect.gen(function* () {
      if (cache.version() === "" && !state.initialEvents) yield* list(state)
      yield* watch(state, seen)
    })
  )
  const lasted = (yield* monotonicMillis) - began
  if (lasted >= Duration.toMillis(tuning.healthyAfter)) state.wait = 0
  if (end._tag === "Success") {
    if (seen.events > 0 || lasted >= CLOSED_AT_ONCE) return
    return yield* Effect.sleep(yield* nextWait(state))
  }
  const wait = yield* afterFailure(state, end.failure)
  if (wait > 0) yield* Effect.sleep(wait)
})

/** Milliseconds until the next turn. */
const afterFailure = Effect.fnUntraced(function* (state: State, error: KubernetesError) {
  const { collection, observer } = state.options
  const { reason } = error
  observer.failed(reason._tag)
  if (++state.failures % MOST_FAILURES === 0) {
    state.cache.forget()
    state.listing = "gone"
  }
  const wait = yield* nextWait(state)
  switch (reason._tag) {
    case "Gone":
      state.cache.forget()
      state.listing = "gone"
      // The first at once: nothing is wrong with the server.
      return wait <= Duration.toMillis(state.tuning.leastWait) ? 0 : wait
    case "Invalid":
      if (state.initialEvents && state.cache.version() === "") {
        state.initialEvents = false
        return 0
      }
      break
    case "Throttled":
      return Math.max(wait, Duration.toMillis(reason.retryAfter))
    case "Forbidden":
    case "NotFound":
      yield* refused(state, error)
      return Duration.toMillis(state.tuning.mostWait)
    case "Conflict":
    case "Unauthorized":
    case "Unavailable":
      break
  }
  yield* Effect.logInfo(
    `the watch of ${collection.resource.plural} was lost; trying again in ${Math.ceil(wait / 1000)} s`,
    error
  )
  return wait
})

/** Others need not wait for this one: it may be a namespace that is not there. */
const refused = Effect.fnUntraced(function* (state: State, error: KubernetesError) {
  yield* Deferred.succeed(state.answered, undefined)
  if (state.isRefused) return
  state.isRefused = true
  const { namespace, resource } = state.options.collection
  const where = namespace === undefined ? resource.plural : `${resource.plural} of the namespace ${namespace}`
  yield* Effect.logWarning(`${where} cannot be read and are left as they are; looked at again until they can`, error)
})

/** Decorrelated jitter: replicas that lost their server together do not come back together. */
const nextWait = Effect.fnUntraced(function* (state: State) {
  const least = Duration.toMillis(state.tuning.leastWait)
  const most = Duration.toMillis(state.tuning.mostWait)
  const spread = (yield* Random.next) * (state.wait * 3 - least)
  state.wait = state.wait === 0 ? least : Math.min(most, least + spread)
  return state.wait
})

const watch = Effect.fnUntraced(function* (state: State, seen: { events: number }) {
  const { cache, options, tuning } = state
  const kubernetes = yield* Kubernetes
  const [least, most] = tuning.watchSeconds
  const timeoutSeconds = Math.round(least + (yield* Random.next) * (most - least))
  const version = cache.version()
  const stream = kubernetes.watch({
    ...options.collection,
    resourceVersion: version === "" ? undefined : version,
    timeoutSeconds
  })
  const taking = { initial: version === "" ? new Map<string, KubeObject>() : undefined }
  yield* Stream.runForEach(stream, (events) =>
    Effect.flatMap(monotonicMillis, (now) => {
      state.lastSign = now
      seen.events += events.length
      state.failures = 0
      state.isRefused = false
      return Effect.suspend(() => take(state, taking, events))
    })
  )
  if (taking.initial !== undefined) return yield* restart("the watch ended before all objects were told")
})

/** Takes events in, in order; a list of initial events is taken in as a whole at its end. */
const take = (
  state: State,
  taking: { initial: Map<string, KubeObject> | undefined },
  events: ReadonlyArray<WatchEvent>
) =>
  Effect.gen(function* () {
    const { cache } = state
    for (const event of events) {
      const { initial } = taking
      if (initial === undefined) {
        if (event.type === "BOOKMARK") cache.bookmark(event.resourceVersion)
        else yield* tell(state, cache.event(event.type, event.object))
      } else if (event.type !== "BOOKMARK") {
        if (event.type === "DELETED") initial.delete(keyOf(event.object))
        else initial.set(keyOf(event.object), event.object)
      } else if (event.initialEnd) {
        taking.initial = undefined
        yield* replace(state, [...initial.values()], event.resourceVersion)
      }
    }
  })

const list = Effect.fnUntraced(function* (state: State) {
  const { items, version } = yield* allPages(state.options.collection, state.tuning.page)
  state.lastSign = yield* monotonicMillis
  yield* replace(state, items, version)
})

const replace = Effect.fnUntraced(function* (state: State, items: ReadonlyArray<KubeObject>, version: string) {
  const changes = state.cache.replace(items, version)
  if (changes === undefined) return yield* restart("the list is older than what was heard before: a stale server")
  state.options.observer.listed(state.listing)
  state.listing = "gone"
  yield* tell(state, changes)
  state.hasSynced = true
  yield* Deferred.succeed(state.synced, undefined)
  yield* Deferred.succeed(state.answered, undefined)
})

/** A failure of the stream that only a new list mends. */
const restart = (message: string) => Effect.fail(failure(new Unavailable({ message })))

/** Once in a while, whatever the watch says. */
const safetyList = Effect.fnUntraced(
  function* (state: State) {
    const { cache, options, tuning } = state
    yield* Effect.sleep(Duration.times(tuning.relistEvery, 0.9 + 0.2 * (yield* Random.next)))
    if (!state.hasSynced) return
    const missed = yield* compare(options.collection, tuning.page, cache)
    options.observer.listed("safety")
    if (missed.length === 0) return
    options.observer.diverged(missed.length)
    yield* Effect.logError(
      `the watch of ${options.collection.resource.plural} had not told ${missed.length} changes; mended`
    )
    yield* tell(state, missed)
  },
  Effect.catch((error) => Effect.logInfo("the safety list could not be made; it comes again", error))
)

/** Milliseconds: a watch that ends sooner, with nothing told, is as good as refused. */
const CLOSED_AT_ONCE = 1000
/** In a row, after which the version itself may be what the server cannot serve: one that was restored is behind it. */
const MOST_FAILURES = 5
