/** Values that point at hosts: CNAME, NS, PTR, MX and SRV. Hosts are complete, lower case and without a last dot. */
import { Result } from "effect"
import { cite, type Invalid, invalid } from "./invalid.ts"
import { normaliseHost, normaliseHostOrRoot, observedHost } from "./names.ts"
import { integer, MAX_UINT16, type Notation } from "./presentation.ts"

export interface HostValue {
  readonly type: "CNAME" | "NS" | "PTR"
  readonly host: string
}

export interface MxValue {
  readonly type: "MX"
  readonly priority: number
  /** `.` in a null MX (RFC 7505). */
  readonly host: string
}

export interface SrvValue {
  readonly type: "SRV"
  readonly priority: number
  readonly weight: number
  readonly port: number
  /** `.` where the service is not offered (RFC 2782). */
  readonly host: string
}

export function parseHost(
  type: HostValue["type"],
  text: string,
  notation: Notation
): Result.Result<HostValue, Invalid> {
  if (/\s/u.test(text.trim()))
    return invalid(`a ${type} value is one host, as in "host.example.test"; got ${cite(text)}`)
  if (notation === "desired") return Result.map(normaliseHost(text), (host) => ({ type, host }))
  if (text.trim() === "") return invalid(`the ${type} record at the provider has no target`)
  return Result.succeed({ type, host: observedHost(text) })
}

export const MX_FIELDS = ["priority", "target"]

export function parseMx(fields: ReadonlyArray<string>, notation: Notation): Result.Result<MxValue, Invalid> {
  const [priority, host] = fields
  if (priority === undefined || host === undefined || /\s/u.test(host)) {
    return invalid(`an MX value is priority and host, as in "10 mail.example.test"; got ${cite(fields.join(" "))}`)
  }
  return Result.gen(function* () {
    const value = {
      type: "MX" as const,
      priority: yield* integer(priority, MAX_UINT16, "MX priority"),
      host: yield* target(host, notation)
    }
    if (notation === "desired" && value.host === "." && value.priority !== 0) {
      return yield* invalid(`an MX value without a host ("no mail here") is written "0 ."`)
    }
    return value
  })
}

export const SRV_FIELDS = ["priority", "weight", "port", "target"]

export function parseSrv(fields: ReadonlyArray<string>, notation: Notation): Result.Result<SrvValue, Invalid> {
  const [priority, weight, port, host] = fields
  if (priority === undefined || weight === undefined || port === undefined || host === undefined || /\s/u.test(host)) {
    const shape = `priority, weight, port and host, as in "0 5 443 host.example.test"`
    return invalid(`an SRV value is ${shape}; got ${cite(fields.join(" "))}`)
  }
  return Result.gen(function* () {
    return {
      type: "SRV" as const,
      priority: yield* integer(priority, MAX_UINT16, "SRV priority"),
      weight: yield* integer(weight, MAX_UINT16, "SRV weight"),
      port: yield* integer(port, MAX_UINT16, "SRV port"),
      host: yield* target(host, notation)
    }
  })
}

/** A host, or `.` for "none". */
export const target = (text: string, notation: Notation): Result.Result<string, Invalid> =>
  notation === "desired" ? normaliseHostOrRoot(text) : Result.succeed(observedHost(text))
