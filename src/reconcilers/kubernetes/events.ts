/**
 * Events on objects, for `kubectl describe`: one when the reason of Ready changes to something worth telling. The same
 * once more within ten minutes is counted on the first one; with another text it is another one, since the server lets
 * nobody change the text of an event. Told at a bounded rate, and never waited for: what cannot be told is in the
 * status all the same.
 */
import { Clock, Context, Duration, Effect, Layer, Queue } from "effect"
import { Kubernetes, type KubeObject } from "../../providers/kubernetes.ts"
import { EVENTS, type ObjectKey, resourceOf } from "./objects.ts"

export interface Notice {
  readonly key: ObjectKey
  readonly object: KubeObject
  readonly type: "Normal" | "Warning"
  readonly reason: string
  readonly note: string
}

export class Notices extends Context.Service<
  Notices,
  {
    /** Returns at once; the oldest are left out when too many wait. */
    tell(notice: Notice): Effect.Effect<void>
  }
>()("driftless/reconcilers/kubernetes/Notices") {
  /** `instance` names this process in the events. */
  static readonly layer = (instance: string) =>
    Layer.effect(
      Notices,
      Effect.gen(function* () {
        const waiting = yield* Queue.sliding<Notice>(MOST_WAITING)
        const series = new Map<string, Series>()
        yield* Effect.forkScoped(
          Effect.forever(
            Effect.gen(function* () {
              const notice = yield* Queue.take(waiting)
              yield* write(series, instance, notice).pipe(
                Effect.catch((error) => Effect.logDebug("an event was not written", error))
              )
              yield* Effect.sleep(PACE)
            })
          )
        )
        return Notices.of({ tell: (notice) => Effect.asVoid(Queue.offer(waiting, notice)) })
      })
    )
}

/** An event that was written, and may be counted on. */
interface Series {
  readonly name: string
  readonly count: number
  /** Milliseconds of the Clock. */
  readonly last: number
}

const write = Effect.fnUntraced(function* (series: Map<string, Series>, instance: string, notice: Notice) {
  const now = yield* Clock.currentTimeMillis
  const observed = microTime(now)
  const mark = [notice.object.metadata.uid, notice.type, notice.reason, short(notice.note)].join(" ")
  for (const [key, { last }] of series) if (now - last >= Duration.toMillis(TOGETHER)) series.delete(key)
  const known = series.get(mark)
  if (known !== undefined && (yield* count(series, mark, known, notice, now))) return
  const { namespace } = notice.key
  const name = `${notice.key.name.slice(0, MOST_NAME)}.${now.toString(16)}${(eventCount++).toString(16)}`
  yield* (yield* Kubernetes).create({ resource: EVENTS, namespace, name }, bodyOf(notice, name, instance, observed))
  const [oldest] = series.keys()
  if (series.size >= MOST_SERIES && oldest !== undefined) series.delete(oldest)
  series.set(mark, { name, count: 1, last: now })
})

/** False where the event is not there any more, or may not be changed: another one is written. */
const count = Effect.fnUntraced(function* (
  series: Map<string, Series>,
  mark: string,
  known: Series,
  { key: { namespace } }: Notice,
  now: number
) {
  const kubernetes = yield* Kubernetes
  const next = { ...known, count: known.count + 1, last: now }
  const body = { series: { count: next.count, lastObservedTime: microTime(now) } }
  const isCounted = yield* kubernetes
    .patch({ resource: EVENTS, namespace, name: known.name }, { how: "merge", body })
    .pipe(
      Effect.as(true),
      Effect.catchReasons("KubernetesError", {
        NotFound: () => Effect.succeed(false),
        Invalid: () => Effect.succeed(false)
      })
    )
  series.delete(mark)
  if (isCounted) series.set(mark, next)
  return isCounted
})

/** Of this process: two events of one millisecond have different names. */
let eventCount = 0

const bodyOf = ({ key, note, object, reason, type }: Notice, name: string, instance: string, eventTime: string) => {
  const { group, version } = resourceOf(key.kind)
  return {
    apiVersion: `${EVENTS.group}/${EVENTS.version}`,
    kind: "Event",
    metadata: { name, namespace: key.namespace },
    eventTime,
    reportingController: "driftless.dev/controller",
    reportingInstance: instance.slice(0, 128),
    action: "Reconcile",
    type,
    reason,
    note: short(note),
    regarding: {
      apiVersion: `${group}/${version}`,
      kind: key.kind,
      namespace: key.namespace,
      name: key.name,
      uid: object.metadata.uid,
      resourceVersion: object.metadata.resourceVersion
    }
  }
}

const short = (note: string) => note.slice(0, 1000)

const microTime = (millis: number) => new Date(millis).toISOString().replace("Z", "000Z")

const TOGETHER = Duration.minutes(10)
/** Between two events of one process. */
const PACE = Duration.millis(50)
const MOST_WAITING = 500
/** Events that are counted on; of more, those that were told of longest ago are written anew. */
const MOST_SERIES = 5000
/** A name has 253 characters at most. */
const MOST_NAME = 220
