/**
 * The shape of every answer: `{code, message, data}`. Code 0 is success; codes.ts has the others with their HTTP
 * statuses. A success that has nothing to tell (`Done`) leaves `data` out, as the seed does.
 */
import { Schema } from "effect"

/** A success with its data. */
export const ok = <Data extends Schema.Top>(data: Data) =>
  Schema.Struct({ code: Schema.Literal(0), message: Schema.Literal("success"), data })

/** A success that has nothing to tell. */
export const Done = Schema.Struct({ code: Schema.Literal(0), message: Schema.Literal("success") })

export const DONE = { code: 0, message: "success" } as const

export const success = <A>(data: A) => ({ ...DONE, data })

/** One page of a list. */
export const pageOf = <Item extends Schema.Top>(item: Item) =>
  ok(Schema.Struct({ list: Schema.Array(item), total: Schema.Int, page: Schema.Int, pageSize: Schema.Int }))

const Details = Schema.NullOr(
  Schema.Struct({ errors: Schema.Array(Schema.Struct({ path: Schema.String, message: Schema.String })) })
)

const failure = <const Codes extends ReadonlyArray<number>>(codes: Codes) => ({
  code: Schema.Literals(codes),
  message: Schema.String,
  data: Details
})

export class BadRequest extends Schema.Error<BadRequest>("BadRequest")(failure([2001, 2002, 2003]), {
  httpApiStatus: 400
}) {}
export class Unauthorized extends Schema.Error<Unauthorized>("Unauthorized")(failure([1001, 1002]), {
  httpApiStatus: 401
}) {}
export class Forbidden extends Schema.Error<Forbidden>("Forbidden")(failure([1004]), { httpApiStatus: 403 }) {}
export class NotFound extends Schema.Error<NotFound>("NotFound")(failure([3001]), { httpApiStatus: 404 }) {}
export class Conflict extends Schema.Error<Conflict>("Conflict")(failure([3002, 3003]), { httpApiStatus: 409 }) {}
export class Failed extends Schema.Error<Failed>("Failed")(failure([5001, 5002]), { httpApiStatus: 500 }) {}

/** What any endpoint may answer besides its success. */
export const REFUSALS = [NotFound, Conflict, Failed] as const
