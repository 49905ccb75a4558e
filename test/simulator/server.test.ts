/** The simulator on a socket, spoken to by the official client and by plain HTTP. */
import { request } from "node:http"
import { connect } from "node:net"
import Cloudflare, { APIConnectionError, APIError, RateLimitError } from "cloudflare"
import { afterEach, describe, expect, it } from "vitest"
import type { Simulator, SimulatorOptions } from "../../src/simulator/server.ts"
import { startSimulator } from "../../src/simulator/server.ts"
import { zoneId } from "../../src/simulator/state.ts"

const running: Array<Simulator> = []

const start = async (options: SimulatorOptions = {}) => {
  const simulator = await startSimulator(options)
  running.push(simulator)
  return {
    simulator,
    control: simulator.engine.control,
    client: new Cloudflare({ apiToken: "t", baseURL: simulator.url, maxRetries: 0, logLevel: "off" })
  }
}

afterEach(async () => {
  for (const simulator of running.splice(0)) await simulator.close()
})

const zone_id = zoneId("example.test")
const A = { zone_id, type: "A", name: "www", content: "192.0.2.1", ttl: 300 } as const

describe("the official client", () => {
  it("finds a zone, creates, pages, updates, batches and deletes", async () => {
    const { client } = await start()
    const zones = await client.zones.list({ name: "example.test" })
    expect(zones.result.map(({ id }) => id)).toEqual([zone_id])
    const posts = Array.from({ length: 250 }, (_, n) => ({ ...A, name: `host-${n}` }))
    const made = await client.dns.records.batch({ zone_id, posts })
    expect(made.posts).toHaveLength(250)
    const www = await client.dns.records.create(A)
    const seen = new Set<string>()
    for await (const { id } of client.dns.records.list({ zone_id, per_page: 100 })) seen.add(id)
    expect(seen.size).toBe(251)
    await client.dns.records.edit(www.id, { ...A, content: "192.0.2.2" })
    expect(await client.dns.records.get(www.id, { zone_id })).toMatchObject({ content: "192.0.2.2" })
    await client.dns.records.update(www.id, { ...A, content: "192.0.2.3" })
    await client.dns.records.delete(www.id, { zone_id })
    await expect(client.dns.records.get(www.id, { zone_id })).rejects.toMatchObject({ status: 404 })
    expect((await client.user.tokens.verify())?.status).toBe("active")
  })

  it("reads refusals with their code, reason and status", async () => {
    const { client } = await start()
    await client.dns.records.create(A)
    const duplicate = await client.dns.records.create(A).catch((error: unknown) => error)
    expect(duplicate).toBeInstanceOf(APIError)
    expect(duplicate).toMatchObject({ status: 400, errors: [{ code: 81058 }] })
    const bad = client.dns.records.create({ ...A, content: "nonsense" })
    await expect(bad).rejects.toMatchObject({ errors: [{ code: 1004, error_chain: [{ code: 9005 }] }] })
  })

  it("reads a 429 with its Retry-After, and a 5xx in HTML", async () => {
    const { client, control } = await start()
    control.block("t", 30)
    const limited = await client.dns.records.create(A).catch((error: unknown) => error)
    expect(limited).toBeInstanceOf(RateLimitError)
    expect(limited instanceof RateLimitError && limited.headers.get("retry-after")).toBe("30")
    control.reset()
    control.addFault({ effect: { do: "answer", status: 502, body: "html" } })
    await expect(client.dns.records.create(A)).rejects.toMatchObject({ status: 502 })
  })

  it.each(["close", "reset"] as const)("loses an answer (%s) after the commit, and lists the record", async (how) => {
    const { client, control } = await start()
    control.addFault({ match: { kind: "create" }, effect: { do: "lose", when: "after", how } })
    await expect(client.dns.records.create(A)).rejects.toBeInstanceOf(APIConnectionError)
    expect((await client.dns.records.list({ zone_id })).result).toHaveLength(1)
  })

  it("loses an answer before the commit, and lists nothing", async () => {
    const { client, control } = await start()
    control.addFault({ match: { kind: "create" }, effect: { do: "lose", when: "before" } })
    await expect(client.dns.records.create(A)).rejects.toBeInstanceOf(APIConnectionError)
    expect((await client.dns.records.list({ zone_id })).result).toEqual([])
  })

  it("gives up on a slow answer that was carried out", async () => {
    const { client, control } = await start()
    control.addFault({ match: { kind: "create" }, effect: { do: "slow", ms: 60_000 } })
    await expect(client.dns.records.create(A, { timeout: 200 })).rejects.toBeInstanceOf(APIConnectionError)
    expect((await client.dns.records.list({ zone_id })).result).toHaveLength(1)
  })

  it("waits for an answer that is slow but comes", async () => {
    const { client, control } = await start()
    control.addFault({ match: { kind: "create" }, effect: { do: "slow", ms: 150 } })
    const before = performance.now()
    expect((await client.dns.records.create(A)).content).toBe("192.0.2.1")
    expect(performance.now() - before).toBeGreaterThan(140)
  })
})

describe("the server", () => {
  it("cuts a body in the middle", async () => {
    const { control, simulator } = await start()
    control.addFault({ effect: { do: "lose", when: "after", how: "midway" } })
    const response = await fetch(`${simulator.url}/zones`, { headers: { Authorization: "Bearer t" } })
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow("terminated")
  })

  it.each([
    ["close", "end"],
    ["reset", "ECONNRESET"]
  ] as const)("loses a connection by %s so that the caller sees %s", async (how, seen) => {
    const { control, simulator } = await start()
    control.addFault({ effect: { do: "lose", when: "before", how } })
    const socket = connect(simulator.port, "127.0.0.1")
    const outcome = new Promise<string>((resolve) => {
      socket.on("end", () => resolve("end"))
      socket.on("error", (error) => resolve("code" in error ? String(error.code) : error.message))
    })
    socket.resume()
    socket.write("GET /client/v4/zones HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n")
    expect(await outcome).toBe(seen)
    socket.destroy()
  })

  it("answers a body that is too large, instead of keeping it", async () => {
    const { simulator } = await start()
    const response = await fetch(`${simulator.url}/zones/${zone_id}/dns_records/batch`, {
      method: "POST",
      headers: { Authorization: "Bearer t" },
      body: "x".repeat(20 * 1024 * 1024)
    })
    expect(response.status).toBe(413)
    expect(await response.json()).toMatchObject({ success: false })
  })

  it("serves the control beside the API", async () => {
    const { simulator } = await start()
    const response = await fetch(new URL("/control/zones", simulator.url), {
      method: "POST",
      body: JSON.stringify({ name: "more.test" })
    })
    expect(await response.json()).toEqual({ id: zoneId("more.test") })
  })

  it("keeps its zones over a restart from a snapshot, on another port too", async () => {
    const first = await start()
    const made = await first.client.dns.records.create(A)
    const second = await start({ snapshot: first.control.snapshot() })
    expect(second.simulator.port).not.toBe(first.simulator.port)
    expect(await second.client.dns.records.get(made.id, { zone_id })).toMatchObject({ content: "192.0.2.1" })
  })

  it("does not start on a port that is taken", async () => {
    const { simulator } = await start()
    await expect(startSimulator({ port: simulator.port })).rejects.toMatchObject({ code: "EADDRINUSE" })
  })

  it("closes at once though a connection waits for a slow answer", async () => {
    const { control, simulator } = await start()
    control.addFault({ effect: { do: "slow", ms: 60_000 } })
    const ended = new Promise<Error>((resolve) => {
      request(`${simulator.url}/zones`, { headers: { Authorization: "Bearer t" } })
        .on("error", resolve)
        .end()
    })
    await expect.poll(() => control.calls().length).toBe(1)
    const before = performance.now()
    await simulator.close()
    running.pop()
    expect(performance.now() - before).toBeLessThan(1000)
    expect((await ended).message).not.toBe("")
  })
})
