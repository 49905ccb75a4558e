import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { mark, readComment, writeComment } from "../../../src/model/dns/comment.ts"

const OURS = "1a2b3c4d5e6f"
const THEIRS = "0123456789ab"

describe("readComment", () => {
  it.each([
    [null, { instance: null, text: "" }],
    [undefined, { instance: null, text: "" }],
    ["", { instance: null, text: "" }],
    ["by hand", { instance: null, text: "by hand" }],
    [`[driftless:${OURS}]`, { instance: OURS, text: "" }],
    [`web  pool [driftless:${OURS}]`, { instance: OURS, text: "web  pool" }],
    [`[driftless:${OURS}] added by hand`, { instance: OURS, text: "added by hand" }],
    [`a [driftless:${THEIRS}] b [driftless:${OURS}]`, { instance: OURS, text: "a b" }],
    [`[driftless:${OURS.toUpperCase()}]`, { instance: null, text: `[driftless:${OURS.toUpperCase()}]` }],
    [`[driftless:${OURS}0]`, { instance: null, text: `[driftless:${OURS}0]` }]
  ])("reads %j", (comment, expected) => {
    expect(readComment(comment)).toEqual(expected)
  })
})

describe("writeComment", () => {
  it("puts the mark behind the user's text", () => {
    expect(Result.getOrThrow(writeComment(OURS, " web pool ", 100))).toBe(`web pool [driftless:${OURS}]`)
  })

  it("writes the mark alone where there is no text", () => {
    expect(Result.getOrThrow(writeComment(OURS, "", 100))).toBe(mark(OURS))
  })

  it("leaves 75 characters for the text on a plan with 100", () => {
    expect(Result.getOrThrow(writeComment(OURS, "x".repeat(75), 100))).toHaveLength(100)
    expect(Result.getOrThrow(Result.flip(writeComment(OURS, "x".repeat(76), 100))).message).toBe(
      "the comment has 76 characters; beside the ownership mark this zone's plan leaves room for 75"
    )
  })

  it.each([
    ["two\nlines", "a line break"],
    ["two\rlines", "a line break"],
    ["half \uD800", "control character"],
    [`text [driftless:${THEIRS}]`, "holds a mark of Driftless"]
  ])("refuses %j", (text, message) => {
    expect(Result.getOrThrow(Result.flip(writeComment(OURS, text, 500))).message).toContain(message)
  })

  it("is undone by readComment", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const written = writeComment(OURS, text, 500)
        fc.pre(Result.isSuccess(written))
        expect(readComment(Result.getOrThrow(written))).toEqual({ instance: OURS, text: text.trim() })
      })
    )
  })
})
