/** A process that performs runs one after the other on a database of its own, as its parent asks. */
import { THROWN } from "./kernel.ts"
import { sharedMetrics } from "./replica.ts"
import type { Verdict } from "./run.ts"
import type { Task } from "./replay.ts"
import { perform } from "./search.ts"
import { openTables } from "./tables.ts"
import { INSTANCE } from "./world.ts"

export interface Report extends Omit<Verdict, "trace" | "calls" | "named" | "fresh"> {
  readonly task: Task
  readonly calls: ReadonlyArray<readonly [string, number]>
  /** Milliseconds of CPU. */
  readonly cpu: number
}

const thrown = (task: Task, cause: unknown): Report => ({
  task,
  seed: task.seed,
  scenario: task.scenario,
  failure: {
    invariant: THROWN,
    message: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
    at: 0
  },
  hash: "",
  struck: [],
  calls: [],
  duration: 0,
  replicas: 0,
  statements: 0,
  state: "",
  cpu: 0
})

if (process.send !== undefined) {
  const open = async () => ({ session: await openTables(INSTANCE), metrics: await sharedMetrics() })
  let bench = await open()
  process.on("message", (task: Task) => {
    const began = process.cpuUsage()
    void perform(bench, task).then(
      ({ calls, fresh: _fresh, named: _named, trace: _trace, ...verdict }) => {
        const { system, user } = process.cpuUsage(began)
        process.send?.({ ...verdict, task, calls: [...calls], cpu: (system + user) / 1000 } satisfies Report)
      },
      async (cause: unknown) => {
        // Nobody knows what the run left behind.
        bench = await open()
        process.send?.(thrown(task, cause))
      }
    )
  })
  process.on("disconnect", () => process.exit(0))
  process.send("ready")
}
