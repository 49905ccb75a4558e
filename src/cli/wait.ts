/**
 * Waits until objects are what was asked for, for at most a given time. What one look says of an object:
 *
 *   wanted | the object                              | verdict
 *   -------|-----------------------------------------|--------
 *   ready  | is not there                            | failed, somebody deleted it
 *   ready  | Ready, of this generation or a newer one | done
 *   ready  | Stalled for longer than the grace       | failed with its reason
 *   ready  | anything else                           | open
 *   gone   | is not there                            | done
 *   gone   | anything else                           | open
 *
 * The grace is for what the last pass said before the change: the next one may say otherwise.
 */
import { Clock, Duration, Effect } from "effect"
import { isStalled, readyOf } from "./columns.ts"
import { CommandFailed } from "./failure.ts"
import { fetchObjects, keyOf, keyText, labelOf, type ManifestObject, type ObjectKey } from "./objects.ts"
import { makeProgress, stderr, type Sink, type Waiting } from "./progress.ts"

export interface Target extends ObjectKey {
  /** The object's status must be of this generation or a newer one. */
  readonly generation: number
}

export interface WaitOptions {
  readonly until: "ready" | "gone"
  readonly timeout: Duration.Duration
  readonly sink?: Sink
}

export interface Verdict {
  readonly is: "done" | "open" | "failed"
  readonly text: string
}

export const verdictOf = (
  { generation }: Pick<Target, "generation">,
  object: ManifestObject | undefined,
  { stalledFor, until }: { readonly until: WaitOptions["until"]; readonly stalledFor: Duration.Duration }
): Verdict => {
  if (object === undefined) return until === "gone" ? { is: "done", text: "is gone" } : DELETED
  const ready = readyOf(object)
  const text = ready === undefined ? "has no status yet" : `${ready.reason}: ${ready.message}`
  if (until === "gone") return { is: "open", text }
  if (object.status.observedGeneration < generation) return { is: "open", text: "waits to be looked at" }
  if (ready?.status === "True") return { is: "done", text }
  const isLost = isStalled(object) && Duration.isGreaterThanOrEqualTo(stalledFor, GRACE)
  return { is: isLost ? "failed" : "open", text }
}

const DELETED: Verdict = { is: "failed", text: "was deleted by somebody else" }
const GRACE = Duration.seconds(3)

/** A thousand objects are asked for less often than one, and the last look is when the time is over. In milliseconds. */
const pause = ({ left, looked }: { readonly looked: number; readonly left: number }) =>
  Math.max(0, Math.min(left, Math.max(500, 4 * looked)))

/** Succeeds when all are done; fails with a line for each that is not, when the rest is decided or the time is over. */
export const waitFor = Effect.fn("cli.waitFor")(function* (
  targets: ReadonlyArray<Target>,
  { sink = stderr, timeout, until }: WaitOptions
) {
  const progress = makeProgress(sink)
  const stalledSince = new Map<string, number>()
  const started = yield* Clock.currentTimeMillis
  return yield* Effect.gen(function* () {
    while (true) {
      const asked = yield* Clock.currentTimeMillis
      const seen = yield* Effect.result(look(targets))
      const now = yield* Clock.currentTimeMillis
      const isLate = now - started >= Duration.toMillis(timeout)
      if (seen._tag === "Failure") {
        if (seen.failure.unreachable !== true || isLate) return yield* seen.failure
      } else {
        const verdicts = judge(targets, seen.success, { now, stalledSince, until })
        yield* progress.show(verdicts.map(({ is, label, text }) => ({ label, text, done: is === "done" })))
        if (verdicts.every(({ is }) => is === "done")) return
        if (isLate || verdicts.every(({ is }) => is !== "open")) {
          return yield* unfinished(verdicts, isLate ? timeout : undefined)
        }
      }
      yield* Effect.sleep(pause({ looked: now - asked, left: started + Duration.toMillis(timeout) - now }))
    }
  }).pipe(Effect.ensuring(progress.end))
})

interface Judging {
  readonly now: number
  readonly stalledSince: Map<string, number>
  readonly until: WaitOptions["until"]
}

type Judged = Verdict & Pick<Waiting, "label">

const judge = (
  targets: ReadonlyArray<Target>,
  objects: ReadonlyMap<string, ManifestObject>,
  { now, stalledSince, until }: Judging
): ReadonlyArray<Judged> =>
  targets.map((target) => {
    const key = keyText(target)
    const object = objects.get(key)
    if (object === undefined || !isStalled(object)) stalledSince.delete(key)
    else if (!stalledSince.has(key)) stalledSince.set(key, now)
    const stalledFor = Duration.millis(now - (stalledSince.get(key) ?? now))
    return { label: labelOf(target), ...verdictOf(target, object, { until, stalledFor }) }
  })

const look = Effect.fnUntraced(function* (targets: ReadonlyArray<Target>) {
  const found = yield* Effect.forEach([...Map.groupBy(targets, ({ kind }) => kind)], ([kind, wanted]) =>
    fetchObjects({ kind, names: wanted.map(({ name }) => name), namespace: undefined })
  )
  return new Map(found.flat().map((object) => [keyText(keyOf(object)), object]))
})

const unfinished = (verdicts: ReadonlyArray<Judged>, late: Duration.Duration | undefined) => {
  const open = verdicts.filter(({ is }) => is !== "done")
  const lines = open.map(({ is, label, text }) => `${label} ${is === "failed" ? "failed: " : ""}${text}`)
  return new CommandFailed({
    lines:
      late === undefined ? lines : [...lines, `gave up after ${Duration.format(late)}; the server goes on by itself`]
  })
}
