/**
 * kubectl against the cluster that KUBECONFIG names, in a namespace that is made for one test file and removed with
 * it. The definitions are applied as `kubectl apply -f crds/` does; those that were not there before are removed.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { vi } from "vitest"
import { KIND_NAMES, kinds } from "../../src/model/kinds/kinds.ts"
import { API_GROUP } from "../../src/model/kinds/metadata.ts"

export interface Answer {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Of this file alone: what kubectl remembers of a server may be of definitions that were there before. */
const cache = mkdtempSync(join(tmpdir(), "driftless-kubectl-"))

/** What the process said, whatever it said. */
export const kubectl = (args: ReadonlyArray<string>, input = ""): Promise<Answer> => {
  if (process.env["KUBECONFIG"] === undefined)
    throw new Error("KUBECONFIG names no cluster; npm run test:cluster needs one")
  const child = spawn("kubectl", [`--cache-dir=${cache}`, ...args], {
    stdio: "pipe",
    timeout: 60_000,
    killSignal: "SIGKILL"
  })
  const { promise, reject, resolve } = Promise.withResolvers<Answer>()
  let [out, err] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
  child.on("error", reject).on("close", (code) => resolve({ code, out, err }))
  // A process that ends before it has read all says so by its code.
  child.stdin.on("error", () => {}).end(input)
  return promise
}

/** Its output; fails with what it said on stderr. */
export const ok = async (args: ReadonlyArray<string>, input?: string): Promise<string> => {
  const { code, err, out } = await kubectl(args, input)
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${err}${out}`)
  return out
}

export const json = async (args: ReadonlyArray<string>): Promise<unknown> =>
  JSON.parse(await ok([...args, "-o", "json"]))

export const DEFINITIONS = KIND_NAMES.map((kind) => `${kinds[kind].plural}.${API_GROUP}`)

export interface Namespace {
  readonly name: string
  readonly remove: () => Promise<void>
}

export const withDefinitions = async (): Promise<Namespace> => {
  const before = (await ok(["get", "crd", "-o", "name"])).split("\n")
  const made = DEFINITIONS.map((each) => `customresourcedefinition.apiextensions.k8s.io/${each}`).filter(
    (each) => !before.includes(each)
  )
  const name = `driftless-test-${randomBytes(4).toString("hex")}`
  await ok(["apply", "--server-side", "--force-conflicts", "-f", "crds/"])
  await ok(["create", "namespace", name])
  const remove = async () => {
    for (const each of DEFINITIONS) await kubectl(["delete", each, "--all", "-n", name])
    // Only a controller ends a namespace, and an API server alone has none.
    await ok(["delete", "namespace", name, "--wait=false"])
    if (made.length > 0) await ok(["delete", ...made])
    rmSync(cache, { recursive: true, force: true })
  }
  try {
    await ok(["wait", "--for=condition=Established", "--timeout=30s", ...DEFINITIONS.map((each) => `crd/${each}`)])
    // A definition is served a moment after it is established; a list tells.
    for (const each of DEFINITIONS) await vi.waitFor(() => ok(["get", each, "-n", name]), BOUND)
  } catch (cause) {
    await remove()
    throw cause
  }
  return { name, remove }
}

/** How long an API server may take to follow what it accepted. */
export const BOUND = { timeout: 30_000, interval: 100 }
