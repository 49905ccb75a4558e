/** The command line: its defaults, its mistakes, and that it starts and stops as a program should. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { describe, expect, it } from "vitest"
import { readArguments } from "../../src/simulator/main.ts"
import { zoneId } from "../../src/simulator/state.ts"

const MAIN = new URL("../../src/simulator/main.ts", import.meta.url).pathname

const run = (...args: ReadonlyArray<string>) => spawn(process.execPath, [MAIN, ...args])

describe("the arguments", () => {
  it("have the documented defaults", () => {
    expect(readArguments([])).toEqual({
      port: 8787,
      host: "127.0.0.1",
      plan: "enterprise",
      zones: ["example.test"],
      tokens: ["t"]
    })
  })

  it("take several zones and tokens", () => {
    const account = "0123456789abcdef".repeat(2)
    const args = `--port 0 --plan free --zone a.test --zone b.test --token x --host ::1 --account ${account}`.split(" ")
    expect(readArguments(args)).toEqual({
      port: 0,
      host: "::1",
      plan: "free",
      zones: ["a.test", "b.test"],
      tokens: ["x"],
      account
    })
  })

  it("are refused with every mistake named", () => {
    const args = [
      "--port",
      "99999",
      "--plan",
      "gold",
      "--zone",
      "nodots",
      "--zones",
      "x",
      "extra",
      "--account",
      "1",
      "--token"
    ]
    const result = readArguments(args)
    const mistakes = "mistakes" in result ? result.mistakes.join("\n") : ""
    for (const word of ["99999", "gold", "nodots", "--zones", "extra", "--account 1", "--token: needs"]) {
      expect(mistakes).toContain(word)
    }
  })

  it("may ask for help, whatever else they say", () => {
    expect(readArguments(["--help", "--plan", "gold"])).toEqual({ help: true })
  })
})

describe("the program", () => {
  it.each(["SIGTERM", "SIGINT"] as const)(
    "says where it listens, and ends with 0 within a second of %s",
    async (signal) => {
      const child = run("--port", "0", "--zone", "a.test", "--zone", "b.test")
      const [line]: ReadonlyArray<unknown> = await once(createInterface(child.stdout), "line")
      expect(line).toMatch(/http:\/\/127\.0\.0\.1:\d+\/client\/v4 /u)
      expect(line).toContain(`a.test (${zoneId("a.test")}), b.test (${zoneId("b.test")})`)
      const url = /http\S+/u.exec(String(line))?.[0] ?? ""
      // A kept-alive connection must not hold it up.
      expect((await fetch(`${url}/zones`, { headers: { Authorization: "Bearer t" } })).status).toBe(200)
      const before = performance.now()
      child.kill(signal)
      const [code]: ReadonlyArray<unknown> = await once(child, "exit")
      expect(code).toBe(0)
      expect(performance.now() - before).toBeLessThan(1000)
    }
  )

  it("ends with 2 and every mistake on standard error", async () => {
    const child = run("--port", "x", "--plan", "gold")
    const errors = child.stderr.toArray()
    const [code]: ReadonlyArray<unknown> = await once(child, "exit")
    expect(code).toBe(2)
    expect((await errors).join("")).toMatch(/port x.*\n.*plan gold/u)
  })

  it("prints its help and ends with 0", async () => {
    const child = run("--help")
    const text = child.stdout.toArray()
    const [code]: ReadonlyArray<unknown> = await once(child, "exit")
    expect(code).toBe(0)
    for (const option of ["--port", "--plan", "--zone", "--token", "--account", "--host"]) {
      expect((await text).join("")).toContain(option)
    }
  })
})
