/** Prometheus sees only what grows between two scrapes, so whatever a rate is taken of has to be there from the start. */
import { assert, it } from "@effect/vitest"
import { Duration, Effect, Layer, Queue, Ref } from "effect"
import type { Completion } from "../../src/database/work.ts"
import { definitions, Metrics } from "../../src/metrics.ts"
import * as gauges from "../../src/reconcilers/dns/gauges.ts"
import type { Held, State } from "../../src/reconcilers/leases.ts"
import { observe } from "../../src/reconcilers/observe.ts"
import { Next } from "../../src/reconcilers/pass.ts"
import { layerEmbedded } from "../support/database.ts"

const idle = Effect.gen(function* () {
  const state: State<never, never> = {
    reconciler: {
      name: "probe",
      concurrency: 1,
      deadline: Duration.minutes(1),
      resync: Duration.minutes(1),
      reconcile: () => Effect.succeed(Next.Settled({}))
    },
    owner: "one",
    held: new Map<string, Held>(),
    stopping: yield* Ref.make(false),
    signal: yield* Queue.unbounded<void>(),
    finished: yield* Queue.unbounded<Completion>()
  }
  yield* observe(state)
  return yield* (yield* Metrics).expose
})

it.effect("a loop that has done nothing yet publishes each of its counters and durations as 0", () =>
  Effect.gen(function* () {
    const text = yield* idle
    const published = text.split("\n")
    const labelled = Object.values(definitions).filter(
      ({ kind, labels }) => kind !== "gauge" && labels.some((label) => label === "controller")
    )
    assert.isAbove(labelled.length, 8)
    for (const { kind, labels, name } of labelled) {
      const values = labels.map((label) => `${label}="${label === "result" ? "success" : "probe"}"`).join(",")
      assert.include(published, `${name}${kind === "histogram" ? "_count" : ""}{${values}} 0`)
    }
  }).pipe(Effect.provide([Metrics.layer, layerEmbedded]))
)

it.effect("the time to confirmation is published as 0 before the first change", () =>
  Effect.gen(function* () {
    const text = yield* (yield* Metrics).expose
    assert.include(text.split("\n"), 'driftless_convergence_seconds_count{kind="DnsRecord"} 0')
    assert.include(text.split("\n"), 'driftless_convergence_seconds_bucket{le="+Inf",kind="DnsRecord"} 0')
  }).pipe(Effect.provide(gauges.layer.pipe(Layer.provideMerge(Layer.merge(Metrics.layer, layerEmbedded)))))
)
