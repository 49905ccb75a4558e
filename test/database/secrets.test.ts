/** Secrets at rest: what opens, what does not, and whose database it is. */
import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Redacted } from "effect"
import { createHash } from "node:crypto"
import { sql } from "kysely"
import { identify, instance, WrongEncryptionKey } from "../../src/database/instance.ts"
import { isEncrypted, type Place, Secrets } from "../../src/database/secrets.ts"
import { layerEmbedded, rows } from "../support/database.ts"

const key = (seed: string) => Redacted.make(createHash("sha256").update(seed).digest())
const ours = Secrets.layer(key("ours"))
const place: Place = { table: "api_keys", row: 7, column: "api_token" }
const token = Redacted.make("cf-token-ü-123")
const why = (at: Place, text: string) =>
  Effect.flatMap(Secrets, (secrets) => Effect.flip(secrets.decrypt(at, text))).pipe(
    Effect.map((error) => error.message)
  )

describe("Secrets", () => {
  it.effect("opens at its place with its key, and the envelope shows nothing of the secret", () =>
    Effect.gen(function* () {
      const { decrypt, encrypt } = yield* Secrets
      const text = yield* encrypt(place, token)
      assert.isTrue(isEncrypted(text))
      assert.isFalse(isEncrypted(Redacted.value(token)))
      assert.notInclude(text, Redacted.value(token))
      assert.notInclude(Buffer.from(text.split(":")[2] ?? "", "base64").toString("latin1"), "cf-token")
      assert.strictEqual(Redacted.value(yield* decrypt(place, text)), Redacted.value(token))
      const empty = yield* encrypt(place, Redacted.make(""))
      assert.strictEqual(Redacted.value(yield* decrypt(place, empty)), "")
    }).pipe(Effect.provide(ours))
  )

  it.effect("makes another envelope each time, so that equal secrets do not show", () =>
    Effect.gen(function* () {
      const { encrypt } = yield* Secrets
      assert.notStrictEqual(yield* encrypt(place, token), yield* encrypt(place, token))
    }).pipe(Effect.provide(ours))
  )

  for (const moved of [{ row: 8 }, { column: "name" }, { table: "tokens" }]) {
    it.effect(`does not open at another ${Object.keys(moved).join()}`, () =>
      Effect.gen(function* () {
        const { encrypt } = yield* Secrets
        const at = { ...place, ...moved }
        const message = yield* why(at, yield* encrypt(place, token))
        assert.include(message, `${at.table}.${at.column} of row ${at.row}`)
        assert.notInclude(message, "cf-token")
      }).pipe(Effect.provide(ours))
    )
  }

  it.effect("does not open with another key, and says which it was made with", () =>
    Effect.gen(function* () {
      const { encrypt, fingerprint } = yield* Secrets
      const text = yield* encrypt(place, token)
      assert.include(
        yield* Effect.provide(why(place, text), Secrets.layer(key("theirs")), { local: true }),
        fingerprint
      )
      // Nor when the envelope lies about its key.
      const theirs = yield* Effect.provide(
        Effect.map(Secrets, (s) => s.fingerprint),
        Secrets.layer(key("theirs")),
        { local: true }
      )
      yield* Effect.provide(why(place, text.replace(fingerprint, theirs)), Secrets.layer(key("theirs")), {
        local: true
      })
    }).pipe(Effect.provide(ours))
  )

  it.effect("does not open when any byte was changed, or some are missing", () =>
    Effect.gen(function* () {
      const { encrypt } = yield* Secrets
      const text = yield* encrypt(place, token)
      const [version, fingerprint, body = ""] = text.split(":")
      const bytes = Buffer.from(body, "base64")
      const envelope = (changed: Buffer) => `${version}:${fingerprint}:${changed.toString("base64")}`
      for (let i = 0; i < bytes.length; i++) {
        const changed = Buffer.from(bytes)
        changed[i] = changed[i]! ^ 1
        yield* why(place, envelope(changed))
      }
      for (const length of [0, 10, 60, bytes.length - 1]) yield* why(place, envelope(bytes.subarray(0, length)))
      for (const odd of ["", "v1", "v2:a:b", `${text}:more`, "clear"]) yield* why(place, odd)
    }).pipe(Effect.provide(ours))
  )

  it.effect("names a secret by the same hash each time, another one under another key", () =>
    Effect.gen(function* () {
      const { hash } = yield* Secrets
      assert.match(hash(token), /^[0-9a-f]{32}$/u)
      assert.strictEqual(hash(token), hash(Redacted.make(Redacted.value(token))))
      assert.notStrictEqual(hash(token), hash(Redacted.make("other")))
      const theirs = yield* Effect.provide(
        Effect.map(Secrets, (s) => s.hash(token)),
        Secrets.layer(key("theirs")),
        { local: true }
      )
      assert.notStrictEqual(hash(token), theirs)
      // What the database stores must not change between versions of the program.
      assert.strictEqual(hash(token), "c5f80bdff9be78ac7e47a763fad1a56e")
    }).pipe(Effect.provide(ours))
  )
})

layer(layerEmbedded)("identify", (it) => {
  it.effect("keeps the first id and key, and refuses another key with a way out", () =>
    Effect.gen(function* () {
      const first = yield* Effect.provide(identify("0123456789ab"), ours)
      assert.strictEqual(first, "0123456789ab")
      assert.strictEqual(yield* Effect.provide(identify("ffffffffffff"), ours), first)
      const refused = yield* Effect.flip(Effect.provide(identify("ffffffffffff"), Secrets.layer(key("theirs"))))
      assert.instanceOf(refused, WrongEncryptionKey)
      assert.include(refused.message, "DRIFTLESS_ENCRYPTION_KEY")
      assert.include(refused.message, (yield* instance()).key_fingerprint ?? "none")
      const invalid = yield* Effect.flip(rows(sql`update driftless_instance set instance_id = 'Not Hex'`))
      assert.strictEqual(invalid.sqlState, "23514")
    })
  )
})
