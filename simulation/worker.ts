/** A process that performs runs one after the other on a database of its own, as its parent asks. */
import { sharedMetrics } from "./replica.ts"
import type { Verdict } from "./run.ts"
import type { Task } from "./replay.ts"
import { perform } from "./search.ts"
import { openTables } from "./tables.ts"
import { INSTANCE } from "./world.ts"

export interface Report extends Omit<Verdict, "trace" | "calls" | "fresh"> {
  readonly task: Task
  readonly calls: ReadonlyArray<readonly [string, number]>
  /** Milliseconds of CPU. */
  readonly cpu: number
}

if (process.send !== undefined) {
  const bench = { session: await openTables(INSTANCE), metrics: await sharedMetrics() }
  process.on("message", (task: Task) => {
    const began = process.cpuUsage()
    void perform(bench, task).then(
      ({ calls, fresh: _fresh, trace: _trace, ...verdict }) => {
        const { system, user } = process.cpuUsage(began)
        process.send?.({ ...verdict, task, calls: [...calls], cpu: (system + user) / 1000 } satisfies Report)
      },
      (cause: unknown) => {
        console.error(cause)
        process.exit(1)
      }
    )
  })
  process.on("disconnect", () => process.exit(0))
  process.send("ready")
}
