/**
 * The simulated Cloudflare in a process of its own, as the real one is, and a bare client for it: the least that
 * anybody could send, which is what the product's seconds are compared with.
 */
import { Data, Effect, Schema } from "effect"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { zoneId } from "../src/simulator/state.ts"

const PROGRAM = fileURLToPath(new URL("../src/simulator/main.ts", import.meta.url))
export const TOKEN = "token-of-the-product"
const BARE_TOKEN = "token-of-the-bare-client"
/** Each client has its own, so that neither pays for the other's records. */
export const ZONE = "product.test"
export const BARE_ZONE = "bare.test"
/** Operations of one batch call on the plans that cost money. */
export const BATCH_LIMIT = 3500

export class SimulatorFailed extends Data.TaggedError("SimulatorFailed")<{ readonly message: string }> {}

/** Calls since the last `forget`, by kind. */
export interface Calls {
  readonly writes: number
  readonly lists: number
  /** Of every kind. */
  readonly total: number
}

export interface Simulator {
  /** Base URL of the API. */
  readonly url: string
  readonly calls: Effect.Effect<Calls, SimulatorFailed>
  readonly forgetCalls: Effect.Effect<void, SimulatorFailed>
  /** Empty zones, full budgets, no faults. */
  readonly reset: Effect.Effect<void, SimulatorFailed>
  /** Every call is answered that much later. */
  readonly slow: (milliseconds: number) => Effect.Effect<void, SimulatorFailed>
  /** Somebody else has made that many calls with the product's token. */
  readonly useUp: (calls: number) => Effect.Effect<void, SimulatorFailed>
  /** One batch of the bare client; answers the ids of the records that it created. */
  readonly batch: (
    body: Readonly<Record<string, ReadonlyArray<unknown>>>
  ) => Effect.Effect<ReadonlyArray<string>, SimulatorFailed>
}

/** Starts one; it ends with the scope. */
export const simulator = Effect.gen(function* () {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(
        process.execPath,
        [PROGRAM, "--port", "0", "--zone", ZONE, "--zone", BARE_ZONE, "--token", TOKEN, "--token", BARE_TOKEN],
        { stdio: ["ignore", "pipe", "inherit"] }
      )
    ),
    (running) => Effect.promise(() => ended(running))
  )
  const url = yield* Effect.tryPromise({ try: () => announced(child), catch: failure }).pipe(
    Effect.timeoutOrElse({
      duration: "30 seconds",
      orElse: () => Effect.fail(new SimulatorFailed({ message: "the simulator did not start within 30 s" }))
    })
  )
  const control = `${new URL(url).origin}/control`
  const tell = (path: string, body: unknown = {}) =>
    Effect.asVoid(answer(`${control}${path}`, { method: "POST", body: JSON.stringify(body) }))
  return {
    url,
    calls: Effect.map(decoded(answer(`${control}/calls`, {}), Counted), ({ counts }) => ({
      writes: counts["batch"] ?? 0,
      lists: counts["list"] ?? 0,
      total: counts["total"] ?? 0
    })),
    forgetCalls: Effect.asVoid(answer(`${control}/calls`, { method: "DELETE" })),
    reset: tell("/reset"),
    slow: (ms) => tell("/faults", { times: "always", effect: { do: "slow", ms } }),
    useUp: (calls) => tell("/use-up", { token: TOKEN, calls }),
    batch: (body) =>
      decoded(
        answer(`${url}/zones/${zoneId(BARE_ZONE)}/dns_records/batch`, {
          method: "POST",
          body: JSON.stringify(body),
          headers: { authorization: `Bearer ${BARE_TOKEN}`, "content-type": "application/json" }
        }),
        Batched
      ).pipe(Effect.map(({ result }) => (result.posts ?? []).map(({ id }) => id)))
  } satisfies Simulator as Simulator
})

const Counted = Schema.Struct({ counts: Schema.Record(Schema.String, Schema.Finite) })
const Batched = Schema.Struct({
  result: Schema.Struct({
    posts: Schema.optionalKey(Schema.NullOr(Schema.Array(Schema.Struct({ id: Schema.String }))))
  })
})

const answer = (url: string, init: RequestInit) =>
  Effect.tryPromise({
    try: async () => {
      const response = await fetch(url, init)
      const text = await response.text()
      if (!response.ok) throw new Error(`${response.status} ${text.slice(0, 500)}`)
      return text
    },
    catch: failure
  })

const decoded = <S extends Schema.ConstraintDecoder<unknown>>(
  text: Effect.Effect<string, SimulatorFailed>,
  schema: S
) =>
  Effect.flatMap(text, (body) =>
    Schema.decodeEffect(Schema.fromJsonString(schema))(body).pipe(Effect.mapError(failure))
  )

const failure = (cause: unknown) =>
  new SimulatorFailed({ message: cause instanceof Error ? cause.message : String(cause) })

/** The URL in its first line. */
const announced = (child: ChildProcess) =>
  new Promise<string>((resolve, reject) => {
    let text = ""
    child.once("error", reject)
    child.once("exit", (code) => reject(new Error(`the simulator ended with ${code}`)))
    child.stdout?.on("data", (chunk: Buffer) => {
      text += chunk.toString()
      const url = /at (http\S+)/u.exec(text)?.[1]
      if (url !== undefined) resolve(url)
    })
  })

const ended = (child: ChildProcess) =>
  new Promise<void>((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once("exit", () => resolve())
    child.kill("SIGTERM")
  })
