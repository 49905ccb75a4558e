/** Fields that many requests share, with their bounds. */
import { Effect, Schema } from "effect"

export const Id = Schema.Int.check(
  Schema.isBetween({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, { expected: "a positive whole number" })
)

/** Of one request that deletes. */
export const Ids = Schema.Array(Id).check(Schema.isBetweenLength(1, 1000, { expected: "a list of 1 to 1000 ids" }))

/** Query parameters of every list. */
export const PAGE = {
  page: Schema.Int.check(
    Schema.isBetween({ minimum: 1, maximum: 1_000_000 }, { expected: "a page from 1 to 1000000" })
  ).pipe(Schema.withDecodingDefaultKey(Effect.succeed(1))),
  pageSize: Schema.Int.check(
    Schema.isBetween({ minimum: 1, maximum: 100 }, { expected: "a page size from 1 to 100" })
  ).pipe(Schema.withDecodingDefaultKey(Effect.succeed(20)))
}

export const Affected = Schema.Struct({ affected: Schema.Int })

export const Condition = Schema.Struct({
  type: Schema.Literals(["Ready", "Reconciling", "Stalled"]),
  status: Schema.Literals(["True", "False"]),
  reason: Schema.String,
  message: Schema.String,
  observedGeneration: Schema.Int,
  lastTransitionTime: Schema.optionalKey(Schema.String)
})

export const Counts = Schema.Struct({
  total: Schema.Int,
  active: Schema.Int,
  pending: Schema.Int,
  running: Schema.Int,
  error: Schema.Int,
  stopped: Schema.Int
})

export const Problem = Schema.Struct({
  id: Schema.Int,
  type: Schema.String,
  name: Schema.String,
  value: Schema.String,
  reason: Schema.String,
  message: Schema.String,
  retryStopped: Schema.Boolean
})
