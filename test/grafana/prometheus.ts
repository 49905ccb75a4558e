/**
 * A real Prometheus that scrapes every second, with the shipped rules on a clock 60 times as fast, and the
 * Alertmanager that it tells: an alert that fires arrives as a call, so nobody has to ask for it again and again.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { EventEmitter, once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { stringify } from "yaml"
import { renderRules } from "../../tools/dashboards/alert.ts"
import { alertGroups } from "../../tools/dashboards/main.ts"

export const FASTER = 60

interface Notice {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
  readonly startsAt: string
  /** In the past when the alert is over. */
  readonly endsAt: string
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Prometheus {
  /** The alert as it fires or has fired since then; rejects when it does not within `patience`. Milliseconds. */
  readonly fired: (alert: string, patience: number, since?: number) => Promise<Notice>
  /** Each series that has had a finite value since the start, with the last of them. */
  readonly history: (expr: string) => Promise<ReadonlyArray<Series>>
  readonly stop: () => Promise<void>
}

/**
 * Targets are `host:port`. Ready when each was scraped: Prometheus finds its targets seconds after it listens, and what
 * a target counted before the first scrape is no increase.
 */
export const startPrometheus = async (...targets: ReadonlyArray<string>): Promise<Prometheus> => {
  const began = Date.now() / 1000
  const directory = mkdtempSync(join(tmpdir(), "driftless-prometheus-"))
  const alerts = await startAlertmanager()
  writeFileSync(join(directory, "rules.yaml"), renderRules(alertGroups, { faster: FASTER }))
  writeFileSync(join(directory, "scraped.yaml"), firesWhenScraped(targets.length))
  writeFileSync(join(directory, "prometheus.yaml"), configuration(targets, alerts.address))
  const child = spawn(
    "prometheus",
    [
      "--config.file=prometheus.yaml",
      "--storage.tsdb.path=data",
      "--web.listen-address=127.0.0.1:0",
      "--rules.alert.resend-delay=1s"
    ],
    { cwd: directory, stdio: ["ignore", "ignore", "pipe"] }
  )
  const orphaned = () => void child.kill("SIGKILL")
  process.once("exit", orphaned)
  const url = `http://${await addressIn(child)}`
  await alerts.fired(SCRAPED, PATIENCE)
  return {
    fired: alerts.fired,
    history: async (expr) => {
      const query = new URLSearchParams({
        query: expr,
        start: String(began),
        end: String(Date.now() / 1000),
        step: "1"
      })
      const response = await fetch(`${url}/api/v1/query_range`, { method: "POST", body: query })
      const { data, error }: RangeAnswer = JSON.parse(await response.text())
      if (data === undefined) throw new Error(`${expr}: ${error ?? response.status}`)
      return data.result.flatMap(({ metric, values }) => {
        const value = values.map(([, text]) => Number(text)).findLast(Number.isFinite)
        return value === undefined ? [] : [{ labels: metric, value }]
      })
    },
    stop: async () => {
      const gone = once(child, "exit")
      child.kill("SIGTERM")
      await gone
      process.off("exit", orphaned)
      await alerts.stop()
      rmSync(directory, { recursive: true })
    }
  }
}

interface RangeAnswer {
  readonly error?: string
  readonly data?: {
    readonly result: ReadonlyArray<{
      readonly metric: Readonly<Record<string, string>>
      readonly values: ReadonlyArray<readonly [number, string]>
    }>
  }
}

const configuration = (targets: ReadonlyArray<string>, alertmanager: string) =>
  stringify({
    global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
    rule_files: ["rules.yaml", "scraped.yaml"],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: [{ job_name: "driftless", static_configs: [{ targets, labels: { namespace: "edge" } }] }]
  })

/** An alert of our own, so that the first scrapes are told as all else is. */
const SCRAPED = "EveryTargetScraped"
const firesWhenScraped = (targets: number) =>
  stringify({ groups: [{ name: "scraped", rules: [{ alert: SCRAPED, expr: `count(up == 1) == ${targets}` }] }] })

/** Milliseconds, of a loaded machine. */
const PATIENCE = 60_000

/** Where it listens, from its log. */
const addressIn = async (child: ChildProcess) => {
  if (child.stderr === null) throw new Error("Prometheus has no log")
  const said: Array<string> = []
  for await (const line of createInterface(child.stderr)) {
    said.push(line)
    const address = /msg="Listening on" address=(\S+)/u.exec(line)?.[1]
    if (address === undefined) continue
    // Nobody reads on, but a full pipe would hold it up.
    child.stderr.resume()
    return address
  }
  throw new Error(`Prometheus did not start:\n${said.join("\n")}`)
}

const startAlertmanager = async () => {
  const notices: Array<Notice> = []
  const arrivals = new EventEmitter()
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const told: ReadonlyArray<Notice> = JSON.parse(Buffer.concat(chunks).toString("utf8"))
      notices.push(...told.filter(({ endsAt }) => Date.parse(endsAt) > Date.now()))
      arrivals.emit("arrival")
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const fired = async (alert: string, patience: number, since = 0) => {
    const signal = AbortSignal.timeout(patience)
    while (true) {
      const found = notices.find(
        ({ labels, startsAt }) => labels["alertname"] === alert && Date.parse(startsAt) >= since
      )
      if (found !== undefined) return found
      await once(arrivals, "arrival", { signal }).catch((cause: unknown) => {
        const heard = new Set(notices.map(({ labels }) => labels["alertname"]))
        throw new Error(`${alert} did not fire; others did: ${[...heard].join(", ")}`, { cause })
      })
    }
  }
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { address: `127.0.0.1:${port}`, fired, stop }
}
