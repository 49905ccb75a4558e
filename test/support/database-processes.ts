/**
 * Programs of test/support in processes of their own: their lines, their signals, their end. They end with the
 * scope, and when the tests are killed, since then their stdin closes.
 */
import { Deferred, Effect, Queue } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"

export interface Started {
  /** Lines of stdout, in order. */
  readonly lines: Queue.Queue<string>
  readonly signal: (name: NodeJS.Signals) => Effect.Effect<void>
  /** Exit code, or the signal's name; with what it wrote to stderr. */
  readonly ended: Effect.Effect<{ readonly code: number | string; readonly errors: string }>
}

/** Starts `test/support/<program>` with this Node. */
export const start = Effect.fnUntraced(function* (program: string, ...args: ReadonlyArray<string>) {
  const path = new URL(program, import.meta.url).pathname
  const lines = yield* Queue.unbounded<string>()
  const ended = yield* Deferred.make<{ readonly code: number | string; readonly errors: string }>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() => spawn(process.execPath, [path, ...args], { stdio: ["pipe", "pipe", "pipe"] })),
    (child) =>
      Effect.andThen(
        Effect.sync(() => child.kill("SIGKILL")),
        Deferred.await(ended)
      )
  )
  let errors = ""
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()))
  createInterface(child.stdout).on("line", (line) => Queue.offerUnsafe(lines, line))
  child.once("close", (code, signal) =>
    Deferred.doneUnsafe(ended, Effect.succeed({ code: code ?? signal ?? "unknown", errors }))
  )
  const started: Started = {
    lines,
    signal: (name) => Effect.sync(() => void child.kill(name)),
    ended: Deferred.await(ended)
  }
  return started
})

/** Takes lines until one begins with `beginning`, for at most a minute; answers it. */
export const line = ({ lines }: Started, beginning: string) =>
  Queue.take(lines).pipe(
    Effect.repeat({ until: (text) => text.startsWith(beginning) }),
    Effect.timeoutOrElse({
      duration: "1 minute",
      orElse: () => Effect.die(new Error(`no line that begins with "${beginning}"`))
    })
  )
