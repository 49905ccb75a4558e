/**
 * A Lease of the cluster: one replica at a time runs the intake. Not a fence: a holder that was stopped may act for a
 * moment beside the next one, which the work table makes harmless.
 *
 *   the Lease                                         | then
 *   --------------------------------------------------|---------------------------------------
 *   is not there                                      | made, and held
 *   is ours                                           | renewed every 5 s
 *   is another's, and renewed within its duration     | looked at again in 2 s
 *   has not changed for its duration, by our clock    | taken
 *   was released                                      | taken
 *   cannot be renewed for 10 s, or is another's now   | what runs under it is ended
 */
import { Clock, Duration, Effect, Fiber, Option } from "effect"
import { Conflict, failure, Kubernetes, type KubernetesError, type KubeObject } from "../../providers/kubernetes.ts"
import { LEASES } from "./objects.ts"
import { monotonicMillis } from "../../monotonic.ts"

export interface LeaseOptions {
  readonly namespace: string
  readonly name: string
  /** Of this incarnation of the process; never used again. */
  readonly owner: string
}

const DURATION = Duration.seconds(15)
const RENEW_EVERY = Duration.seconds(5)
/** After the last renewal; well before another may take it. */
export const RENEW_DEADLINE = Duration.seconds(10)
const RETRY = Duration.seconds(2)
/** Where the rights are missing, that is for long. */
const RIGHTS = new Set(["Forbidden", "Unauthorized", "NotFound"])
const WITHOUT_RIGHTS = Duration.seconds(28)
const RELEASE_PATIENCE = Duration.seconds(2)

/** Runs `body` whenever, and only while, the Lease is ours. Never ends by itself. */
export const whileHeld = <E, R>(options: LeaseOptions, body: Effect.Effect<never, E, R>) =>
  Effect.gen(function* () {
    const seen: Seen = { version: "", at: 0 }
    for (;;) {
      const held = yield* acquire(options, seen).pipe(
        Effect.catch((error) =>
          Effect.logWarning("the Lease cannot be had now, trying again", error).pipe(
            Effect.andThen(RIGHTS.has(error.reason._tag) ? Effect.sleep(WITHOUT_RIGHTS) : Effect.void),
            Effect.as(undefined)
          )
        )
      )
      if (held === undefined) {
        yield* Effect.sleep(RETRY)
        continue
      }
      yield* Effect.logInfo(`holds the Lease ${options.namespace}/${options.name}: runs the intake`)
      yield* term(options, held, body)
      yield* Effect.logWarning("the Lease was lost; the intake begins anew when it is held again")
    }
  })

interface Seen {
  version: string
  /** Milliseconds of our Clock at which that version was first seen: the holder's clock may be another. */
  at: number
}

/** Ends when the Lease is lost. Interrupted, it gives the Lease back once the body has ended. */
const term = <E, R>(options: LeaseOptions, held: KubeObject, body: Effect.Effect<never, E, R>) =>
  Effect.gen(function* () {
    const current = { lease: held }
    const running = yield* Effect.forkChild(body)
    yield* Effect.raceFirst(Fiber.join(running), keep(options, current)).pipe(
      Effect.onExit(() => Fiber.interrupt(running)),
      Effect.onInterrupt(() => release(options, current.lease))
    )
  })

/** Renews until that fails for too long, or somebody else has it. */
const keep = Effect.fnUntraced(function* (options: LeaseOptions, current: { lease: KubeObject }) {
  for (;;) {
    yield* Effect.sleep(RENEW_EVERY)
    const renewed = yield* renew(options, current).pipe(
      Effect.timeoutOption(Duration.subtract(RENEW_DEADLINE, RENEW_EVERY)),
      Effect.map(Option.getOrUndefined)
    )
    if (renewed === undefined) return
    current.lease = renewed
  }
})

/** Undefined when another holds it. */
const renew: (
  options: LeaseOptions,
  current: { lease: KubeObject }
) => Effect.Effect<KubeObject | undefined, never, Kubernetes> = Effect.fnUntraced(function* (
  options: LeaseOptions,
  current: { lease: KubeObject }
) {
  for (;;) {
    const result = yield* Effect.result(write(options, current.lease))
    if (result._tag === "Success") return result.success
    yield* Effect.logInfo("the Lease was not renewed, trying again", result.failure)
    if (result.failure.reason._tag === "Conflict") {
      const now = yield* Effect.result(find(options))
      if (now._tag === "Success" && now.success !== null) {
        if (specOf(now.success).holderIdentity !== options.owner) return undefined
        current.lease = now.success
        continue
      }
    }
    yield* Effect.sleep(RETRY)
  }
})

const acquire = Effect.fnUntraced(function* (options: LeaseOptions, seen: Seen) {
  const kubernetes = yield* Kubernetes
  const lease = yield* find(options)
  if (lease === null) {
    return yield* kubernetes.create(placeOf(options), bodyOf(options, undefined, yield* timestamp))
  }
  const now = yield* monotonicMillis
  const { holderIdentity = "", leaseDurationSeconds = Duration.toSeconds(DURATION) } = specOf(lease)
  if (lease.metadata.resourceVersion !== seen.version) {
    seen.version = lease.metadata.resourceVersion
    seen.at = now
  }
  const isFree =
    holderIdentity === "" || holderIdentity === options.owner || now - seen.at >= leaseDurationSeconds * 1000
  return isFree ? yield* write(options, lease) : undefined
})

const find = (options: LeaseOptions) => Effect.flatMap(Kubernetes, (kubernetes) => kubernetes.get(placeOf(options)))

const write = Effect.fnUntraced(function* (options: LeaseOptions, lease: KubeObject) {
  const kubernetes = yield* Kubernetes
  return yield* kubernetes.replace(placeOf(options), bodyOf(options, lease, yield* timestamp))
})

/** So that the next replica need not wait for it to run out. */
const release = (options: LeaseOptions, lease: KubeObject) =>
  Effect.gen(function* () {
    const kubernetes = yield* Kubernetes
    const { spec, ...rest } = bodyOf(options, lease, yield* timestamp)
    yield* kubernetes.replace(placeOf(options), {
      ...rest,
      spec: { ...spec, holderIdentity: "", leaseDurationSeconds: 1 }
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: RELEASE_PATIENCE,
      orElse: (): Effect.Effect<never, KubernetesError> => Effect.fail(failure(new Conflict({ message: "no answer" })))
    }),
    Effect.catch((error) => Effect.logInfo("the Lease was not given back; it runs out", error))
  )

const placeOf = ({ name, namespace }: LeaseOptions) => ({ resource: LEASES, namespace, name })

interface LeaseSpec {
  readonly holderIdentity?: string
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly leaseTransitions?: number
}

const specOf = ({ spec }: KubeObject): LeaseSpec => (typeof spec === "object" && spec !== null ? spec : {})

function bodyOf({ name, namespace, owner }: LeaseOptions, lease: KubeObject | undefined, now: string) {
  const { acquireTime = now, holderIdentity, leaseTransitions = 0 } = lease === undefined ? {} : specOf(lease)
  const isOurs = holderIdentity === owner
  return {
    apiVersion: `${LEASES.group}/${LEASES.version}`,
    kind: "Lease",
    metadata: {
      name,
      namespace,
      ...(lease === undefined ? {} : { resourceVersion: lease.metadata.resourceVersion })
    },
    spec: {
      holderIdentity: owner,
      leaseDurationSeconds: Duration.toSeconds(DURATION),
      acquireTime: isOurs ? acquireTime : now,
      renewTime: now,
      leaseTransitions: isOurs || lease === undefined ? leaseTransitions : leaseTransitions + 1
    }
  }
}

/** As `metav1.MicroTime`. */
const timestamp = Effect.map(Clock.currentTimeMillis, (millis) => new Date(millis).toISOString().replace("Z", "000Z"))
