/** What stands before the endpoints: who may call them, and how a request that cannot be read is refused. */
import { Context, Schema } from "effect"
import { HttpApiMiddleware, HttpApiSecurity } from "effect/http-api"
import type { Mistake } from "../model/kinds/mistakes.ts"
import { BadRequest, Failed, Forbidden, Unauthorized } from "./envelope.ts"

/** `viewer` may only read. */
export const Role = Schema.Literals(["admin", "operator", "viewer"])
export type Role = typeof Role.Type

/** Who is asking, as proven by the token. */
export class Principal extends Context.Service<Principal, { readonly name: string; readonly role: Role }>()(
  "driftless/api/Principal"
) {}

export class Authorization extends HttpApiMiddleware.Service<Authorization, { provides: Principal }>()(
  "driftless/api/Authorization",
  {
    requiredForClient: true,
    security: { bearer: HttpApiSecurity.bearer },
    error: [Unauthorized, Forbidden, Failed]
  }
) {}

/** Answers every mistake of a request at once, each with its path. */
export class Validation extends HttpApiMiddleware.Service<Validation>()("driftless/api/Validation", {
  error: BadRequest
}) {}

/** An endpoint's mistakes between fields: told together with those of the schema, though that has failed already. */
export class BodyMistakes extends Context.Service<
  BodyMistakes,
  /** `zone` is that of the domain in the body, where there is one. */
  (body: Readonly<Record<string, unknown>>, zone: string | undefined) => ReadonlyArray<Mistake>
>()("driftless/api/BodyMistakes") {}
