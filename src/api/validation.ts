/** A request that does not fit the contract is answered with each of its mistakes, also those between fields. */
import { Context, Effect, Layer, Option } from "effect"
import { HttpServerRequest } from "effect/http"
import { HttpApiMiddleware } from "effect/http-api"
import type { Database } from "../database/database.ts"
import { mistakesOf } from "../model/kinds/mistakes.ts"
import { type Referred, referredTo } from "../reconcilers/dns/store/body-references.ts"
import { summary } from "../reconcilers/dns/store/refusal.ts"
import { detailsOf } from "./answers.ts"
import { BodyMistakes, Validation } from "./authorization.ts"
import { BadRequest } from "./envelope.ts"

export const layer = Layer.unwrap(
  Effect.map(Effect.context<Database>(), (context) =>
    HttpApiMiddleware.layerSchemaErrorTransform(Validation, (error, { endpoint }) => {
      // What we answer does not fit our own contract: a defect of ours, and nothing the caller can mend.
      if (error.kind === "Body" || error.kind === "ResponseHeaders") return Effect.die(error)
      const own = Option.getOrElse(Context.getOption(endpoint.annotations, BodyMistakes), () => NONE)
      const between = error.kind === "Payload" ? mistakesBetween(own) : Effect.succeed([])
      return Effect.flatMap(Effect.provideContext(between, context), (more) => {
        const mistakes = [...mistakesOf(error.cause), ...more]
        return Effect.fail(new BadRequest({ ...summary(mistakes), data: detailsOf(mistakes) }))
      })
    })
  )
)

/** What the schema does not see: between fields, and between the body and what it refers to. */
const mistakesBetween = Effect.fnUntraced(function* (own: BodyMistakes["Service"]) {
  const fields = yield* body
  // Without a database the body is as wrong as it is.
  const { mistakes, zone } = yield* Effect.orElseSucceed(referredTo(fields), (): Referred => ({
    zone: undefined,
    mistakes: []
  }))
  return [...own(fields, zone), ...mistakes]
})

const NONE: BodyMistakes["Service"] = () => []

/** Read a second time, from memory; an empty object where it is none. */
const body = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const json = yield* request.json.pipe(Effect.orElseSucceed(() => null))
  return typeof json === "object" && json !== null ? (json as Readonly<Record<string, unknown>>) : {}
})
