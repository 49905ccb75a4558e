/** The names that dashboards rely on, and a text that Prometheus' own checker accepts. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { type Counter, type Gauge, Histogram } from "prom-client"
import { definitions, Metrics } from "../src/metrics.ts"

const promtool = process.env["PROMTOOL"] ?? "promtool"
const missing = spawnSync(promtool, ["--version"]).error !== undefined

/** Names, kinds and labels of controller-runtime 0.24 and of its workqueue, to the letter. */
const theirs: ReadonlyArray<readonly [name: string, kind: string, labels: ReadonlyArray<string>]> = [
  ["controller_runtime_reconcile_total", "counter", ["controller", "result"]],
  ["controller_runtime_reconcile_errors_total", "counter", ["controller"]],
  ["controller_runtime_terminal_reconcile_errors_total", "counter", ["controller"]],
  ["controller_runtime_reconcile_panics_total", "counter", ["controller"]],
  ["controller_runtime_reconcile_timeouts_total", "counter", ["controller"]],
  ["controller_runtime_reconcile_time_seconds", "histogram", ["controller"]],
  ["controller_runtime_max_concurrent_reconciles", "gauge", ["controller"]],
  ["controller_runtime_active_workers", "gauge", ["controller"]],
  ["workqueue_depth", "gauge", ["name", "controller", "priority"]],
  ["workqueue_adds_total", "counter", ["name", "controller"]],
  ["workqueue_queue_duration_seconds", "histogram", ["name", "controller"]],
  ["workqueue_work_duration_seconds", "histogram", ["name", "controller"]],
  ["workqueue_unfinished_work_seconds", "gauge", ["name", "controller"]],
  ["workqueue_longest_running_processor_seconds", "gauge", ["name", "controller"]],
  ["workqueue_retries_total", "counter", ["name", "controller"]]
]

/** A value for every series, so that the text has them all. */
const exposed = Effect.gen(function* () {
  const metrics = yield* Metrics
  for (const [key, { labels }] of Object.entries(definitions)) {
    const metric = metrics[key as keyof typeof definitions] as Counter | Gauge | Histogram
    const values = Object.fromEntries(labels.map((label) => [label, "x"]))
    if (metric instanceof Histogram) metric.observe(values, 1)
    else metric.inc(values, 1)
  }
  return yield* metrics.expose
}).pipe(Effect.provide(Metrics.layer, { local: true }))

describe("metrics", () => {
  for (const [name, kind, labels] of theirs) {
    it(`has ${name} as controller-runtime has it`, () => {
      const found = Object.values(definitions).find((definition) => definition.name === name)
      assert.strictEqual(found?.kind, kind)
      assert.deepStrictEqual([...(found?.labels ?? [])], labels)
    })
  }

  it("begins every other name with driftless_, ends counters with _total and nothing else so", () => {
    for (const { kind, name } of Object.values(definitions)) {
      assert.match(name, /^(controller_runtime|workqueue|driftless)_[a-z_]+$/u)
      assert.strictEqual(name.endsWith("_total"), kind === "counter", name)
    }
    const names = Object.values(definitions).map(({ name }) => name)
    assert.strictEqual(new Set(names).size, names.length)
  })

  it.effect("runs what sets its gauges before each scrape, and keeps two sets apart", () =>
    Effect.gen(function* () {
      const metrics = yield* Metrics
      let scrapes = 0
      metrics.onScrape(Effect.sync(() => metrics.dnsDesired.set({ zone: "example.test" }, ++scrapes)))
      assert.include(yield* metrics.expose, 'driftless_dns_desired_records{zone="example.test"} 1')
      assert.include(yield* metrics.expose, 'driftless_dns_desired_records{zone="example.test"} 2')
      assert.notInclude(yield* exposed, "example.test")
    }).pipe(Effect.provide(Metrics.layer, { local: true }))
  )

  it.effect.skipIf(missing)(
    `pleases promtool${missing ? " (skipped: promtool is not installed; Debian has it in prometheus)" : ""}`,
    () =>
      Effect.gen(function* () {
        const text = yield* exposed
        const checked = spawnSync(promtool, ["check", "metrics"], { input: text, encoding: "utf8" })
        assert.strictEqual(checked.stdout + checked.stderr, "")
        assert.strictEqual(checked.status, 0)
      })
  )
})
