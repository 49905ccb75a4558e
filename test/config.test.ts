/** Settings: defaults, meanings, and every mistake at once. */
import { assert, describe, it } from "@effect/vitest"
import { Duration, Redacted, Result } from "effect"
import { randomBytes } from "node:crypto"
import { readdirSync, readFileSync } from "node:fs"
import { commandSettings, type Environment, readSettings, settings } from "../src/config.ts"

const KEY = randomBytes(32).toString("base64")
const read = (environment: Environment) => Result.getOrThrow(readSettings(environment))
const mistakes = (environment: Environment) => {
  const result = readSettings(environment)
  return Result.isFailure(result) ? result.failure.mistakes : []
}

describe("readSettings", () => {
  it("has a default for everything that can have one", () => {
    const all = read({})
    assert.strictEqual(all.DRIFTLESS_API_PORT, 8080)
    assert.strictEqual(all.DRIFTLESS_METRICS_PORT, 9090)
    assert.strictEqual(all.DRIFTLESS_HOST, "127.0.0.1")
    assert.strictEqual(all.DRIFTLESS_DATA_DIR, "./.driftless")
    assert.isTrue(all.DRIFTLESS_DNS_ENABLED)
    assert.strictEqual(Duration.toSeconds(all.DRIFTLESS_DNS_INTERVAL), 40)
    assert.deepStrictEqual(all.DRIFTLESS_CREDENTIAL_ENV, ["CLOUDFLARE_API_TOKEN"])
    assert.isUndefined(all.DATABASE_URL)
    assert.isUndefined(all.CLOUDFLARE_API_TOKEN)
    for (const [name, { about, default: initial, parse }] of Object.entries(settings)) {
      assert.isAbove(about.length, 10, name)
      if (initial !== undefined) assert.isTrue(Result.isSuccess<unknown, string>(parse(initial)), name)
    }
  })

  it("knows every variable that the program reads", () => {
    const known = new Set([...Object.keys(settings), ...Object.keys(commandSettings)])
    const source = new URL("../src/", import.meta.url)
    const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"))
    const named = files.flatMap(
      (name) => readFileSync(new URL(name, source), "utf8").match(/\bDRIFTLESS_[A-Z_]+\b/gu) ?? []
    )
    // Set by `npm start` for itself: the token of the simulator beside it.
    assert.deepStrictEqual(
      [...new Set(named)].filter((name) => !known.has(name)),
      ["DRIFTLESS_SIMULATOR_TOKEN"]
    )
  })

  it("counts an empty variable as not set", () => {
    assert.deepStrictEqual(read({ DRIFTLESS_API_PORT: "", DATABASE_URL: "" }), read({}))
  })

  it("tells every mistake at once, each by its variable", () => {
    const told = mistakes({
      DRIFTLESS_API_PORT: "70000",
      DRIFTLESS_LOG_LEVEL: "loud",
      DRIFTLESS_DNS_INTERVAL: "soon",
      DRIFTLESS_DNS_ENABLED: "perhaps",
      DRIFTLESS_ENCRYPTION_KEY: "c2hvcnQ=",
      DRIFTLESS_ADMIN_TOKEN: "short",
      CLOUDFLARE_BASE_URL: "ftp://example.test",
      DATABASE_URL: "mysql://example.test"
    })
    assert.deepStrictEqual(told.map((mistake) => mistake.split(" ", 1).join()).toSorted(), [
      "CLOUDFLARE_BASE_URL",
      "DATABASE_URL",
      "DRIFTLESS_ADMIN_TOKEN",
      "DRIFTLESS_API_PORT",
      "DRIFTLESS_DNS_ENABLED",
      "DRIFTLESS_DNS_INTERVAL",
      "DRIFTLESS_ENCRYPTION_KEY",
      "DRIFTLESS_LOG_LEVEL"
    ])
  })

  it("does not quote a secret that is wrong", () => {
    const told = mistakes({
      DRIFTLESS_ADMIN_TOKEN: "hunter2",
      DRIFTLESS_ENCRYPTION_KEY: "aHVudGVyMg==",
      DATABASE_URL: "mysql://u:hunter2@h/d"
    })
    assert.lengthOf(told, 3)
    assert.notMatch(told.join(), /hunter2|aHVudGVyMg/u)
  })

  it("wants an encryption key with DATABASE_URL, since no file of ours would be shared by the replicas", () => {
    const url = "postgres://user:password@host/database"
    const told = mistakes({ DATABASE_URL: url })
    assert.lengthOf(told, 1)
    assert.include(told[0], "DRIFTLESS_ENCRYPTION_KEY")
    const { DATABASE_URL, DRIFTLESS_ENCRYPTION_KEY } = read({ DATABASE_URL: url, DRIFTLESS_ENCRYPTION_KEY: KEY })
    assert.strictEqual(DATABASE_URL === undefined ? undefined : Redacted.value(DATABASE_URL), url)
    assert.strictEqual(
      DRIFTLESS_ENCRYPTION_KEY === undefined ? undefined : Redacted.value(DRIFTLESS_ENCRYPTION_KEY).length,
      32
    )
    assert.notInclude(JSON.stringify({ DATABASE_URL }), "password")
  })

  for (const [text, seconds] of [
    ["5s", 5],
    ["5 seconds", 5],
    ["1.5 m", 90],
    ["2500ms", 2.5],
    ["1h", 3600]
  ] as const) {
    it(`reads the duration ${text}`, () => {
      assert.strictEqual(Duration.toSeconds(read({ DRIFTLESS_DNS_INTERVAL: text }).DRIFTLESS_DNS_INTERVAL), seconds)
    })
  }

  for (const text of ["0s", "500ms", "25h", "-1s", "40", "1e3s"]) {
    it(`refuses the interval ${text}`, () => {
      assert.lengthOf(mistakes({ DRIFTLESS_DNS_INTERVAL: text }), 1)
    })
  }

  it("takes slashes off the end of a URL and spaces out of a list", () => {
    const { CLOUDFLARE_BASE_URL, DRIFTLESS_CREDENTIAL_ENV } = read({
      CLOUDFLARE_BASE_URL: "http://localhost:8787/client/v4//",
      DRIFTLESS_CREDENTIAL_ENV: " A, B,,"
    })
    assert.strictEqual(CLOUDFLARE_BASE_URL, "http://localhost:8787/client/v4")
    assert.deepStrictEqual(DRIFTLESS_CREDENTIAL_ENV, ["A", "B"])
  })
})
