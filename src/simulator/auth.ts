/**
 * Who calls. Credentials are an API token (`Authorization: Bearer`), or a user's email with the global key.
 *
 *   none                                400 9106
 *   a malformed header                  400 6003, with 6111 or 6103 in the chain
 *   an unknown or revoked token         403 9109; where tokens are verified 401 1000
 *   a zone or an action not allowed     403 10000
 */
import { createHash } from "node:crypto"
import { Refusal } from "./envelope.ts"
import type { ZoneStore } from "./zone-store.ts"

export interface TokenSettings {
  readonly active: boolean
  /** Zone names; undefined means every zone of the account. */
  readonly zones?: ReadonlyArray<string>
  readonly readOnly?: boolean
}

export interface UserKey {
  readonly email: string
  readonly key: string
}

export interface Caller {
  /** Whose request budget is used. */
  readonly credential: string
  /** 32 hex; of a token its id, which is no secret. */
  readonly id: string
  readonly rights: TokenSettings
}

const ALL_RIGHTS: TokenSettings = { active: true }

export type Headers = Readonly<Record<string, string | undefined>>

/** Names the caller, or refuses. `headers` are in lower case. */
export const authenticate = (
  headers: Headers,
  tokens: ReadonlyMap<string, TokenSettings>,
  userKey: UserKey | undefined,
  verifying: boolean
): Caller => {
  const { authorization, "x-auth-email": email, "x-auth-key": key } = headers
  if (authorization !== undefined) {
    const [, token = ""] = /^Bearer ([!-~]+)$/u.exec(authorization) ?? []
    if (token === "") throw badHeaders(6111, "Invalid format for Authorization header")
    const rights = tokens.get(token)
    if (rights?.active !== true) {
      throw verifying ? new Refusal(401, 1000, "Invalid API Token") : new Refusal(403, 9109, "Invalid access token")
    }
    return { credential: credentialOf(token), id: hexId(`token:${token}`), rights }
  }
  if (email === undefined && key === undefined) {
    throw new Refusal(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
  }
  if (email === undefined || !/^[^@\s]+@[^@\s]+$/u.test(email)) {
    throw badHeaders(6102, "Invalid format for X-Auth-Email header")
  }
  if (key === undefined || !/^[!-~]+$/u.test(key)) throw badHeaders(6103, "Invalid format for X-Auth-Key header")
  if (userKey === undefined || email !== userKey.email || key !== userKey.key) {
    throw new Refusal(403, 9103, "Unknown X-Auth-Key or X-Auth-Email")
  }
  return { credential: `user:${email}`, id: hexId(`user:${email}`), rights: ALL_RIGHTS }
}

export const credentialOf = (token: string): string => `token:${token}`

const badHeaders = (code: number, message: string) =>
  new Refusal(400, 6003, "Invalid request headers", [{ code, message }])

/** Refuses a zone that the caller may not use, or that is too new to be used by anyone. */
export const authorize = ({ rights }: Caller, zone: ZoneStore, writing: boolean, now: number): void => {
  const isOutside = rights.zones !== undefined && !rights.zones.includes(zone.name)
  if (isOutside || (writing && rights.readOnly === true) || now < zone.settings.settledAt) {
    throw new Refusal(403, 10000, "Authentication error")
  }
}

/** An id that is the same in every run for the same text, in the form of the API's own. */
export const hexId = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 32)
