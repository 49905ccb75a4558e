/**
 * What a story needs of a cluster beside kubectl: helm, plain requests through `kubectl proxy`, namespaces that enforce
 * the restricted standard, and waits that have a bound and say what they waited for.
 */
import { spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ok } from "../kubectl.ts"

/** Its output; fails with what it said. */
export const run = (command: string, args: ReadonlyArray<string>, seconds = 300): Promise<string> => {
  const { promise, reject, resolve } = Promise.withResolvers<string>()
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: seconds * 1000,
    killSignal: "SIGKILL"
  })
  let [out, err] = ["", ""]
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text))
  child.on("error", reject).on("close", (code) => {
    if (code === 0) resolve(out)
    else reject(new Error(`${command} ${args.join(" ")} (${code}): ${err}${out}`))
  })
  return promise
}

/** Answers what `look` answers once it is not undefined. Errors count as "not yet": a cluster may be away for a while. */
export const until = async <A>(what: string, seconds: number, look: () => Promise<A | undefined>): Promise<A> => {
  const end = performance.now() + seconds * 1000
  let last: unknown = "it was not so"
  for (;;) {
    const found = await look().catch((error: unknown) => void (last = error))
    if (found !== undefined) return found as A
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s`, { cause: last })
    const { promise, resolve } = Promise.withResolvers<void>()
    setTimeout(resolve, 300)
    await promise
  }
}

export interface Proxy {
  /** One request to the API server as the kubeconfig's user; the body as text. Fails unless it is answered with 2xx. */
  readonly call: (method: string, path: string, body?: unknown, type?: string) => Promise<string>
  readonly stop: () => void
}

/** Faster than a kubectl a request, for storms and for looks at the provider. */
export const openProxy = async (): Promise<Proxy> => {
  const child = spawn("kubectl", ["proxy", "--port=0"], { stdio: ["ignore", "pipe", "inherit"] })
  const { promise, reject, resolve } = Promise.withResolvers<string>()
  child.on("error", reject).on("exit", (code) => reject(new Error(`kubectl proxy ended with ${code}`)))
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const at = /127\.0\.0\.1:\d+/u.exec(text)?.[0]
    if (at !== undefined) resolve(`http://${at}`)
  })
  const url = await promise
  const call: Proxy["call"] = async (method, path, body, type = "application/json") => {
    const answer = await fetch(url + path, {
      method,
      signal: AbortSignal.timeout(20_000),
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": type } })
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`)
    return text
  }
  return { call, stop: () => void child.kill() }
}

/** A namespace in which only restricted pods are let in. */
export const restrictedNamespace = async (): Promise<string> => {
  const name = `driftless-story-${randomBytes(4).toString("hex")}`
  await ok(["create", "namespace", name])
  await ok(["label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted"])
  return name
}

/** A file with this text, gone afterwards. */
export const withFile = async <A>(text: string, use: (file: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "driftless-story-"))
  try {
    const file = join(directory, "file.json")
    writeFileSync(file, text)
    return await use(file)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A command that a person gives by the environment; undefined where there is none. */
export const given = (variable: string): (() => Promise<string>) | undefined => {
  const command = process.env[variable]
  return command === undefined || command === "" ? undefined : () => run("sh", ["-c", command])
}

export const leaveOut = (part: string, why: string) => process.stderr.write(`left out: ${part} (${why})\n`)
