/** Effect's log calls, written by pino: JSON lines for machines, coloured lines on a terminal. */
import { Cause, Context, Layer, Logger, References, Tracer } from "effect"
import { type DestinationStream, type Logger as Pino, pino } from "pino"

const LEVELS = {
  All: "trace",
  Trace: "trace",
  Debug: "debug",
  Info: "info",
  Warn: "warn",
  Error: "error",
  Fatal: "fatal",
  None: "trace"
} as const

export interface LoggingOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error"
  readonly format: "auto" | "json" | "pretty"
}

const MINIMUM = { trace: "Trace", debug: "Debug", info: "Info", warn: "Warn", error: "Error" } as const

export const layer = ({ format, level }: LoggingOptions) => {
  const pretty = format === "pretty" || (format === "auto" && process.stdout.isTTY)
  const sink = pretty
    ? pino({
        level,
        base: null,
        transport: { target: "pino-pretty", options: { translateTime: "HH:MM:ss", sync: true } }
      })
    : pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
  return layerPino(sink, level)
}

/** For tests: JSON lines into `stream`, without the time where that is not the real one. */
export const layerStream = (stream: DestinationStream, level: LoggingOptions["level"] = "debug", timestamp = true) =>
  layerPino(pino({ level, base: null, timestamp }, stream), level)

const layerPino = (sink: Pino, level: LoggingOptions["level"]) =>
  Layer.merge(Logger.layer([toPino(sink)]), Layer.succeed(References.MinimumLogLevel, MINIMUM[level]))

/** Annotations become fields; the span's ids come along, so that a line is found from a trace. */
const toPino = (sink: Pino) =>
  Logger.make<unknown, void>(({ cause, fiber, logLevel, message }) => {
    const parts = Array.isArray(message) ? message : [message]
    const errors = parts.filter((part) => part instanceof Error)
    const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
    const failed = cause.reasons.length > 0 ? Cause.prettyErrors(cause)[0] : undefined
    sink[LEVELS[logLevel]](
      {
        ...fiber.getRef(References.CurrentLogAnnotations),
        ...(span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId }),
        ...(failed === undefined ? {} : { err: failed }),
        ...(errors.length === 0 ? {} : { reason: errors.map((error) => error.message).join("; ") })
      },
      parts.filter((part) => typeof part === "string").join(" ")
    )
  })
