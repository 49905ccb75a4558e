/** IP addresses: strict dotted quads, and IPv6 in the form of RFC 5952, which is how the API stores and returns them. */
import { isIPv4, isIPv6 } from "node:net"
import { invalid } from "./envelope.ts"

export const ipv4 = (input: unknown): string => {
  if (typeof input !== "string" || !isIPv4(input)) {
    throw invalid(9005, "Content for A record must be a valid IPv4 address.")
  }
  return input
}

export const ipv6 = (input: unknown): string => {
  if (typeof input !== "string" || !isIPv6(input) || input.includes("%")) {
    throw invalid(9006, "Content for AAAA record must be a valid IPv6 address.")
  }
  return compress(groupsOf(input))
}

const groupsOf = (address: string): ReadonlyArray<number> => {
  const [head = "", tail] = hexQuad(address).split("::")
  const left = head === "" ? [] : head.split(":")
  const right = tail === undefined || tail === "" ? [] : tail.split(":")
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  return [...left, ...Array<string>(zeros).fill("0"), ...right].map((group) => Number.parseInt(group, 16))
}

/** Turns a dotted tail, as in `::ffff:192.0.2.1`, into two groups. */
const hexQuad = (address: string) =>
  address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/u, (_, a, b, c, d) =>
    [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((group) => group.toString(16)).join(":")
  )

const compress = (groups: ReadonlyArray<number>): string => {
  const [, , , , , , high = 0, low = 0] = groups
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  let best = { start: 0, length: 0 }
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > best.length) best = { start, length }
  }
  const hex = (part: ReadonlyArray<number>) => part.map((group) => group.toString(16)).join(":")
  if (best.length < 2) return hex(groups)
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`
}

const NOT_PROXIABLE =
  /^(?:10\.|127\.|0\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|::1$|::$|fe[89ab]|f[cd][0-9a-f]{2}:)/u

/** Private and local addresses cannot be reached by Cloudflare's proxy. */
export const isPrivate = (address: string): boolean => NOT_PROXIABLE.test(address)
