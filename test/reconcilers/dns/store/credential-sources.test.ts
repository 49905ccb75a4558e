import { Effect, Redacted } from "effect"
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { CredentialSources } from "../../../../src/reconcilers/dns/store/credential-sources.ts"

let root: string
let directory: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "driftless-sources-"))
  directory = join(root, "tokens")
  mkdirSync(join(directory, "team"), { recursive: true })
  writeFileSync(join(directory, "plain"), "  file-token\n")
  writeFileSync(join(directory, "team", "nested"), "nested-token")
  writeFileSync(join(directory, "empty"), " \n")
  writeFileSync(join(directory, "long"), "x".repeat(16 * 1024 + 1))
  writeFileSync(join(directory, "lines"), "one\ntwo")
  writeFileSync(join(root, "outside"), "outside-token")
  writeFileSync(join(root, "tokens-beside"), "outside-token")
  symlinkSync(join(root, "outside"), join(directory, "escape"))
  symlinkSync(root, join(directory, "up"))
  symlinkSync(join(directory, "plain"), join(directory, "alias"))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const environment = { LISTED: "env-token", EMPTY: "", UNLISTED: "secret-of-the-process" }

const ask = (
  use: (
    sources: CredentialSources["Service"]
  ) => Effect.Effect<Redacted.Redacted<string>, { reason: string; message: string }>,
  withDirectory = true
) =>
  Effect.runPromise(
    Effect.flatMap(CredentialSources, use).pipe(
      Effect.map(Redacted.value),
      Effect.catch((error) => Effect.succeed(error)),
      Effect.provide(
        CredentialSources.layer({
          environment,
          names: ["LISTED", "EMPTY"],
          directory: withDirectory ? directory : undefined
        })
      )
    )
  )

describe("env", () => {
  it("reads a variable that is listed", async () => {
    expect(await ask((sources) => sources.env("LISTED"))).toBe("env-token")
  })

  it("refuses any other variable, whether it is set or not", async () => {
    expect(await ask((sources) => sources.env("UNLISTED"))).toMatchObject({ reason: "NotAllowed" })
    expect(await ask((sources) => sources.env("NOBODY"))).toMatchObject({ reason: "NotAllowed" })
  })

  it("says so when the variable is empty", async () => {
    expect(await ask((sources) => sources.env("EMPTY"))).toMatchObject({ reason: "TokenMissing" })
  })
})

describe("file", () => {
  it.each([
    ["plain", "file-token"],
    ["team/nested", "nested-token"],
    ["team/../plain", "file-token"],
    ["alias", "file-token"]
  ])("reads %s, without the blanks around it", async (path, token) => {
    expect(await ask((sources) => sources.file(path))).toBe(token)
  })

  it.each([
    ["../outside", "NotAllowed"],
    ["../tokens-beside", "NotAllowed"],
    ["escape", "NotAllowed"],
    ["up/outside", "NotAllowed"],
    [".", "NotAllowed"],
    ["missing", "TokenMissing"],
    ["team", "TokenMissing"],
    ["empty", "TokenMissing"],
    ["long", "TokenUnreadable"],
    ["lines", "TokenUnreadable"]
  ])("refuses %s with %s", async (path, reason) => {
    const answer = await ask((sources) => sources.file(path))
    expect(answer).toMatchObject({ reason })
    expect(JSON.stringify(answer)).not.toMatch(/outside-token|one/u)
  })

  it("refuses an absolute path outside", async () => {
    expect(await ask((sources) => sources.file(join(root, "outside")))).toMatchObject({ reason: "NotAllowed" })
  })

  it("refuses all where no directory is set", async () => {
    expect(await ask((sources) => sources.file("plain"), false)).toMatchObject({ reason: "NotAllowed" })
  })
})
