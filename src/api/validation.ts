/**
 * A request that does not fit the contract is answered with each of its mistakes, also those between fields. One that
 * is far too long is refused for that alone, before any mistake is looked for.
 */
import { Context, Effect, Layer, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiMiddleware } from "effect/http-api"
import type { Database } from "../database/database.ts"
import { oversized } from "../model/kinds/bounds.ts"
import { type Mistake, mistakesOf } from "../model/kinds/mistakes.ts"
import { type Referred, referredTo } from "../reconcilers/dns/store/body-references.ts"
import { summary } from "../reconcilers/dns/store/refusal.ts"
import { detailsOf } from "./answers.ts"
import { BodyMistakes, Validation } from "./authorization.ts"
import { BadRequest } from "./envelope.ts"

const unfit = Layer.unwrap(
  Effect.map(Effect.context<Database>(), (context) =>
    HttpApiMiddleware.layerSchemaErrorTransform(Validation, (error, { endpoint }) => {
      // What we answer does not fit our own contract: a defect of ours, and nothing the caller can mend.
      if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.die(error)
      const own = Option.getOrElse(Context.getOption(endpoint.annotations, BodyMistakes), () => NONE)
      const between = error.kind === "Payload" ? mistakesBetween(own) : Effect.succeed([])
      return Effect.flatMap(Effect.provideContext(between, context), (more) =>
        refused([...mistakesOf(error.cause), ...more])
      )
    })
  )
)

export const layer = Layer.effect(
  Validation,
  Effect.map(
    Validation,
    (judged): Validation["Service"] =>
      (respond, options) =>
        Effect.andThen(options.endpoint.payload.size === 0 ? Effect.void : bounded, judged(respond, options))
  )
).pipe(Layer.provide(unfit))

const refused = (mistakes: ReadonlyArray<Mistake>) =>
  Effect.fail(new BadRequest({ ...summary(mistakes), data: detailsOf(mistakes) }))

/** What the schema does not see: between fields, and between the body and what it refers to. */
const mistakesBetween = Effect.fnUntraced(function* (own: BodyMistakes["Service"]) {
  const json = yield* body
  const fields = typeof json === "object" && json !== null ? (json as Readonly<Record<string, unknown>>) : {}
  // Without a database the body is as wrong as it is.
  const { mistakes, zone } = yield* Effect.orElseSucceed(referredTo(fields), (): Referred => ({
    zone: undefined,
    mistakes: []
  }))
  return [...own(fields, zone), ...mistakes]
})

const NONE: BodyMistakes["Service"] = () => []

/** Read beside the endpoint, from memory; null where it is no JSON. */
const body = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  // One that is too long or breaks off is for the guard, as if the endpoint had read it.
  const text = yield* Effect.orDie(request.text)
  return yield* Effect.try({ try: (): unknown => JSON.parse(text), catch: () => null }).pipe(
    Effect.orElseSucceed(() => null)
  )
})

/** The fields of the body and their lists: an endpoint that takes documents judges each of those by itself. */
const bounded = Effect.flatMap(body, (json) => {
  const excess = oversized(json, FIELDS_AND_LISTS)
  return excess === undefined ? Effect.void : refused([excess])
})

const FIELDS_AND_LISTS = 2
