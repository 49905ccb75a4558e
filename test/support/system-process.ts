/**
 * The product as a user starts it: a process of its own that sees only the variables it is given. What it says is
 * kept, and it ends with what started it, also when the tests are killed.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** `serve` is `driftless serve`, `start` is what `npm start` runs. */
export type Program = "serve" | "start"

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly code: number | NodeJS.Signals
  /** From the signal to the end; 0 where it ended by itself. */
  readonly seconds: number
  readonly output: string
}

export interface Running {
  /** All of stdout and stderr so far. */
  readonly output: () => string
  /** Resolves with the first match in the output; rejects when it ends before, or says nothing for a minute. */
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>
  /** How it ends by itself. */
  readonly ended: Promise<Ended>
  readonly end: (signal: "SIGTERM" | "SIGKILL") => Promise<Ended>
}

export type Variables = Readonly<Record<string, string>>

export const ADMIN_TOKEN = "admin-token-of-the-system-tests"

const ROOT = join(import.meta.dirname, "../..")
const PROGRAMS: Readonly<Record<Program, ReadonlyArray<string>>> = {
  serve: [join(ROOT, "src/cli/main.ts"), "serve"],
  start: [join(ROOT, "src/quickstart.ts")]
}

/** Milliseconds, on a loaded machine. */
const PATIENCE = 60_000

export const begin = (program: Program, variables: Variables, stops: AsyncDisposableStack): Running => {
  const child = spawn(process.execPath, [...PROGRAMS[program]], {
    cwd: tmpdir(),
    env: {
      PATH: process.env["PATH"],
      DRIFTLESS_API_PORT: "0",
      DRIFTLESS_METRICS_PORT: "0",
      DRIFTLESS_KUBERNETES: "off",
      DRIFTLESS_DNS_INTERVAL: "1s",
      ...variables
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  let output = ""
  let signalled: number | undefined
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text
      for (const listener of listeners) listener()
    })
  }
  const orphaned = () => void child.kill("SIGKILL")
  process.once("exit", orphaned)
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code, signal) => {
      process.off("exit", orphaned)
      const seconds = signalled === undefined ? 0 : (performance.now() - signalled) / 1000
      resolve({ code: code ?? signal ?? "SIGKILL", seconds, output })
    })
  })
  const end = (signal: "SIGTERM" | "SIGKILL") => {
    signalled ??= performance.now()
    child.kill(signal)
    return ended
  }
  stops.defer(async () => void (await end("SIGKILL")))
  const says = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer)
        listeners.delete(look)
        act()
      }
      const look = () => {
        const found = pattern.exec(output)
        if (found !== null) settle(() => resolve(found))
      }
      const refuse = (why: string) => settle(() => reject(new Error(`${why} ${pattern}:\n${output.slice(-5000)}`)))
      const timer = setTimeout(() => refuse("it did not say within a minute"), PATIENCE)
      listeners.add(look)
      look()
      void ended.then(() => refuse("it ended before it said"))
    })
  return { output: () => output, says, ended, end }
}

export interface Plane extends Running {
  /** Base URLs. */
  readonly api: string
  readonly metrics: string
}

/** `driftless serve`, as soon as it listens. */
export const serve = async (variables: Variables, stops: AsyncDisposableStack): Promise<Plane> => {
  const running = begin(
    "serve",
    { DRIFTLESS_ADMIN_TOKEN: ADMIN_TOKEN, DRIFTLESS_LOG_FORMAT: "json", ...variables },
    stops
  )
  const [, api = "", metrics = ""] = await running.says(/listens on (http:[^,\s]+), metrics on (http:[^"\s]+)/u)
  return { ...running, api, metrics }
}

/** `npm start`, as soon as it says where it listens. */
export const start = async (variables: Variables, stops: AsyncDisposableStack): Promise<Plane> => {
  const running = begin("start", variables, stops)
  const [, api = ""] = await running.says(/API {7}(http:\S+?)\/api\/v1/u)
  const [, metrics = ""] = await running.says(/metrics {3}(http:\S+)\/metrics/u)
  return { ...running, api, metrics }
}

/** A folder of their own, for the data of a process. */
export const aDirectory = (stops: AsyncDisposableStack): string => {
  const directory = mkdtempSync(join(tmpdir(), "driftless-system-"))
  stops.defer(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
