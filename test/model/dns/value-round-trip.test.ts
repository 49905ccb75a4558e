/** What holds for every value of every type: writing and reading lose nothing, and a second plan finds nothing. */
import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { RecordType } from "../../../src/model/dns/record.ts"
import { canonicalText, parseDesired, parseObserved, toApi } from "../../../src/model/dns/value.ts"
import { anyValue, plainText } from "./arbitraries.ts"

const RUNS = { numRuns: 1000 }

describe("parseObserved", () => {
  it("reads what toApi wrote as the value that was asked for", () => {
    fc.assert(
      fc.property(anyValue, ({ desired, type }) => {
        const value = Result.getOrThrow(parseDesired(type, desired))
        expect(Result.getOrThrow(parseObserved(type, toApi(value)))).toEqual(value)
      }),
      RUNS
    )
  })

  it("reads each way in which Cloudflare returns a value as the value that was asked for", () => {
    fc.assert(
      fc.property(anyValue, ({ desired, returned, type }) => {
        const value = Result.getOrThrow(parseDesired(type, desired))
        for (const record of returned) expect(Result.getOrThrow(parseObserved(type, record))).toEqual(value)
      }),
      RUNS
    )
  })

  it("answers whatever it is given", () => {
    const record = fc.record({ content: fc.string(), data: fc.object(), priority: fc.option(fc.integer()) })
    fc.assert(
      fc.property(fc.constantFrom(...RecordType.literals), record, (type, given) => {
        const answer = Result.match(parseObserved(type, given), {
          onFailure: ({ message }) => message,
          onSuccess: (value) => `${type} ${canonicalText(value)}`
        })
        expect(answer).not.toBe("")
      }),
      RUNS
    )
  })
})

describe("parseDesired", () => {
  it("reads the canonical text of a value as that value", () => {
    fc.assert(
      fc.property(anyValue, ({ desired, type }) => {
        const value = Result.getOrThrow(parseDesired(type, desired))
        expect(Result.getOrThrow(parseDesired(type, canonicalText(value)))).toEqual(value)
      }),
      RUNS
    )
  })

  it("takes nothing that it could not read back from Cloudflare", () => {
    const input = fc.oneof(fc.string(), fc.stringMatching(/^\d{1,3} \d \d?[ a-z.,"=\\]{0,20}$/u))
    fc.assert(
      fc.property(fc.constantFrom(...RecordType.literals), input, (type, text) => {
        const value = parseDesired(type, text)
        if (Result.isFailure(value)) return
        expect(parseObserved(type, toApi(value.success))).toEqual(value)
        expect(parseDesired(type, canonicalText(value.success))).toEqual(value)
      }),
      RUNS
    )
  })
})

describe("toApi", () => {
  it("cuts TXT into quoted strings of at most 255 bytes, each one UTF-8 for itself", () => {
    fc.assert(
      fc.property(plainText, (text) => {
        const api = toApi(Result.getOrThrow(parseDesired("TXT", text)))
        const content = "content" in api ? api.content : ""
        const strings = [...content.matchAll(/"((?:[^"\\]|\\.)*)"/gsu)].map(([, inner = ""]) =>
          inner.replace(/\\(.)/gsu, "$1")
        )
        expect(strings.join("")).toBe(text)
        for (const string of strings) expect(Buffer.byteLength(string)).toBeLessThanOrEqual(255)
        expect(strings).not.toContainEqual(expect.stringMatching(/\p{Cs}/u))
      })
    )
  })
})
