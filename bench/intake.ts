/** 10,000 objects of a cluster taken in: time to first sync and memory, beside a plain list of the same objects. */
import { Duration, Effect, Schema } from "effect"
import { execFile, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { alternate, figuresOf, hundredths, median, ratiosOf, roundsIn, withSpread, whole } from "./measure.ts"
import { atMost, type Report } from "./report.ts"

const OBJECTS = 10_000
const ARMS = ["list", "watch", "pages"] as const
const NAMES = { list: "plain list", watch: "first sync, by watch", pages: "first sync, by pages" }

const Taken = Schema.Struct({
  milliseconds: Schema.Finite,
  heap: Schema.Finite,
  rss: Schema.Finite,
  peak: Schema.Finite,
  objects: Schema.Int
})

export const intake = Effect.fnUntraced(function* (quick: boolean) {
  const url = yield* serve
  const heap = new Map<string, Array<number>>(ARMS.map((arm) => [arm, []]))
  const peak = new Map<string, Array<number>>(ARMS.map((arm) => [arm, []]))
  const window = (arm: (typeof ARMS)[number]) =>
    Effect.gen(function* () {
      const taken = yield* client(arm, url)
      if (taken.objects !== OBJECTS) return yield* Effect.die(new Error(`${arm} took in ${taken.objects} objects`))
      heap.get(arm)?.push(taken.heap)
      peak.get(arm)?.push(taken.peak)
      return taken.milliseconds
    })
  const rounds = yield* alternate(
    { rounds: quick ? 3 : 8, within: Duration.seconds(quick ? 20 : 60) },
    ARMS.map((arm) => ({ name: arm, window: window(arm) }))
  )
  const ratio = ratiosOf(peak, "watch", "list")
  return {
    title: `Taking in ${OBJECTS.toLocaleString("en-US")} objects of a cluster`,
    conditions: [
      `a process of its own each time, ${roundsIn(rounds)} in turn; the server does nothing but send`,
      "heap: what is kept after the garbage is gone; peak: the most that the process had of the machine, above its start",
      "a plain list keeps the objects as they come, with their managed fields, and knows nothing of what follows"
    ],
    columns: ["", "ms", "/ plain list", "heap MB", "peak MB"],
    rows: ARMS.map((arm) => [
      NAMES[arm],
      withSpread(figuresOf(rounds, arm), whole),
      withSpread(ratiosOf(rounds, arm, "list"), hundredths),
      withSpread(figuresOf(heap, arm), whole),
      withSpread(figuresOf(peak, arm), whole)
    ]),
    goals: [atMost("peak of the first sync by watch / of a plain list", 1, median(ratio))],
    figures: {
      ...Object.fromEntries(rounds),
      ...Object.fromEntries(ARMS.map((arm) => [`${arm} heap MB`, figuresOf(heap, arm)])),
      ...Object.fromEntries(ARMS.map((arm) => [`${arm} peak MB`, figuresOf(peak, arm)]))
    }
  } satisfies Report as Report
})

const programOf = (name: string) => fileURLToPath(new URL(`./${name}.ts`, import.meta.url))

const serve = Effect.acquireRelease(
  Effect.sync(() =>
    spawn(process.execPath, [programOf("intake-server"), String(OBJECTS)], { stdio: ["ignore", "pipe", "inherit"] })
  ),
  (child) => Effect.sync(() => void child.kill("SIGKILL"))
).pipe(
  Effect.flatMap((child) =>
    Effect.promise(
      () => new Promise<string>((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())))
    )
  )
)

const run = promisify(execFile)

const client = (arm: string, url: string) =>
  Effect.promise(() => run(process.execPath, ["--expose-gc", programOf("intake-client"), arm, url])).pipe(
    Effect.map(({ stdout }) => Schema.decodeUnknownSync(Taken)(JSON.parse(stdout)))
  )
