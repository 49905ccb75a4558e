/**
 * 10,000 creates, changes and deletes in one zone: the calls beside the least that the API allows, and the seconds
 * beside a bare client that only sends those calls.
 */
import { Duration, Effect, Layer } from "effect"
import { sql } from "kysely"
import { alternate, figuresOf, median, ratiosOf, roundsIn, whole, withSpread } from "./measure.ts"
import { type Backend, change, converged, createZone, layerPlane, spent } from "./plane.ts"
import { atMost, type Report } from "./report.ts"
import type { Postgres } from "./server.ts"
import { BARE_ZONE, BATCH_LIMIT, type Simulator } from "./simulator.ts"

const RECORDS = 10_000

/** external-dns' calls for the same, with its TXT registry and without; counted on its own code, see docs/benchmarks.md. */
const EXTERNAL_DNS = { create: [106, 9], change: [164, 16], delete: [114, 13] } as const

type Phase = keyof typeof EXTERNAL_DNS
const PHASES: ReadonlyArray<Phase> = ["create", "change", "delete"]

export const bulk = Effect.fnUntraced(function* (server: Postgres, simulator: Simulator, quick: boolean) {
  const backends: ReadonlyArray<Backend> = ["PostgreSQL", "PGlite"]
  const taken = new Map<string, Array<number>>()
  const note: Note = (name, figure) => void taken.set(name, [...(taken.get(name) ?? []), figure])
  const rounds = yield* alternate({ rounds: quick ? 1 : 3, within: Duration.seconds(60) }, [
    ...backends.map((backend) => ({ name: backend, window: product(backend, server, simulator, note) })),
    { name: "bare client", window: bare(simulator, note) }
  ])
  const figures = (who: string, phase: Phase, what: string) => figuresOf(taken, `${who} ${phase} ${what}`)
  const calls = (backend: Backend, phase: Phase, what: string) => Math.max(...figures(backend, phase, what))
  return {
    title: `${whole(RECORDS)} creates, changes, deletes in one zone`,
    conditions: [
      `${server.about}; PGlite in a directory`,
      `the simulator in a process of its own, no latency, ${whole(BATCH_LIMIT)} operations a batch`,
      `seconds from the commit of all rows until each is settled; calls of every kind, the most of ${roundsIn(rounds)}`,
      "the bare client sends the least number of batches, one after the other, and keeps nothing"
    ],
    columns: ["", "calls", "writes", "least", "external-dns", "without registry", "seconds", "/ bare client", "CPU s"],
    rows: backends.flatMap((backend) =>
      PHASES.map((phase) => [
        `${backend}, ${phase}`,
        whole(calls(backend, phase, "calls")),
        whole(calls(backend, phase, "writes")),
        whole(Math.ceil(RECORDS / BATCH_LIMIT)),
        ...EXTERNAL_DNS[phase].map(whole),
        withSpread(figures(backend, phase, "seconds"), (figure) => figure.toFixed(1)),
        withSpread(ratiosOf(taken, `${backend} ${phase} seconds`, `bare client ${phase} seconds`), (figure) =>
          figure.toFixed(1)
        ),
        median(figures(backend, phase, "CPU")).toFixed(1)
      ])
    ),
    goals: backends.flatMap((backend) =>
      PHASES.map((phase) => atMost(`${backend}, calls of ${phase}`, 5, calls(backend, phase, "calls")))
    ),
    figures: Object.fromEntries(taken)
  } satisfies Report as Report
})

type Note = (name: string, figure: number) => void

/** One round on a fresh database and an empty zone; answers the seconds of all phases. */
const product = (backend: Backend, server: Postgres, simulator: Simulator, note: Note) =>
  Effect.gen(function* () {
    yield* simulator.reset
    let all = 0
    for (const phase of PHASES) {
      yield* simulator.forgetCalls
      yield* asked[phase]
      const { cpuSeconds, seconds } = yield* spent(converged())
      const { total, writes } = yield* simulator.calls
      note(`${backend} ${phase} seconds`, seconds)
      note(`${backend} ${phase} CPU`, cpuSeconds)
      note(`${backend} ${phase} calls`, total)
      note(`${backend} ${phase} writes`, writes)
      all += seconds
    }
    return all
  }).pipe(Effect.provide(Layer.fresh(layerPlane(backend, server, simulator))))

/** What a user commits. The zone itself is new as well, so its lookup and its first list count. */
const asked = {
  create: createZone(RECORDS),
  change: change(sql`update dns_records set value = '198.51.100.' || id % 250`),
  delete: change(sql`update dns_records set desired_state = 'absent'`)
}

/** The same by a client that knows beforehand what to send and keeps nothing of the answers but ids. */
const bare = Effect.fnUntraced(function* (simulator: Simulator, note: Note) {
  yield* simulator.reset
  const range = Array.from({ length: RECORDS }, (_, i) => i)
  const record = (i: number, network: string) => ({
    type: "A",
    name: `host-${i}.${BARE_ZONE}`,
    content: `${network}.${i % 250}`,
    ttl: 120,
    proxied: false
  })
  const ids: Array<string> = []
  const batches = (list: "posts" | "patches" | "deletes", operation: (i: number) => unknown) =>
    Effect.gen(function* () {
      for (let from = 0; from < RECORDS; from += BATCH_LIMIT) {
        const made = yield* simulator.batch({ [list]: range.slice(from, from + BATCH_LIMIT).map(operation) })
        ids.push(...made)
      }
    })
  const phases: Readonly<Record<Phase, ReturnType<typeof batches>>> = {
    create: batches("posts", (i) => record(i, "192.0.2")),
    change: batches("patches", (i) => ({ ...record(i, "198.51.100"), id: ids[i] })),
    delete: batches("deletes", (i) => ({ id: ids[i] }))
  }
  let all = 0
  for (const phase of PHASES) {
    const { seconds } = yield* spent(phases[phase])
    note(`bare client ${phase} seconds`, seconds)
    all += seconds
  }
  return all
})
