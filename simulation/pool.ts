/** Performs many runs on a few processes, and hands over each report as it comes. */
import { type ChildProcess, fork } from "node:child_process"
import { type Task, wordOf } from "./replay.ts"
import type { Report } from "./worker.ts"

const WORKER = new URL("worker.ts", import.meta.url)

export class Pool {
  readonly #workers: Array<ChildProcess>

  constructor(size: number) {
    this.#workers = Array.from({ length: size }, () =>
      fork(WORKER, { execArgv: ["--disable-warning=ExperimentalWarning", "--max-old-space-size=1500"] })
    )
  }

  /** Ends early, with what is on its way, once `isEnough` says so. */
  async run(
    tasks: Iterable<Task>,
    hear: (report: Report) => void,
    isEnough: () => boolean = () => false
  ): Promise<void> {
    const waiting = tasks[Symbol.iterator]()
    await Promise.all(this.#workers.map((worker) => this.#serve(worker, waiting, hear, isEnough)))
  }

  #serve(
    worker: ChildProcess,
    waiting: Iterator<Task>,
    hear: (report: Report) => void,
    isEnough: () => boolean
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let current: Task | undefined
      const next = () => {
        const task = isEnough() ? undefined : waiting.next()
        if (task === undefined || task.done === true) {
          worker.removeAllListeners()
          resolve()
        } else {
          current = task.value
          worker.send(current)
        }
      }
      worker.on("message", (message: Report | "ready") => {
        if (message !== "ready") hear(message)
        next()
      })
      worker.on("exit", (code) => {
        const what = current === undefined ? "before its first run" : `in --replay '${wordOf(current)}'`
        reject(new Error(`a worker ended with ${code} ${what}`))
      })
      if (ready.has(worker)) next()
      ready.add(worker)
    })
  }

  close(): void {
    for (const worker of this.#workers) worker.disconnect()
  }
}

/** Workers that have said that they are. */
const ready = new WeakSet<ChildProcess>()
