/**
 * The story of three replicas on a PostgreSQL: 500 records, and one fault after the other. After each the provider has
 * exactly what is asked for, nothing twice and nothing of the stranger touched, and every object says so of its present
 * generation. What needs the node to be this machine, or a command that only its owner knows, is left out plainly:
 *
 *   DRIFTLESS_STOP_API_SERVER, DRIFTLESS_CONTINUE_API_SERVER   shell commands
 *   DRIFTLESS_AUDIT_LOG                                        file with a JSON line a request
 */
import { Schema } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { API_VERSION } from "../../src/model/kinds/metadata.ts"
import { ok } from "./kubectl.ts"
import { NEW_FIELD, withChangedSchema } from "./support/changed-chart.ts"
import { given, leaveOut, openProxy, type Proxy, restrictedNamespace, run, until } from "./support/cluster.ts"
import { images } from "./support/images.ts"
import {
  asked,
  askFor,
  cleanUp,
  definitions,
  helm,
  listed,
  readyRecords,
  RELEASE,
  uninstall
} from "./support/installation.ts"
import { processOf, signal } from "./support/pods.ts"
import { granted, used, writes } from "./support/rights.ts"
import { BASE_URL, DATABASE_URL, type Simulator, startPostgres, startSimulator, ZONE } from "./support/workloads.ts"

const found = await images()
if (found !== undefined && found.postgres === undefined) {
  leaveOut("three replicas on a PostgreSQL", "DRIFTLESS_POSTGRES_IMAGE is not set")
}
const MINUTES = 60_000
const RECORDS = 500
const Events = Schema.fromJsonString(
  Schema.Struct({
    items: Schema.Array(
      Schema.Struct({ series: Schema.optionalKey(Schema.NullOr(Schema.Struct({ count: Schema.Int }))) })
    )
  })
)

describe.skipIf(found?.postgres === undefined)("three replicas on a PostgreSQL", () => {
  const { postgres = "", product } = found ?? { product: "" }
  const values = {
    replicas: 3,
    database: { url: DATABASE_URL },
    extraEnv: [
      { name: "CLOUDFLARE_BASE_URL", value: BASE_URL },
      // So often that this story sees the lists, and what they find.
      { name: "DRIFTLESS_KUBERNETES_RELIST", value: "20s" }
    ]
  }
  let before: ReadonlyArray<string> = []
  let proxy: Proxy
  let namespace: string
  let simulator: Simulator
  let asFound: ReadonlyArray<string>
  /** What is asked for now, by the record's name. */
  let wanted: Map<string, string>

  beforeAll(async () => {
    before = await definitions()
    proxy = await openProxy()
    namespace = await restrictedNamespace()
    simulator = await startSimulator(namespace, product, proxy)
    await startPostgres(namespace, postgres)
    asFound = await simulator.zone()
    wanted = new Map(asked(RECORDS).map((line) => [line.split(/[ .]/u)[1] ?? "", line]))
  })
  afterAll(async () => {
    if (namespace !== undefined) await cleanUp(namespace, before)
    proxy?.stop()
  })

  const pods = async () =>
    (await ok(["get", "pod", "-n", namespace, "-l", "app.kubernetes.io/component=controller", "-o", "name"]))
      .trim()
      .split("\n")
      .map((name) => name.replace("pod/", ""))

  const holder = async () => {
    const lease = ["get", "lease", RELEASE, "-n", namespace, "-o", "jsonpath={.spec.holderIdentity}"]
    return (await ok(lease)).split("/")[0] ?? ""
  }

  const converged = (seconds: number) =>
    until("every record is Ready and the provider has just what is asked for", seconds, async () => {
      if ((await readyRecords(proxy, namespace)) < wanted.size) return undefined
      const lines = [...asFound, ...wanted.values()].toSorted()
      const zone = await simulator.zone()
      if (JSON.stringify(zone) === JSON.stringify(lines)) return true
      const missing = lines.filter((line) => !zone.includes(line))
      throw new Error(`${zone.length} of ${lines.length} lines; missing: ${missing.slice(0, 5).join(", ")}`)
    })

  /** Gives a record another address, as an edit of its object. */
  const edit = async (name: string, address: string) => {
    const path = `/apis/${API_VERSION}/namespaces/${namespace}/dnsrecords/${name}`
    await proxy.call("PATCH", path, { spec: { values: [address] } }, "application/merge-patch+json")
    wanted.set(name, `A ${name}.${ZONE} ${address}`)
  }

  it("are installed, ready, and guarded against being evicted together", { timeout: 6 * MINUTES }, async () => {
    expect(await helm("install", namespace, product, values)).toContain("STATUS: deployed")
    expect(await pods()).toHaveLength(3)
    expect(await ok(["get", "pdb", RELEASE, "-n", namespace, "-o", "jsonpath={.status.disruptionsAllowed}"])).toBe("1")
  })

  it("make 500 records although one is killed in the middle", { timeout: 6 * MINUTES }, async () => {
    await askFor(namespace, RECORDS)
    await until("the first records are there", 60, async () => ((await simulator.zone()).length > 1 ? true : undefined))
    const victim = await holder()
    if (processOf(victim) === undefined) {
      leaveOut("SIGKILL of a process", "the node is another machine; the pod is deleted by force instead")
      await ok(["delete", "pod", victim, "-n", namespace, "--force", "--grace-period=0"])
    } else signal(victim, "SIGKILL")
    await converged(240)
  })

  it(
    "go on when the Lease's holder stands still past its lease, also when it moves again",
    { timeout: 6 * MINUTES },
    async (test) => {
      const stopped = await holder()
      if (processOf(stopped) === undefined) return test.skip("the node is another machine")
      signal(stopped, "SIGSTOP")
      try {
        await edit("r000", "203.0.113.1")
        await until("another replica holds the Lease", 45, async () =>
          (await holder()) === stopped ? undefined : true
        )
        await converged(60)
      } finally {
        signal(stopped, "SIGCONT")
      }
      await edit("r001", "203.0.113.2")
      await converged(60)
    }
  )

  it("go on when the API server stood still", { timeout: 6 * MINUTES }, async (test) => {
    const stop = given("DRIFTLESS_STOP_API_SERVER")
    const goOn = given("DRIFTLESS_CONTINUE_API_SERVER")
    if (stop === undefined || goOn === undefined) return test.skip("no command stops the API server")
    await edit("r002", "203.0.113.3")
    await stop()
    try {
      // Longer than a Lease and than any call's patience: those who watch must notice by themselves.
      await run("sleep", ["25"])
    } finally {
      await goOn()
    }
    await until("the API server answers", 60, () => ok(["get", "--raw", "/readyz"]))
    await edit("r003", "203.0.113.4")
    await converged(120)
  })

  it("go on when the PostgreSQL was started again", { timeout: 6 * MINUTES }, async () => {
    const restarts = async () =>
      ok([
        "get",
        "pod",
        "-n",
        namespace,
        "-l",
        "app=postgres",
        "-o",
        "jsonpath={.items[0].status.containerStatuses[0].restartCount}"
      ])
    const count = await restarts()
    // Its fast shutdown; the kubelet starts it again on the same data.
    await ok(["exec", "-n", namespace, "deployment/postgres", "--", "sh", "-c", "kill -INT 1"])
    await edit("r004", "203.0.113.5")
    await until("it was started again", 60, async () => ((await restarts()) === count ? undefined : true))
    await edit("r005", "203.0.113.6")
    await converged(120)
  })

  it("make the last of 200 edits within 10 s of one object, with few calls", { timeout: 3 * MINUTES }, async () => {
    await simulator.forget()
    const began = performance.now()
    for (let each = 1; each <= 200; each++) {
      await edit("r006", `203.0.113.${each}`)
      const ahead = began + each * 50 - performance.now()
      if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead))
    }
    await converged(60)
    const calls = await simulator.calls()
    const told = JSON.stringify(calls)
    process.stderr.write(`edit storm: 200 edits in ${Math.round(performance.now() - began)} ms, calls: ${told}\n`)
    expect(calls["total"]).toBeLessThan(60)
  })

  it("tell the same Event again by counting it", { timeout: 3 * MINUTES }, async () => {
    const path = `/apis/events.k8s.io/v1/namespaces/${namespace}/events?fieldSelector=regarding.name=r007`
    const counts = async () =>
      Schema.decodeSync(Events)(await proxy.call("GET", path)).items.map((each) => each.series?.count ?? 1)
    // Whoever holds the Lease now may not have told the first of them.
    for (const address of ["203.0.113.7", "203.0.113.8"]) {
      await edit("r007", address)
      await converged(60)
    }
    await until("it is counted", 60, async () => ((await counts()).some((count) => count > 1) ? true : undefined))
  })

  it("found nothing in their lists that the watches had not told", { timeout: 2 * MINUTES }, async () => {
    const metricsOf = (pod: string) =>
      proxy.call("GET", `/api/v1/namespaces/${namespace}/pods/${pod}:9090/proxy/metrics`)
    // Whoever holds the Lease makes them, and may have held it for less than what is between two.
    const all = await until("a list is made for safety", 60, async () => {
      const said = (await Promise.all((await pods()).map(metricsOf))).join("\n")
      return /^driftless_kubernetes_lists_total\{kind="DnsRecord",why="safety"\} [1-9]/mu.test(said) ? said : undefined
    })
    expect(all.match(/^driftless_kubernetes_divergences_total\{.*\} [1-9].*$/gmu) ?? []).toEqual([])
  })

  it("write nothing to the cluster at rest, though they look at all of it", { timeout: 4 * MINUTES }, async (test) => {
    const auditLog = process.env["DRIFTLESS_AUDIT_LOG"]
    if (auditLog === undefined) return test.skip("no audit log is given")
    const sofar = () => writes(auditLog, namespace, RELEASE).length
    const during = async (seconds: number) => {
      const before = sofar()
      await run("sleep", [String(seconds)])
      return writes(auditLog, namespace, RELEASE).slice(before)
    }
    // Events of 500 objects are told one after the other.
    await until("all is told", 90, async () => ((await during(5)).length === 0 ? true : undefined))
    // Longer than what is between two looks: at Secrets 10 s, by lists 20 s, at the zone 40 s.
    expect(await during(65)).toEqual([])
  })

  it("are upgraded with a changed schema and rolled back while records change", { timeout: 10 * MINUTES }, async () => {
    const field = `jsonpath={.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.${NEW_FIELD}.type}`
    const shown = () => ok(["get", "crd", "dnsrecords.driftless.dev", "-o", field])
    let isOver = false
    const changes = (async () => {
      for (let each = 0; !isOver; each++) {
        await edit(`r${100 + (each % 50)}`, `203.0.113.${(each % 250) + 1}`)
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    })()
    try {
      const newer = { ...values, podAnnotations: { "story/version": "newer" } }
      await withChangedSchema((chart) => helm("upgrade", namespace, product, newer, chart))
      // Definitions that were there before the story belong to nobody's release, and stay as they are.
      expect(await shown()).toBe(before.length === 0 ? "string" : "")
      await run("helm", ["rollback", RELEASE, "-n", namespace, "--wait", "--timeout", "240s"])
      expect(await shown()).toBe("")
    } finally {
      isOver = true
      await changes
    }
    await converged(120)
  })

  it("leave the zone as it was found when everything is deleted", { timeout: 6 * MINUTES }, async () => {
    await ok(["delete", "dnsrecords,domains,credentials", "--all", "-n", namespace, "--wait=false"])
    await until("all objects are gone", 240, async () => {
      const kinds = ["dnsrecords", "domains", "credentials"]
      const counts = await Promise.all(kinds.map(async (plural) => (await listed(proxy, namespace, plural)).length))
      return counts.every((count) => count === 0) ? true : undefined
    })
    expect(await simulator.zone()).toEqual(asFound)
  })

  it("used every right that they have, and asked for no other", async (test) => {
    const auditLog = process.env["DRIFTLESS_AUDIT_LOG"]
    if (auditLog === undefined) return test.skip("no audit log is given")
    const mayDo = await granted(namespace, RELEASE)
    const did = used(auditLog, namespace, RELEASE)
    expect(did.filter((right) => !mayDo.includes(right))).toEqual([])
    // One rule is for all kinds, which are treated alike: a verb of it is used when it was for one of them.
    const rule = (right: string) => right.replace(/ driftless\.dev\/\w+/u, " driftless.dev/*")
    const exercised = new Set(did.map(rule))
    expect(mayDo.filter((right) => !exercised.has(rule(right)))).toEqual([])
  })

  it("are removed without a finalizer left, and without a word to the provider", { timeout: 6 * MINUTES }, async () => {
    await askFor(namespace, 5)
    wanted = new Map(asked(5).map((line) => [line.split(/[ .]/u)[1] ?? "", line]))
    await converged(60)
    await uninstall(namespace)
    const left = (await listed(proxy, namespace, "dnsrecords")).map(({ metadata }) => metadata.finalizers ?? [])
    expect(left).toEqual([[], [], [], [], []])
    expect(await simulator.zone()).toEqual([...asFound, ...asked(5)].toSorted())
  })
})
