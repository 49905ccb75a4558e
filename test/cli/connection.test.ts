/** Where the command line looks for the server and for the token, and what it says when it finds none. */
import { mkdir, writeFile } from "node:fs/promises"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import { ADMIN_TOKEN, start, type Surfaces } from "../support/control-plane.ts"
import { aFolder, run } from "./program.ts"

let surfaces: Surfaces
beforeAll(async () => {
  surfaces = await start()
})
afterAll(() => surfaces.close())

const GET = ["get", "all", "-o", "json"]
const DRIFTLESS_ADMIN_TOKEN = ADMIN_TOKEN
const portOf = (url: string) => new URL(url).port

describe("the server", () => {
  test("is --server before DRIFTLESS_SERVER before this machine's DRIFTLESS_API_PORT", async () => {
    const { url } = surfaces
    const nobody = "http://127.0.0.1:9"
    const outcomes = await Promise.all([
      run([...GET, "--server", `${url}/`], { environment: { DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_SERVER: nobody } }),
      run(GET, { environment: { DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_SERVER: url, DRIFTLESS_API_PORT: "9" } }),
      run(GET, { environment: { DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_API_PORT: portOf(url) } })
    ])
    expect(outcomes.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      outcomes.map(() => ({ code: 0, stderr: "" }))
    )
  })

  test("that does not answer is named, with the way to start one", async () => {
    const closed = createServer()
    await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    const outcome = await run(GET, { environment: { DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_API_PORT: String(port) } })
    expect(outcome).toEqual({
      code: 1,
      stdout: "",
      stderr: `error: cannot reach http://127.0.0.1:${port}: nobody listens there; start a server with "driftless serve", or name another with --server\n`
    })
  })

  test.each([
    [404, "text/html", "<html>", "answers with HTTP 404, which driftless does not"],
    [200, "application/json", "{}", "answers, but not as this version of driftless expects"],
    [503, "application/json", `{"code":5001,"message":"it took too long","data":null}`, "it took too long (code 5001)"]
  ])("that answers %d with %s %j is told in one line", async (status, type, body, words) => {
    const server = createServer((_, response) => response.writeHead(status, { "content-type": type }).end(body))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
    const { port } = server.address() as AddressInfo
    const { code, stderr } = await run(GET, {
      environment: { DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_API_PORT: String(port) }
    })
    expect(code).toBe(1)
    expect(stderr).toContain(words)
    expect(stderr.trim().split("\n")).toHaveLength(1)
  })

  test("whose URL cannot be one is wrong use", async () => {
    const { code, stderr } = await run(GET, {
      environment: { DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_SERVER: "localhost:8080" }
    })
    expect(code).toBe(2)
    expect(stderr).toContain(`"localhost:8080" is not the URL of a server`)
  })
})

describe("the token", () => {
  test("is --token before DRIFTLESS_ADMIN_TOKEN before the file in DRIFTLESS_DATA_DIR", async () => {
    const wrong = "another-token-of-the-tests"
    const folder = await aFolder({ "admin-token": `${ADMIN_TOKEN}\n` })
    const bad = await aFolder({ "admin-token": wrong })
    const home = await aFolder()
    await mkdir(join(home, ".driftless"))
    await writeFile(join(home, ".driftless/admin-token"), ADMIN_TOKEN)
    const DRIFTLESS_SERVER = surfaces.url
    const outcomes = await Promise.all([
      run([...GET, "--token", ADMIN_TOKEN], { environment: { DRIFTLESS_SERVER, DRIFTLESS_ADMIN_TOKEN: wrong } }),
      run(GET, { environment: { DRIFTLESS_SERVER, DRIFTLESS_ADMIN_TOKEN, DRIFTLESS_DATA_DIR: bad } }),
      run(GET, { environment: { DRIFTLESS_SERVER, DRIFTLESS_DATA_DIR: folder } }),
      run(GET, { environment: { DRIFTLESS_SERVER }, folder: home })
    ])
    expect(outcomes.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      outcomes.map(() => ({ code: 0, stderr: "" }))
    )
  })

  test("that is nowhere is told with all ways to give one", async () => {
    const folder = await aFolder()
    const { code, stderr } = await run(GET, {
      environment: { DRIFTLESS_SERVER: surfaces.url, DRIFTLESS_DATA_DIR: folder }
    })
    expect(code).toBe(1)
    for (const way of ["--token", "DRIFTLESS_ADMIN_TOKEN", join(folder, "admin-token"), "DRIFTLESS_DATA_DIR"]) {
      expect(stderr).toContain(way)
    }
  })

  test("that the server does not know is told as that, and never printed", async () => {
    const { code, stderr, stdout } = await run([...GET, "--token", "a-token-nobody-knows"], {
      environment: { DRIFTLESS_SERVER: surfaces.url }
    })
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" })
    expect(stderr).toBe(
      "error: this token is not known here; give the right one with --token or DRIFTLESS_ADMIN_TOKEN (code 1002)\n"
    )
  })

  test("of this machine's file is not sent to another machine", async () => {
    const folder = await aFolder({ "admin-token": ADMIN_TOKEN })
    const { code, stderr } = await run(GET, {
      environment: { DRIFTLESS_DATA_DIR: folder, DRIFTLESS_SERVER: "http://localhost.example.test:8080" }
    })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "error: no token for http://localhost.example.test:8080: give --token or set DRIFTLESS_ADMIN_TOKEN\n"
    })
  })
})
