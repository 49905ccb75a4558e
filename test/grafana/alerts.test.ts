/** The alert rules that ship: each says what to do, is tested with promtool, and reads what Driftless publishes. */
import { spawnSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "vitest"
import { parse } from "yaml"
import { definitions } from "../../src/metrics.ts"
import { GRAFANA, hasPromtool, type Rule, withoutPromtool } from "./shipped.ts"

const ALERTS = new URL("alerts/", GRAFANA)
const RUNBOOKS = new URL("../docs/runbooks/", GRAFANA)

const read = (file: string) => parse(readFileSync(new URL(file, ALERTS), "utf8"))

const groups: ReadonlyArray<{ readonly name: string; readonly rules: ReadonlyArray<Rule> }> =
  read("driftless.rules.yaml").groups
const rules = groups.flatMap((group) => group.rules)
const testFiles = readdirSync(ALERTS).filter((file) => file.endsWith("_test.yaml"))

interface RuleTest {
  readonly alert_rule_test: ReadonlyArray<{ readonly alertname: string; readonly exp_alerts: ReadonlyArray<unknown> }>
}
const expectations = testFiles.flatMap((file) =>
  (read(file).tests as ReadonlyArray<RuleTest>).flatMap((each) => each.alert_rule_test)
)

describe.each(rules.map((rule) => [rule.alert, rule] as const))("%s", (name, { annotations, expr, labels }) => {
  it("says how urgent it is, what happens and where help is", () => {
    expect(name).toMatch(/^Driftless[A-Z][A-Za-z]+$/u)
    expect(["critical", "warning", "info"]).toContain(labels["severity"])
    expect(annotations["summary"]).toMatch(/^[A-Z].{10,80}[^.]$/u)
    expect(annotations["description"]).toMatch(/\.$/u)
  })

  it("has a runbook page that says what it means, how to see it and what to do", () => {
    const page = annotations["runbook_url"]?.split("/").at(-1) ?? ""
    const text = readFileSync(new URL(page, RUNBOOKS), "utf8")
    expect(text).toMatch(new RegExp(`^# ${name}\n`, "u"))
    expect(text).toContain(`Severity: ${labels["severity"]}.`)
    expect(text.match(/^## .*$/gmu)).toEqual(["## What it means", "## How to see it", "## What to do"])
  })

  it("is tested to fire, and to be quiet", () => {
    const mine = expectations.filter(({ alertname }) => alertname === name)
    expect(mine.some(({ exp_alerts: fires }) => fires.length > 0)).toBe(true)
    expect(mine.some(({ exp_alerts: fires }) => fires.length === 0)).toBe(true)
  })

  it("reads what Driftless publishes", () => {
    const known = new Set(Object.values(definitions).map((definition) => definition.name))
    const metrics = expr.match(/\b(?:driftless|controller_runtime|workqueue)_[a-z_]+/gu) ?? []
    expect(metrics.length).toBeGreaterThan(0)
    expect(metrics.filter((metric) => !known.has(metric.replace(/_(?:bucket|sum|count)$/u, "")))).toEqual([])
  })
})

it("no runbook page is left of an alert that is gone", () => {
  const pages = rules.map(({ annotations }) => annotations["runbook_url"]?.split("/").at(-1))
  expect(new Set(readdirSync(RUNBOOKS))).toEqual(new Set([...pages, "README.md"]))
})

const promtool = (...args: ReadonlyArray<string>) => {
  const { status, stderr, stdout } = spawnSync("promtool", args, { cwd: fileURLToPath(ALERTS), encoding: "utf8" })
  return { status, said: stdout + stderr }
}

it.runIf(hasPromtool)(`Prometheus takes the rules${withoutPromtool}`, () => {
  expect(promtool("check", "rules", "driftless.rules.yaml")).toMatchObject({ status: 0 })
})

it.runIf(hasPromtool)(`every alert fires and is quiet when its tests say so${withoutPromtool}`, () => {
  const { said, status } = promtool("test", "rules", ...testFiles)
  expect(status === 0 ? "" : said).toBe("")
})
