/**
 * The control over HTTP, outside the simulated API: JSON in, JSON out, a 400 that lists every mistake.
 *
 *   POST   /control/faults            a fault (see `faults.ts`)     GET   what is armed      DELETE   disarm all
 *   POST   /control/edits             an edit (see `edits.ts`)
 *   GET    /control/records?zone=     the records of a zone
 *   POST   /control/zones             {name, plan?, quota?, status?, settledAt?}: adds the zone, or changes it
 *   DELETE /control/zones?zone=       removes it
 *   POST   /control/tokens            {token, active?, zones?, readOnly?}
 *   POST   /control/limit             {quota?, windowSeconds?, headers?}
 *   POST   /control/use-up            {token, calls}                POST /control/block {token, seconds}
 *   POST   /control/dialect           {errorStyle?, duplicateCode?, nullTarget?}
 *   GET    /control/calls             {counts, calls}               DELETE   forget them
 *   POST   /control/reset
 *   GET    /control/snapshot          PUT   restores one
 */
import { Result, Schema } from "effect"
import type { Control } from "./control.ts"
import { Edit } from "./edits.ts"
import type { ApiRequest, ApiResponse } from "./envelope.ts"
import { Refusal, UNDISTURBED } from "./envelope.ts"
import { Fault } from "./faults.ts"
import { PLANS } from "./plans.ts"

const ZoneBody = Schema.Struct({
  name: Schema.String,
  plan: Schema.optionalKey(Schema.Literals(PLANS)),
  quota: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  status: Schema.optionalKey(Schema.Literals(["active", "pending", "initializing", "moved"])),
  settledAt: Schema.optionalKey(Schema.Int)
})

const TokenBody = Schema.Struct({
  token: Schema.String,
  active: Schema.optionalKey(Schema.Boolean),
  zones: Schema.optionalKey(Schema.Array(Schema.String)),
  readOnly: Schema.optionalKey(Schema.Boolean)
})

const LimitBody = Schema.Struct({
  quota: Schema.optionalKey(Schema.Int),
  windowSeconds: Schema.optionalKey(Schema.Int),
  headers: Schema.optionalKey(Schema.Literals(["ratelimit", "x-ratelimit"]))
})

const DialectBody = Schema.Struct({
  errorStyle: Schema.optionalKey(Schema.Literals(["chain", "flat"])),
  duplicateCode: Schema.optionalKey(Schema.Literals([81057, 81058])),
  nullTarget: Schema.optionalKey(Schema.Literals(["dot", "false"]))
})

const UseUpBody = Schema.Struct({ token: Schema.String, calls: Schema.Int })
const BlockBody = Schema.Struct({ token: Schema.String, seconds: Schema.Int })

export const controlAnswer = (control: Control, request: ApiRequest): ApiResponse => {
  try {
    const run = ROUTES[`${request.method.toUpperCase()} ${request.path}`]
    if (run === undefined) return answer(404, { error: `There is no ${request.method} ${request.path}` })
    return answer(200, run(control, request) ?? {})
  } catch (error) {
    if (error instanceof BadInput) return answer(400, { error: error.message })
    if (error instanceof Refusal) return answer(error.status, { error: error.message })
    throw error
  }
}

const answer = (status: number, body: unknown): ApiResponse => ({
  status,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
  transport: UNDISTURBED
})

class BadInput extends Error {}

const decoded = <S extends Schema.ConstraintDecoder<unknown>>(schema: S, { body }: ApiRequest): S["Type"] => {
  const decode = Schema.decodeUnknownResult(Schema.fromJsonString(schema), { onExcessProperty: "error", errors: "all" })
  const result = decode(body ?? "")
  if (Result.isFailure(result)) throw new BadInput(String(result.failure))
  return result.success
}

const zoneIn = ({ query }: ApiRequest) => {
  const zone = new URLSearchParams(query ?? "").get("zone")
  if (zone === null) throw new BadInput("The query needs a zone.")
  return zone
}

const ROUTES: Readonly<Record<string, (control: Control, request: ApiRequest) => unknown>> = {
  "POST /control/faults": (control, request) => void control.addFault(decoded(Fault, request)),
  "GET /control/faults": (control) => control.pendingFaults(),
  "DELETE /control/faults": (control) => control.clearFaults(),
  "POST /control/edits": (control, request) => control.edit(decoded(Edit, request)),
  "GET /control/records": (control, request) => control.records(zoneIn(request)),
  "POST /control/zones": (control, request) => {
    const { name, ...settings } = decoded(ZoneBody, request)
    return { id: control.setZone(name, settings) }
  },
  "DELETE /control/zones": (control, request) => control.removeZone(zoneIn(request)),
  "POST /control/tokens": (control, request) => {
    const { active = true, token, ...rights } = decoded(TokenBody, request)
    return control.setToken(token, { active, ...rights })
  },
  "POST /control/limit": (control, request) => control.setRateLimit(decoded(LimitBody, request)),
  "POST /control/use-up": (control, request) => {
    const { calls, token } = decoded(UseUpBody, request)
    return control.useUp(token, calls)
  },
  "POST /control/block": (control, request) => {
    const { seconds, token } = decoded(BlockBody, request)
    return control.block(token, seconds)
  },
  "POST /control/dialect": (control, request) => control.setDialect(decoded(DialectBody, request)),
  "GET /control/calls": (control) => ({ counts: control.counts(), calls: control.calls() }),
  "DELETE /control/calls": (control) => control.clearCalls(),
  "POST /control/reset": (control) => control.reset(),
  "GET /control/snapshot": (control) => JSON.parse(control.snapshot()),
  "PUT /control/snapshot": (control, { body }) => {
    const restored = Result.try(() => control.restore(body ?? ""))
    if (Result.isFailure(restored)) throw new BadInput(String(restored.failure))
  }
}
