/** Objects of a real API server, taken in with the rights of the chart and no others, behind a faulty proxy. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest"
import { layerHttp } from "../../src/providers/kubernetes-http.ts"
import { type Right, rights } from "../../src/reconcilers/kubernetes/rbac.ts"
import { aCredential, aDomain, aRecord } from "../support/cluster-objects.ts"
import { type IntakeWorld, OTHER_TOKEN, startIntakeWorld, TOKEN } from "../support/intake-world.ts"
import { type Asked, type Proxy, rest, startProxy } from "../support/kubernetes-proxy.ts"
import { kubectl, type Namespace, ok, withDefinitions } from "./kubectl.ts"
import { restricted, type Restricted } from "./support/restricted.ts"

const ZONE = "cluster.test"
const BOUND = { timeout: 60_000, interval: 50 }
let namespace: Namespace
let account: Restricted
let proxy: Proxy
let world: IntakeWorld

beforeAll(async () => {
  namespace = await withDefinitions()
  account = await restricted(namespace.name)
  proxy = await startProxy(account.access)
  world = await startIntakeWorld({
    cluster: layerHttp(proxy.access),
    namespace: namespace.name,
    zones: [ZONE, "second.test"]
  })
  await world.intake({ watchNamespaces: [namespace.name] })
  await apply(
    secret(TOKEN),
    document("Credential", "cloudflare", aCredential),
    document("Domain", "example", aDomain(ZONE))
  )
})
afterEach(() => {
  proxy.fault = () => undefined
  proxy.lines = (line) => [line]
})
afterAll(async () => {
  await ok(["delete", "dnsrecords,domains,credentials", "--all", ...here(), "--timeout=60s"]).catch(() => undefined)
  await world?.close()
  await proxy?.close()
  await account?.close()
  await namespace?.remove()
})

const here = () => ["-n", namespace.name]
const document = (kind: string, name: string, spec: object) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata: { name, namespace: namespace.name },
  spec
})
const secret = (token: string) => ({
  apiVersion: "v1",
  kind: "Secret",
  metadata: { name: "cloudflare", namespace: namespace.name },
  stringData: { token }
})
const apply = (...documents: ReadonlyArray<unknown>) =>
  ok(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: documents }))
const waitReady = async (...what: ReadonlyArray<string>) => { const t = performance.now(); const r = await waitReady0(...what); console.log("WAIT", what.join(), Math.round(performance.now() - t)); return r }
const waitReady0 = (...what: ReadonlyArray<string>) =>
  ok(["wait", "--for=condition=Ready", "--timeout=60s", ...what, ...here()])
const reasonOf = (kind: string, name: string) =>
  ok(["get", kind, name, ...here(), "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].reason}`])
const records = () =>
  world.simulator.engine.control
    .records(ZONE)
    .filter(({ type }) => type === "A")
    .map(({ content, name }) => `${name.slice(0, -ZONE.length - 1)} ${content}`)
    .toSorted()
const writes = (asked: ReadonlyArray<Asked>) =>
  asked.filter(({ method, path }) => method !== "GET" && !path.includes("/leases"))

describe("objects of a real API server", () => {
  it("are Ready when the provider is as they ask, and kubectl wait tells the truth during an edit", async () => {
    const names = Array.from({ length: 50 }, (_, index) => `r${index}`)
    await apply(...names.map((name, index) => document("DnsRecord", name, aRecord(name, [`192.0.2.${index + 1}`]))))
    await waitReady("dnsrecords", "--all")
    expect(records()).toEqual(names.map((name, index) => `${name} 192.0.2.${index + 1}`).toSorted())
    await waitReady("domains,credentials", "--all")
    for (const value of ["198.51.100.1", "198.51.100.2", "198.51.100.3"]) {
      await ok([
        "patch",
        "dnsrecord",
        "r0",
        ...here(),
        "--type=merge",
        "-p",
        JSON.stringify({ spec: { values: [value] } })
      ])
      await waitReady("dnsrecord/r0")
      expect(records()).toContain(`r0 ${value}`)
    }
  })

  it("are not written to at rest, though each of them is looked at again", async () => {
    await waitReady("dnsrecords", "--all")
    const idle = async () => {
      const [row] = await world.sql<{ left: number }>(
        "select count(*)::int as left from reconcile_work where reconciler = 'kubernetes' and (owner is not null or due_at <= now())"
      )
      expect(row?.left).toBe(0)
    }
    { const t = performance.now(); await vi.waitFor(idle, BOUND); console.log("IDLE", Math.round(performance.now() - t)) }
    const from = proxy.asked.length
    await world.sql("update reconcile_work set due_at = now() where reconciler = 'kubernetes'")
    { const t = performance.now(); await vi.waitFor(idle, BOUND); console.log("IDLE", Math.round(performance.now() - t)) }
    expect(writes(proxy.asked.slice(from))).toEqual([])
  })

  it("that is edited two hundred times in a row ends with the last value, in few calls of the provider", async () => {
    const { control } = world.simulator.engine
    control.clearCalls()
    const edits = Array.from({ length: 200 }, (_, index) => `203.0.113.${(index % 200) + 1}`)
    const path = `/apis/driftless.dev/v1alpha1/namespaces/${namespace.name}/dnsrecords/r1`
    for (const value of edits) await rest(proxy.access, "PATCH", path, { spec: { values: [value] } })
    await waitReady("dnsrecord/r1")
    await vi.waitFor(() => expect(records()).toContain("r1 203.0.113.200"), BOUND)
    expect(control.counts()["total"] ?? 0).toBeLessThan(25)
  })

  it("follow a token that was rotated, within seconds", async () => {
    const { control } = world.simulator.engine
    control.setToken(TOKEN, { active: false })
    await ok(["patch", "dnsrecord", "r2", ...here(), "--type=merge", "-p", '{"spec":{"values":["198.51.100.9"]}}'])
    await vi.waitFor(async () => expect(await reasonOf("dnsrecord", "r2")).toBe("CredentialRejected"), BOUND)
    const began = performance.now()
    await apply(secret(OTHER_TOKEN))
    await waitReady("dnsrecord/r2")
    expect(performance.now() - began).toBeLessThan(20_000)
    expect(records()).toContain("r2 198.51.100.9")
    await waitReady("domains,credentials", "--all")
  })

  it("may not name variables of the controller", async () => {
    await apply(
      document("Credential", "from-env", { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } })
    )
    await vi.waitFor(async () => expect(await reasonOf("credential", "from-env")).toBe("NotAllowed"), BOUND)
    await ok(["delete", "credential", "from-env", ...here(), "--timeout=30s"])
  })

  it("show a second Domain of a zone as Conflict, which names the first", async () => {
    await apply(document("Domain", "again", aDomain(ZONE)))
    await vi.waitFor(async () => expect(await reasonOf("domain", "again")).toBe("Conflict"), BOUND)
    const said = await ok([
      "get",
      "domain",
      "again",
      ...here(),
      "-o",
      `jsonpath={.status.conditions[?(@.type=="Ready")].message}`
    ])
    expect(said).toContain(`${namespace.name}/example`)
    await ok(["delete", "domain", "again", ...here(), "--timeout=30s"])
  })

  it("show Events, once for each that matters", async () => {
    const events = async () =>
      ok([
        "get",
        "events.events.k8s.io",
        ...here(),
        "-o",
        `jsonpath={range .items[?(@.regarding.kind=="DnsRecord")]}{.reason}{"\\n"}{end}`
      ])
    await vi.waitFor(async () => expect(await events()).toContain("Converged"), BOUND)
    expect(await ok(["describe", "dnsrecord", "r2", ...here()])).toContain("driftless.dev/controller")
  })
})

describe("a faulty connection to a real API server", () => {
  it("loses and doubles nothing", async () => {
    let at = 0
    proxy.fault = ({ path }) => {
      if (path.includes("/leases")) return undefined
      const turn = at++ % 16
      if (turn === 2) return { do: "reset" }
      if (turn === 5) return { do: "answer", status: 503 }
      return turn === 7 ? { do: "answer", status: 429, headers: { "retry-after": "1" } } : undefined
    }
    const cuts = setInterval(() => proxy.cut(at % 2 === 0 ? "reset" : "close"), 500)
    const names = Array.from({ length: 40 }, (_, index) => `f${index}`)
    try {
      await apply(...names.map((name, index) => document("DnsRecord", name, aRecord(name, [`192.0.2.${index + 101}`]))))
      await ok(["delete", "dnsrecords", ...names.slice(0, 20), ...here(), "--wait=false"])
      await waitReady(...names.slice(20).map((name) => `dnsrecord/${name}`))
      await ok([
        "wait",
        "--for=delete",
        "--timeout=60s",
        ...names.slice(0, 20).map((name) => `dnsrecord/${name}`),
        ...here()
      ])
    } finally {
      clearInterval(cuts)
    }
    const own = records().filter((record) => record.startsWith("f"))
    expect(own).toEqual(
      names
        .slice(20)
        .map((name, index) => `${name} 192.0.2.${index + 121}`)
        .toSorted()
    )
  }, 180_000)

  it("is no worse with two replicas that both take objects in, one of them by pages", async () => {
    proxy.fault = ({ query }) => (query.has("sendInitialEvents") ? { do: "answer", status: 422 } : undefined)
    const stop = await world.intake({
      watchNamespaces: [namespace.name],
      lease: { namespace: namespace.name, name: "another", owner: "another" }
    })
    const names = Array.from({ length: 20 }, (_, index) => `t${index}`)
    await apply(...names.map((name, index) => document("DnsRecord", name, aRecord(name, [`192.0.2.${index + 201}`]))))
    await waitReady(...names.map((name) => `dnsrecord/${name}`))
    expect(records().filter((record) => record.startsWith("t"))).toEqual(
      names.map((name, index) => `${name} 192.0.2.${index + 201}`).toSorted()
    )
    await stop()
  })
})

describe("the end of everything in a namespace", () => {
  it("leaves the zone as it was found, though the Secret goes first and the Credential before its records", async () => {
    await ok(["delete", "secret", "cloudflare", ...here()])
    await ok(["delete", "credentials,domains,dnsrecords", "--all", ...here(), "--timeout=60s"])
    expect(records()).toEqual([])
    expect(await ok(["get", "dnsrecords,domains,credentials", ...here(), "-o", "name"])).toBe("")
    expect(await world.sql("select name from kubernetes_objects")).toEqual([])
  })

  it("used every right that it has, and asked for nothing else", async () => {
    const used = new Set(proxy.asked.map(rightOf))
    const names = ({ group, resources }: Right, verb: string) => resources.map((each) => `${verb} ${group}/${each}`)
    const given = rights.flatMap((right) => right.verbs.flatMap((verb) => names(right, verb)))
    expect([...used].filter((each) => !given.includes(each))).toEqual([])
    // Kinds are treated alike, so a verb is used when it was for one of them.
    const idle = rights.flatMap((right) =>
      right.verbs.filter((verb) => !names(right, verb).some((each) => used.has(each)))
    )
    expect(idle).toEqual([])
    const account = `--as=system:serviceaccount:${namespace.name}:driftless`
    expect((await kubectl(["auth", "can-i", "list", "secrets", ...here(), account])).out).toBe("no\n")
  })
})

const PATH =
  /^\/(?:api|apis\/(?<group>[^/]+))\/[^/]+(?:\/namespaces\/[^/]+)?\/(?<plural>[^/]+)(?<name>\/[^/]+)?(?<sub>\/status)?$/u

/** As RBAC names what was asked. */
function rightOf({ isWatch, method, path }: Asked): string {
  const { group = "", name, plural = "", sub = "" } = PATH.exec(path)?.groups ?? {}
  const verbs: Readonly<Record<string, string>> = { POST: "create", PUT: "update", PATCH: "patch" }
  const verb = verbs[method] ?? (isWatch ? "watch" : name === undefined ? "list" : "get")
  return `${verb} ${group}/${plural}${sub}`
}
