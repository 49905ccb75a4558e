/** A day at the command line, against the running product: apply, watch, change, retry and delete, each waited for. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { expect, it, onTestFinished } from "vitest"
import { startSimulator } from "../../src/simulator/server.ts"
import { aFolder, begin, type Outcome, run, type RunOptions, texts } from "../cli/program.ts"
import { aDirectory, serve } from "../support/system-process.ts"
import { document, shown } from "../support/system-world.ts"

const TOKEN = "token-of-the-command-line"
const ZONE = "example.test"
const credential = (name: string, variable: string) =>
  document("Credential", name, { provider: "cloudflare", tokenFrom: { env: variable } })
const domain = (name: string, zone: string, spec: object = {}) =>
  document("Domain", name, { domain: zone, credentialRef: { name }, ...spec })
const record = (name: string, ...values: ReadonlyArray<string>) =>
  document("DnsRecord", name, { domainRef: { name: "main" }, type: "A", name, values })

it("brings records to Cloudflare, tells of them, and takes them away again", { timeout: 180_000 }, async () => {
  const stops = new AsyncDisposableStack()
  onTestFinished(() => stops.disposeAsync())
  const simulator = await startSimulator({ zones: [ZONE], tokens: [TOKEN] })
  stops.defer(() => simulator.close())
  const { control } = simulator.engine
  const zone = () => shown(control.records(ZONE))
  const directory = aDirectory(stops)
  const plane = await serve(
    {
      DRIFTLESS_DATA_DIR: directory,
      DRIFTLESS_ADMIN_TOKEN: "",
      CLOUDFLARE_API_TOKEN: TOKEN,
      CLOUDFLARE_BASE_URL: simulator.url,
      DRIFTLESS_CREDENTIAL_ENV: "CLOUDFLARE_API_TOKEN,TOKEN_THAT_IS_NOT_SET"
    },
    stops
  )
  // The token is found in the data directory, as on a machine of one's own.
  const environment = { DRIFTLESS_SERVER: plane.api, DRIFTLESS_DATA_DIR: directory }
  const driftless = (args: string, options: RunOptions = {}): Promise<Outcome> =>
    run(args.split(" "), { environment, ...options })

  // Applied and waited for, from a folder.
  const folder = await aFolder({
    "1-zone.yaml": texts(credential("main", "CLOUDFLARE_API_TOKEN"), domain("main", ZONE)),
    "2-records.yaml": texts(record("www", "192.0.2.1", "192.0.2.2"), record("shop", "192.0.2.3"))
  })
  expect(await driftless(`apply -f ${folder} --wait`)).toMatchObject({
    code: 0,
    stdout: ["credential/main", "domain/main", "dnsrecord/www", "dnsrecord/shop"]
      .map((each) => `${each} created\n`)
      .join("")
  })
  expect(zone()).toEqual([
    "shop.example.test A 192.0.2.3",
    "www.example.test A 192.0.2.1",
    "www.example.test A 192.0.2.2"
  ])

  // Watched while it is changed from stdin.
  const watch = begin(["get", "dnsrecords", "-w"], { environment })
  await watch.says(/^www +main +A +www +192\.0\.2\.1,192\.0\.2\.2 +True +Converged/mu)
  const before = control.records(ZONE).find(({ content }) => content === "192.0.2.3")?.id
  const changed = await driftless("apply -f - --wait", { stdin: texts(record("shop", "192.0.2.4")) })
  expect(changed).toMatchObject({ code: 0, stdout: "dnsrecord/shop configured\n" })
  expect(control.records(ZONE).find(({ content }) => content === "192.0.2.4")?.id).toBe(before)
  await watch.says(/^shop +main +A +shop +192\.0\.2\.4 +True +Converged/mu)

  // Refused by Cloudflare: the wait tells why, and a retry by hand does it at once.
  control.addFault({
    match: { kind: "write", body: "192.0.2.66" },
    times: "always",
    effect: { do: "answer", status: 400, code: 9005, message: "Content for A record is invalid." }
  })
  const refused = await driftless("apply -f - --wait --timeout 8s", { stdin: texts(record("bad", "192.0.2.66")) })
  expect(refused).toMatchObject({ code: 1, stdout: "dnsrecord/bad created\n" })
  expect(refused.stderr).toMatch(/^error: dnsrecord\/bad RejectedByProvider: .*Content for A record is invalid\./mu)
  expect(refused.stderr).toContain("gave up after 8s; the server goes on by itself")
  control.clearFaults()
  expect(await driftless("retry dnsrecord bad")).toMatchObject({ code: 0, stdout: "dnsrecord/bad retried: 1 record\n" })
  expect(await driftless("apply -f - --wait", { stdin: texts(record("bad", "192.0.2.66")) })).toMatchObject({
    code: 0,
    stdout: "dnsrecord/bad unchanged\n"
  })
  expect(zone()).toContain("bad.example.test A 192.0.2.66")
  expect(await driftless("retry dnsrecord bad")).toMatchObject({
    code: 0,
    stdout: "dnsrecord/bad has no rejected records\n"
  })

  // What only a person can help is not waited for until the end.
  const stalled = await driftless("apply -f - --wait --timeout 2m", {
    stdin: texts(credential("none", "TOKEN_THAT_IS_NOT_SET"), domain("none", "none.test"))
  })
  expect(stalled.code).toBe(1)
  expect(stalled.stderr).toMatch(/^error: domain\/none failed: TokenMissing: .*TOKEN_THAT_IS_NOT_SET/mu)
  expect(stalled.stderr).not.toContain("gave up")
  expect(await driftless("delete domain none --wait")).toMatchObject({ code: 0 })

  // Deleted by name, then all of the folder, and each time waited for.
  expect(await driftless("delete dns bad --wait")).toMatchObject({ code: 0 })
  expect(zone()).not.toContain("bad.example.test A 192.0.2.66")
  await watch.says(/^dnsrecord\/bad is gone$/mu)
  expect(await driftless(`delete -f ${folder} --wait`)).toMatchObject({ code: 0 })
  expect(zone()).toEqual([])
  const left = await driftless("get all -o name")
  expect(left).toMatchObject({ code: 0, stdout: "credential/none\n" })
  expect(await driftless("delete dns bad")).toMatchObject({ code: 1, stderr: "error: dnsrecord/bad not found\n" })

  // The watch bears a restart of the server, and ends when it is told to.
  await plane.end("SIGTERM")
  await watch.says(/trying again/u)
  watch.child.kill("SIGINT")
  expect((await watch.ended).code).toBe(130)
  expect(await driftless("get all")).toMatchObject({ code: 1, stderr: expect.stringContaining("error: ") })
  const token = readFileSync(join(directory, "admin-token"), "utf8").trim()
  expect(plane.output() + left.stdout + left.stderr).not.toContain(token)
})
