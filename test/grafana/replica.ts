/** The product as a process of its own, and the documents that it is given. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"

const PROGRAM = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
const ADMIN = "admin-token-of-this-test"

export interface Replica {
  /** `host:port` of the metrics. */
  readonly metrics: string
  readonly apply: (...documents: ReadonlyArray<unknown>) => Promise<void>
  readonly remove: (kind: string, name: string) => Promise<void>
  readonly signal: (signal: "SIGSTOP" | "SIGCONT") => void
  /** As a crash: without a word. */
  readonly kill: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** `tokens` by the name of their credential; the rest are settings. Ready when it listens. */
export const startReplica = async (
  tokens: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>>
): Promise<Replica> => {
  const variables = Object.fromEntries(Object.entries(tokens).map(([name, token]) => [variableOf(name), token]))
  const child = spawn(process.execPath, [PROGRAM, "serve"], {
    env: {
      ...process.env,
      ...variables,
      DATABASE_URL: "",
      DRIFTLESS_ADMIN_TOKEN: ADMIN,
      DRIFTLESS_API_PORT: "0",
      DRIFTLESS_METRICS_PORT: "0",
      DRIFTLESS_DNS_CONCURRENCY: "20",
      DRIFTLESS_LOG_FORMAT: "json",
      DRIFTLESS_CREDENTIAL_ENV: Object.keys(variables).join(","),
      ...settings
    },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const orphaned = () => void child.kill("SIGKILL")
  process.once("exit", orphaned)
  const exit = once(child, "exit").finally(() => process.off("exit", orphaned))
  const said: Array<string> = []
  const urls = new Promise<RegExpExecArray>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      said.push(line)
      const found = /listens on (http:[^,\s]+), metrics on http:\/\/([^"\s]+)/u.exec(line)
      if (found !== null) resolve(found)
    })
    createInterface(child.stderr).on("line", (line) => said.push(line))
    void exit.then(() => reject(new Error(`the control plane ended:\n${said.slice(-20).join("\n")}`)))
  })
  const [, api = "", metrics = ""] = await urls

  const send = async (method: string, query: string, body?: unknown) => {
    const response = await fetch(`${api}/api/v1/manifests${query}`, {
      method,
      headers: { authorization: `Bearer ${ADMIN}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    if (!response.ok) throw new Error(`${method} ${query}: ${response.status} ${await response.text()}`)
  }
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await exit
  }
  return {
    metrics,
    apply: (...documents) => send("PUT", "", { documents }),
    remove: (kind, name) => send("DELETE", `?kind=${kind}&name=${name}`),
    signal: (signal) => void child.kill(signal),
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM")
  }
}

const variableOf = (credential: string) => `TOKEN_${credential.toUpperCase()}`

const document = (kind: string, name: string, spec: object) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata: { name },
  spec
})

export const aCredential = (name: string) =>
  document("Credential", name, { provider: "cloudflare", tokenFrom: { env: variableOf(name) } })

/** Its object is called like the zone, with hyphens. */
export const aZone = (domain: string, credential: string, settings: object = {}) =>
  document("Domain", objectName(domain), { domain, credentialRef: { name: credential }, ...settings })

export const aRecord = (domain: string, name: string, value: string) =>
  document("DnsRecord", recordName(domain, name), {
    domainRef: { name: objectName(domain) },
    type: "A",
    name,
    values: [value]
  })

export const recordName = (domain: string, name: string) => `${objectName(domain)}-${name}`

const objectName = (domain: string) => domain.replaceAll(".", "-")
