/** Replicas for tests: a loop of the probe reconciler with its own owner, wake-ups and metrics, stopped by hand. */
import { Context, Duration, Effect, Exit, Layer, Scope } from "effect"
import { Wakes } from "../../src/database/wake.ts"
import { Metrics } from "../../src/metrics.ts"
import { type LoopOptions, run } from "../../src/reconcilers/loop.ts"
import type { Reconciler } from "../../src/reconcilers/pass.ts"
import { PROBE } from "./database-work.ts"

export interface Replica {
  /** Tells this replica's loop, and those of other processes, to look for work. */
  readonly ring: Effect.Effect<void>
  readonly hintsComeThrough: Effect.Effect<boolean>
  /** Value of one series, 0 where there is none; `series` as in the text format, `name{label="value"}`. */
  readonly metric: (series: string) => Effect.Effect<number>
  /** Ends it as SIGTERM does. */
  readonly stop: Effect.Effect<void>
}

export interface ProbeOptions<E, R> extends Partial<Omit<Reconciler<E, R>, "reconcile">>, Partial<LoopOptions> {
  readonly reconcile: Reconciler<E, R>["reconcile"]
}

/** Starts a replica on the database of the context; it stops with the scope if not before. */
export const replica = Effect.fnUntraced(function* <E, R>({ grace, owner = "one", ...given }: ProbeOptions<E, R>) {
  const reconciler: Reconciler<E, R> = {
    name: PROBE,
    concurrency: 4,
    deadline: Duration.seconds(30),
    resync: Duration.minutes(10),
    ...given
  }
  const scope = yield* Scope.fork(yield* Scope.Scope)
  const loop = run(reconciler, { owner, ...(grace === undefined ? {} : { grace }) })
  const layer = Layer.fresh(loop).pipe(Layer.provideMerge(Layer.fresh(Layer.merge(Wakes.layer, Metrics.layer))))
  const context = yield* Layer.buildWithScope(layer, scope)
  const wakes = Context.get(context, Wakes)
  const replica: Replica = {
    ring: wakes.send(PROBE),
    hintsComeThrough: wakes.healthy,
    metric: (series) => Effect.map(Context.get(context, Metrics).expose, (text) => valueOf(text, series)),
    stop: Scope.close(scope, Exit.void)
  }
  return replica
})

const valueOf = (exposed: string, series: string) => {
  const line = exposed.split("\n").find((text) => text.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length + 1))
}
