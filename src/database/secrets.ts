/**
 * Secrets at rest: envelope encryption with AES-256-GCM. Each value has a key of its own, wrapped by the key of
 * the installation, and both are bound to their table, row and column: a ciphertext moved elsewhere does not open.
 *
 * Written as `v1:<fingerprint of the key>:<base64 of wrapped key ‖ nonce ‖ ciphertext ‖ tag>`.
 */
import { Context, Data, Effect, Layer, Redacted } from "effect"
import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto"

export interface Place {
  readonly table: string
  readonly row: number
  readonly column: string
}

/** The text does not open with this key at this place. Says where, never what. */
export class SecretUnreadable extends Data.TaggedError("SecretUnreadable")<{
  readonly place: Place
  readonly why: string
}> {
  override get message() {
    return `${this.place.table}.${this.place.column} of row ${this.place.row} cannot be decrypted: ${this.why}`
  }
}

export class Secrets extends Context.Service<
  Secrets,
  {
    /** Of the installation's key, safe to store and show: 16 hexadecimal characters. */
    readonly fingerprint: string
    encrypt(place: Place, secret: Redacted.Redacted<string>): Effect.Effect<string>
    decrypt(place: Place, text: string): Effect.Effect<Redacted.Redacted<string>, SecretUnreadable>
    /** Names a secret without giving it away: equal for equal secrets under one key. 32 hexadecimal characters. */
    hash(secret: Redacted.Redacted<string>): string
  }
>()("driftless/database/Secrets") {
  /** `key` has 32 bytes. */
  static readonly layer = (key: Redacted.Redacted<Buffer>, random: (size: number) => Buffer = randomBytes) =>
    Layer.sync(Secrets, () => makeSecrets(Redacted.value(key), random))
}

/** True for what `encrypt` wrote; anything else was put in by hand, in clear. */
export const isEncrypted = (text: string): boolean => text.startsWith(`${VERSION}:`)

const makeSecrets = (master: Buffer, random: (size: number) => Buffer): Secrets["Service"] => {
  const fingerprint = createHash("sha256").update("driftless key").update(master).digest("hex").slice(0, 16)
  const hashKey = createHmac("sha256", master).update("driftless token hash").digest()
  return {
    fingerprint,
    hash: (secret) => createHmac("sha256", hashKey).update(Redacted.value(secret)).digest("hex").slice(0, 32),
    encrypt: (place, secret) =>
      Effect.sync(() => {
        const dataKey = random(32)
        const bound = boundTo(place, fingerprint)
        const sealed = Buffer.concat([
          seal(master, dataKey, bound, random),
          seal(dataKey, Buffer.from(Redacted.value(secret), "utf8"), bound, random)
        ])
        return `${VERSION}:${fingerprint}:${sealed.toString("base64")}`
      }),
    decrypt: (place, text) =>
      Effect.suspend(() => {
        const [version, madeWith, body, ...rest] = text.split(":")
        if (version !== VERSION || body === undefined || rest.length > 0) {
          return Effect.fail(new SecretUnreadable({ place, why: "it is not an envelope of version v1" }))
        }
        if (madeWith !== fingerprint) {
          return Effect.fail(new SecretUnreadable({ place, why: `it was made with the key ${madeWith}` }))
        }
        return Effect.try({
          try: () => {
            const bytes = Buffer.from(body, "base64")
            const bound = boundTo(place, fingerprint)
            const dataKey = unseal(master, bytes.subarray(0, WRAPPED), bound)
            return Redacted.make(unseal(dataKey, bytes.subarray(WRAPPED), bound).toString("utf8"))
          },
          catch: () => new SecretUnreadable({ place, why: "it was changed, or belongs to another place" })
        })
      })
  }
}

const boundTo = ({ column, row, table }: Place, fingerprint: string) =>
  Buffer.from([table, String(row), column, fingerprint].join("\u0000"), "utf8")

const seal = (key: Buffer, clear: Buffer, bound: Buffer, random: (size: number) => Buffer) => {
  const nonce = random(NONCE)
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(bound)
  return Buffer.concat([nonce, cipher.update(clear), cipher.final(), cipher.getAuthTag()])
}

const unseal = (key: Buffer, sealed: Buffer, bound: Buffer) => {
  const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE), { authTagLength: TAG })
  decipher.setAAD(bound).setAuthTag(sealed.subarray(-TAG))
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()])
}

const VERSION = "v1"
const NONCE = 12
const TAG = 16
/** A wrapped key: nonce, 32 bytes, tag. */
const WRAPPED = NONCE + 32 + TAG
