/** The command line as a person runs it: a process of its own, with an environment that holds only what is given. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { onTestFinished } from "vitest"
import { ADMIN_TOKEN, type Surfaces } from "../support/control-plane.ts"

export interface Outcome {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly stdin?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly folder?: string
}

export type Run = (args: ReadonlyArray<string>, options?: RunOptions) => Promise<Outcome>

export const run: Run = async (args, options = {}) => {
  const { child, ended } = begin(args, options)
  child.stdin?.end(options.stdin ?? "")
  return ended
}

/** Runs against the server of a test, with its token. */
export const against =
  ({ url }: Surfaces): Run =>
  (args, options = {}) =>
    run(args, { ...options, environment: { ...asAdmin(url), ...options.environment } })

export const asAdmin = (url: string) => ({ DRIFTLESS_SERVER: url, DRIFTLESS_ADMIN_TOKEN: ADMIN_TOKEN })

export interface Begun {
  readonly child: ChildProcess
  readonly ended: Promise<Outcome>
  /** Resolves with all of stdout and stderr as soon as `pattern` is found in it; rejects when the program ends before. */
  readonly says: (pattern: RegExp) => Promise<string>
}

/** Starts without waiting; what a test leaves running is ended with it. */
export const begin = (args: ReadonlyArray<string>, { environment = {}, folder }: RunOptions = {}): Begun => {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    cwd: folder ?? tmpdir(),
    env: { PATH: process.env["PATH"], ...environment },
    stdio: ["pipe", "pipe", "pipe"]
  })
  const output = { stdout: "", stderr: "" }
  const listeners = new Set<() => void>()
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text
      for (const listener of listeners) listener()
    })
  }
  // A program that ends early leaves what it was sent unread.
  child.stdin.on("error", () => undefined)
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, ...output }))
  })
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const says = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const all = output.stdout + output.stderr
        if (pattern.test(all)) resolve(all)
      }
      listeners.add(look)
      look()
      void ended.then(() => reject(new Error(`it ended before it said ${pattern}: ${JSON.stringify(output)}`)))
    })
  return { child, ended, says }
}

const PROGRAM = join(import.meta.dirname, "../../src/cli/main.ts")

/** A folder with these files, gone with the test. */
export const aFolder = async (files: Readonly<Record<string, string>> = {}) => {
  const folder = await mkdtemp(join(tmpdir(), "driftless-cli-"))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text)
  return folder
}

export const credential = (name: string) =>
  document("Credential", name, { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } })

export const domain = (name: string, zone: string) =>
  document("Domain", name, { domain: zone, credentialRef: { name } })

export const record = (name: string, domainName: string, spec: object = {}) =>
  document("DnsRecord", name, { domainRef: { name: domainName }, type: "A", name, values: ["192.0.2.1"], ...spec })

const document = (kind: string, name: string, spec: object) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata: { name },
  spec
})

/** JSON is YAML, so one text serves both. */
export const texts = (...documents: ReadonlyArray<object>) =>
  documents.map((each) => JSON.stringify(each)).join("\n---\n")

/** Puts documents there without the program under test. */
export const put = async ({ send }: Surfaces, ...documents: ReadonlyArray<object>) => {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" }
  const { status, text } = await send("PUT", "/api/v1/manifests", { headers, body: JSON.stringify({ documents }) })
  if (status !== 200) throw new Error(text)
}

/** What the reconciler would have written when all of it were done. */
export const converge = async ({ sql }: Surfaces, zone: string) => {
  await sql(
    "delete from dns_records r using domains d where d.id = r.domain_id and d.domain = $1 and r.desired_state = 'absent'",
    [zone]
  )
  await sql(
    "update dns_records r set observed_generation = r.generation from domains d where d.id = r.domain_id and d.domain = $1",
    [zone]
  )
  await sql(
    "update reconcile_work w set observed = w.generation from domains d where d.id::text = w.key and d.domain = $1",
    [zone]
  )
}
