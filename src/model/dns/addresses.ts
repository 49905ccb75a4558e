/** Values of A and AAAA records: one text for each address, IPv6 as in RFC 5952, section 4. */
import { isIPv4, isIPv6 } from "node:net"
import { Result } from "effect"
import ipaddr from "ipaddr.js"
import { cite, type Invalid, invalid } from "./invalid.ts"

export interface AddressValue {
  readonly type: "A" | "AAAA"
  readonly address: string
}

export function parseAddress(type: "A" | "AAAA", text: string): Result.Result<AddressValue, Invalid> {
  return Result.map(type === "A" ? ipv4(text.trim()) : ipv6(text.trim()), (address) => ({ type, address }))
}

/** Four decimal numbers without leading zeros: `010` would be 8 to some and 10 to others. */
export function ipv4(text: string): Result.Result<string, Invalid> {
  return isIPv4(text) ? Result.succeed(text) : invalid(`${cite(text)} is not an IPv4 address such as "192.0.2.1"`)
}

export function ipv6(text: string): Result.Result<string, Invalid> {
  if (text.includes("%")) return invalid(`${cite(text)} has a scope ("%"), which a record cannot hold`)
  if (!isIPv6(text)) return invalid(`${cite(text)} is not an IPv6 address such as "2001:db8::1"`)
  return Result.succeed(ipaddr.IPv6.parse(withoutDottedTail(text)).toRFC5952String())
}

/** Cloudflare refuses a dotted tail, and ipaddr.js takes every one for an IPv4-mapped address. */
function withoutDottedTail(text: string): string {
  const head = text.slice(0, text.lastIndexOf(":") + 1)
  const tail = text.slice(head.length)
  if (!tail.includes(".")) return text
  const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number)
  return `${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`
}
