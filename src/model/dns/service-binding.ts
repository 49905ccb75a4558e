/**
 * Values of HTTPS and SVCB records (RFC 9460). Parameters stand in the order of their numbers, as on the wire, each
 * value in quotes; so two records that mean the same have the same text whatever order they were written in.
 */
import { Result } from "effect"
import { ipv4, ipv6 } from "./addresses.ts"
import { target } from "./hosts.ts"
import { cite, type Invalid, invalid } from "./invalid.ts"
import { CONTROL } from "../plain.ts"
import { decode, encode, integer, MAX_UINT16, type Notation } from "./presentation.ts"

export interface ServiceBindingValue {
  readonly type: "HTTPS" | "SVCB"
  /** 0 makes the record an alias, which has no parameters. */
  readonly priority: number
  /** `.` is the record's own name, in an alias: no service. */
  readonly host: string
  readonly parameters: ReadonlyArray<Parameter>
}

export interface Parameter {
  readonly key: string
  /** As it stands between the quotes; null where the parameter has none. */
  readonly value: string | null
}

export const SERVICE_BINDING_FIELDS = ["priority", "target", "value"]

export function parseServiceBinding(
  type: ServiceBindingValue["type"],
  [priority, host, parameters = ""]: ReadonlyArray<string>,
  notation: Notation
): Result.Result<ServiceBindingValue, Invalid> {
  if (priority === undefined || host === undefined) {
    return invalid(`an ${type} value is priority, host and parameters, as in '1 . alpn="h2,h3"'`)
  }
  return Result.gen(function* () {
    const value = {
      type,
      priority: yield* integer(priority, MAX_UINT16, `${type} priority`),
      host: yield* target(host, notation),
      parameters: yield* parseParameters(parameters, notation)
    }
    if (notation === "desired") yield* checkParameters(value)
    return value
  })
}

/** `alpn="h2,h3" port="443"`; empty where there are none. */
export function parametersText(parameters: ReadonlyArray<Parameter>): string {
  return parameters.map(({ key, value }) => (value === null ? key : `${key}="${value}"`)).join(" ")
}

function parseParameters(text: string, notation: Notation): Result.Result<ReadonlyArray<Parameter>, Invalid> {
  const parameters: Array<Parameter> = []
  let rest = text.trim()
  while (rest !== "") {
    const [whole, name, quoted, bare] = PARAMETER.exec(rest) ?? []
    if (whole === undefined || name === undefined) {
      return invalid(`the parameter at ${cite(rest)} is not written as key or key="value"`)
    }
    const key = name.toLowerCase()
    const escaped = quoted ?? bare
    if (notation === "desired" && CONTROL.test(escaped ?? "")) {
      return invalid(`the parameter ${cite(key)} holds a line break or another control character`)
    }
    const value = normaliseParameter(key, escaped === undefined ? null : decode(escaped))
    if (Result.isSuccess(value)) parameters.push({ key, value: value.success })
    else if (notation === "desired") return invalid(`the parameter ${cite(key)}: ${value.failure.message}`)
    else parameters.push({ key, value: escaped === undefined ? null : encode(decode(escaped)) })
    rest = rest.slice(whole.length)
  }
  return Result.succeed(
    parameters.toSorted((a, b) => order(a.key) - order(b.key) || (a.key < b.key ? -1 : Number(a.key > b.key)))
  )
}

const PARAMETER = /^([a-z0-9-]+)(?:=(?:"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)*)))?(?:\s+|$)/isu

/** By number: https://www.iana.org/assignments/dns-svcb */
const KEYS = [
  "mandatory",
  "alpn",
  "no-default-alpn",
  "port",
  "ipv4hint",
  "ech",
  "ipv6hint",
  "dohpath",
  "ohttp",
  "tls-supported-groups"
]

/** Keys nobody knows come last. */
const order = (key: string): number => keyNumber(key) ?? MAX_UINT16 + 1

function keyNumber(key: string): number | undefined {
  const known = KEYS.indexOf(key)
  if (known >= 0) return known
  const number = Number(/^key(0|[1-9]\d{0,4})$/u.exec(key)?.[1] ?? Number.NaN)
  return number <= MAX_UINT16 ? number : undefined
}

function normaliseParameter(key: string, bytes: string | null): Result.Result<string | null, Invalid> {
  const number = keyNumber(key)
  if (number === undefined) return invalid(`unknown; known are ${KEYS.join(", ")}, and key65280 and the like`)
  const name = KEYS[number]
  if (name !== undefined && name !== key) return invalid(`write "${name}" instead`)
  if (name === "no-default-alpn" || name === "ohttp") {
    return bytes === null || bytes === "" ? Result.succeed(null) : invalid("takes no value")
  }
  // An empty value and none are the same on the wire.
  if (name === undefined) return Result.succeed(bytes === null || bytes === "" ? null : encode(bytes))
  if (bytes === null || bytes === "") return invalid("needs a value")
  return normaliseKnown(name, bytes)
}

function normaliseKnown(name: string, bytes: string): Result.Result<string, Invalid> {
  switch (name) {
    case "mandatory":
      return Result.map(list(bytes, mandatoryKey), (keys) => keys.toSorted((a, b) => order(a) - order(b)).join())
    case "alpn":
      return Result.map(list(bytes, protocol), (protocols) => protocols.join())
    case "port":
      return Result.map(integer(bytes, MAX_UINT16, "port"), String)
    case "ipv4hint":
      return Result.map(list(bytes, ipv4), (addresses) => addresses.join())
    case "ipv6hint":
      return Result.map(list(bytes, ipv6), (addresses) => addresses.join())
    case "ech":
      return /^(?:[a-z0-9+/]{4})*(?:[a-z0-9+/]{2}==|[a-z0-9+/]{3}=)?$/iu.test(bytes)
        ? Result.succeed(bytes)
        : invalid("needs base64")
    case "tls-supported-groups":
      return Result.map(
        list(bytes, (group) => Result.map(integer(group, MAX_UINT16, "group"), String)),
        (groups) => groups.join()
      )
    default:
      return Result.succeed(encode(bytes))
  }
}

type Item = (text: string) => Result.Result<string, Invalid>

function list(bytes: string, item: Item): Result.Result<ReadonlyArray<string>, Invalid> {
  return Result.flatMap(Result.all(bytes.split(",").map((text) => item(text.trim()))), (items) =>
    new Set(items).size === items.length ? Result.succeed(items) : invalid("names something twice")
  )
}

const mandatoryKey: Item = (text) => {
  const key = text.toLowerCase()
  return key === "mandatory" || keyNumber(key) === undefined
    ? invalid(`${cite(text)} cannot be mandatory`)
    : Result.succeed(key)
}

/** A protocol id holds any bytes by its RFC; none of those registered needs the second level of escapes. */
const protocol: Item = (text) =>
  /^[!#-[\]-~]+$/u.test(text) ? Result.succeed(text) : invalid(`${cite(text)} is not a protocol such as "h2"`)

function checkParameters({ parameters, priority }: ServiceBindingValue): Result.Result<void, Invalid> {
  const keys = parameters.map(({ key }) => key)
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice !== undefined) return invalid(`the parameter "${twice}" stands there twice`)
  if (priority === 0 && keys.length > 0) return invalid("priority 0 makes an alias, which takes no parameters")
  if (keys.includes("no-default-alpn") && !keys.includes("alpn")) return invalid(`"no-default-alpn" needs "alpn"`)
  const mandatory = parameters.find(({ key }) => key === "mandatory")?.value?.split(",") ?? []
  const missing = mandatory.find((key) => !keys.includes(key))
  return missing === undefined ? Result.void : invalid(`"mandatory" names "${missing}", which is not there`)
}
