/** Secrets that an installation makes for itself, each a file of mode 0600 in the data directory. */
import { Data, Effect, Redacted } from "effect"
import { randomBytes } from "node:crypto"
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

export class SecretFileInvalid extends Data.TaggedError("SecretFileInvalid")<{
  readonly file: string
  readonly why: string
}> {
  override get message() {
    return `${this.file} ${this.why}`
  }
}

/** Where the command line looks for the administrator's token, too. */
export const ADMIN_TOKEN_FILE = "admin-token"
const ENCRYPTION_KEY_FILE = "encryption-key"

export const encryptionKeyIn = (directory: string) =>
  readOrMake(directory, ENCRYPTION_KEY_FILE, () => randomBytes(32).toString("base64")).pipe(
    Effect.flatMap(({ file, text }) => {
      const key = Buffer.from(text, "base64")
      return key.length === 32
        ? Effect.succeed(Redacted.make(key))
        : Effect.fail(new SecretFileInvalid({ file, why: "does not hold 32 bytes in base64; put the right key back" }))
    })
  )

export const adminTokenIn = (directory: string) =>
  readOrMake(directory, ADMIN_TOKEN_FILE, () => randomBytes(32).toString("hex")).pipe(
    Effect.map(({ file, text }) => ({ file, token: Redacted.make(text) }))
  )

/** Made at most once, also by two processes at a time: whoever comes second reads what the first wrote. */
const readOrMake = (directory: string, name: string, make: () => string) =>
  Effect.try({
    try: () => {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      const file = join(directory, name)
      try {
        writeFileSync(file, `${make()}\n`, { mode: 0o600, flag: "wx" })
      } catch (cause) {
        if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause
        chmodSync(file, 0o600)
      }
      return { file, text: readFileSync(file, "utf8").trim() }
    },
    catch: (cause) =>
      new SecretFileInvalid({
        file: join(directory, name),
        why: `cannot be written or read: ${cause instanceof Error ? cause.message : String(cause)}`
      })
  })
