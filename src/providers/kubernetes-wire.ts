/** What a Kubernetes API server writes, read: pages, lines of a watch, and refusals. Anything unexpected is a failure. */
import { Duration, Effect, Result } from "effect"
import {
  asObject,
  Conflict,
  failure,
  Forbidden,
  Gone,
  Invalid,
  type KubernetesError,
  NotFound,
  type Page,
  type Reason,
  Throttled,
  Unauthorized,
  Unavailable,
  type WatchEvent
} from "./kubernetes.ts"

export const unavailable = (cause: unknown) =>
  failure(new Unavailable({ message: cause instanceof Error ? wordsOf(cause) : String(cause) }))

/** A reset has its words in its cause or its code. */
const wordsOf = (error: Error): string => {
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ""
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name
  return `${error.message === "" ? code : error.message}${cause}`
}

/** `text` is the body, a Status where the server itself refuses. */
export const errorOf = (status: number, retryAfter: string | undefined, text: string): KubernetesError =>
  failure(reasonOf(status, retryAfter, messageOf(status, text)))

function reasonOf(status: number, retryAfter: string | undefined, message: string): Reason {
  const seconds = /^\d+$/u.test(retryAfter ?? "") ? Math.min(Math.max(Number(retryAfter), 1), MOST_SECONDS) : undefined
  switch (status) {
    case 400:
    case 405:
    case 406:
    case 413:
    case 415:
    case 422:
      return new Invalid({ message })
    case 401:
      return new Unauthorized({ message })
    case 403:
      return new Forbidden({ message })
    case 404:
      return new NotFound({ message })
    case 409:
      return new Conflict({ message })
    case 410:
      return new Gone({ message })
    case 429:
      return new Throttled({ message, retryAfter: Duration.seconds(seconds ?? 1) })
    default:
      return seconds === undefined
        ? new Unavailable({ message })
        : new Throttled({ message, retryAfter: Duration.seconds(seconds) })
  }
}

/** Nobody has to wait longer: what is in front of a server may say anything. */
const MOST_SECONDS = 300

function messageOf(status: number, text: string): string {
  const body = Result.getOrElse(parse(text), () => undefined)
  const said = field(body, "message")
  return typeof said === "string" && said !== "" ? said : `HTTP ${status}`
}

const parse = (text: string) => Result.try((): unknown => JSON.parse(text))

export const pageOf = (body: unknown): Effect.Effect<Page, KubernetesError> => {
  const metadata = field(body, "metadata")
  const resourceVersion = field(metadata, "resourceVersion")
  const items = field(body, "items")
  if (typeof resourceVersion !== "string" || !Array.isArray(items)) {
    return Effect.fail(failure(new Invalid({ message: "the answer is no list" })))
  }
  const objects = items.map(asObject).filter((object) => object !== undefined)
  const next = field(metadata, "continue")
  return objects.length < items.length
    ? Effect.fail(failure(new Invalid({ message: "the list holds something that is no object" })))
    : Effect.succeed({
        items: objects,
        resourceVersion,
        continue: typeof next === "string" && next !== "" ? next : undefined
      })
}

/** All events of these lines, or the first failure among them. */
export const watchEvents = (lines: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<WatchEvent>, KubernetesError> =>
  Effect.forEach(lines, (line) => Effect.fromResult(eventOf(line)))

const INITIAL_END = "k8s.io/initial-events-end"

function eventOf(line: string): Result.Result<WatchEvent, KubernetesError> {
  const event = Result.getOrElse(parse(line), () => undefined)
  const type = field(event, "type")
  const body = field(event, "object")
  if (type === "ERROR") return Result.fail(errorOf(Number(field(body, "code") ?? 500), undefined, JSON.stringify(body)))
  if (type === "BOOKMARK") {
    const metadata = field(body, "metadata")
    const resourceVersion = field(metadata, "resourceVersion")
    if (typeof resourceVersion !== "string") return strange(line)
    return Result.succeed({
      type,
      resourceVersion,
      initialEnd: field(field(metadata, "annotations"), INITIAL_END) === "true"
    })
  }
  const object = asObject(body)
  if (object === undefined || (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED")) return strange(line)
  return Result.succeed({ type, object })
}

/** Told and not passed over: a watch that leaves something out would go on as if nothing were missing. */
const strange = (line: string) =>
  Result.fail(unavailable(new Error(`the watch sent something that is no event (${line.length} characters)`)))

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined
