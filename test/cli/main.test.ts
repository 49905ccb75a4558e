/** What needs no server: help, version, completion and wrong use; and `driftless serve` from its start to its end. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import packageJson from "../../package.json" with { type: "json" }
import { aFolder, begin, run } from "./program.ts"

test("help, version and completion need neither a server nor a token", async () => {
  const [bare, help, version, completion] = await Promise.all([
    run([]),
    run(["apply", "--help"]),
    run(["--version"]),
    run(["--completions", "bash"])
  ])
  for (const { code, stderr } of [bare, help, version, completion])
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
  for (const command of ["serve", "apply", "get", "delete", "retry", "records"]) {
    expect(bare.stdout).toMatch(new RegExp(`^ {2}${command} `, "mu"))
    expect(completion.stdout).toContain(command)
  }
  for (const flag of ["--dry-run", "--server", "--kube-namespace"]) expect(completion.stdout).toContain(flag)
  expect(help.stdout).toContain("--dry-run")
  expect(version.stdout).toBe(`driftless v${packageJson.version}\n`)
})

describe("wrong use", () => {
  test.each([
    [["gett", "dns"], "Unknown subcommand"],
    [["get"], "Missing required argument"],
    [["get", "dns", "--fast"], "Unrecognized flag"],
    [["get", "dns", "-o", "xml"], "xml"],
    [["apply"], "--filename"],
    [["apply", "-f", "a.yaml", "--timeout", "soon"], "a duration such as 30s"],
    [["get", "pods", "--token", "t"], `there is no kind "pods"; the kinds are `],
    [["get", "dns/www", "mail", "--token", "t"], "write either KIND/NAME or KIND NAME"],
    [["get", "all", "www", "--token", "t"], "a name needs a kind before it"],
    [["apply", "-f", "a.yaml", "--dry-run", "--wait", "--token", "t"], "nothing to --wait for"],
    [["apply", "-f", "-", "-f", "-", "--token", "t"], "stdin can be read once"],
    [["delete", "--token", "t"], "name what to delete"],
    [["delete", "dns", "--token", "t"], "name what to delete"],
    [["retry", "credential", "c", "--token", "t"], "name what to retry"]
  ])("%j is told on stderr and ends with 2", async (args, words) => {
    const { code, stderr, stdout } = await run(args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" })
    expect(stderr).toMatch(/^error: /u)
    expect(stderr).toContain(words)
  })
})

describe("serve", () => {
  test("runs the control plane, which the other commands find by its data folder, until it is told to stop", async () => {
    const folder = await aFolder()
    const environment = {
      DRIFTLESS_DATA_DIR: folder,
      DRIFTLESS_API_PORT: "0",
      DRIFTLESS_METRICS_PORT: "0",
      DRIFTLESS_LOG_FORMAT: "json"
    }
    const { child, ended, says } = begin(["serve"], { environment })
    const log = await says(/the API listens on http:\S+,/u)
    const [, server = ""] = /the API listens on (http:\S+),/u.exec(log) ?? []
    const got = await run(["get", "all", "-o", "json", "--server", server], { environment })
    expect(got.stderr).toBe("")
    expect(JSON.parse(got.stdout).items).toEqual([])
    child.kill("SIGTERM")
    const { code, stderr, stdout } = await ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" })
    expect(stdout).not.toContain(readFileSync(join(folder, "admin-token"), "utf8").trim())
  })

  test("tells every wrong setting at once and ends with 2", async () => {
    const { code, stderr } = await run(["serve"], {
      environment: { DRIFTLESS_API_PORT: "x", DRIFTLESS_DNS_INTERVAL: "soon" }
    })
    expect(code).toBe(2)
    expect(stderr).toContain("DRIFTLESS_API_PORT")
    expect(stderr).toContain("DRIFTLESS_DNS_INTERVAL")
    expect(stderr).not.toContain("    at ")
  })
})
