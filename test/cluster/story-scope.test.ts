/**
 * The story of an installation that is confined: to one namespace, with no right outside of it, beside definitions that
 * belong to nobody's release. The database is on no volume here.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { API_VERSION } from "../../src/model/kinds/metadata.ts"
import { DEFINITIONS, kubectl, ok } from "./kubectl.ts"
import { openProxy, type Proxy, restrictedNamespace, run, until } from "./support/cluster.ts"
import { images } from "./support/images.ts"
import {
  asked,
  askFor,
  cleanUp,
  definitions,
  helm,
  listed,
  readyRecords,
  recordOf,
  uninstall
} from "./support/installation.ts"
import { type Simulator, startSimulator, TOKEN, ZONE } from "./support/workloads.ts"

const found = await images()
const MINUTES = 60_000

describe.skipIf(found === undefined)("an installation for one namespace", () => {
  const { product } = found ?? { product: "" }
  let before: ReadonlyArray<string> = []
  let proxy: Proxy
  let simulator: Simulator
  /** Of the installation, of what it follows, and of what is none of its business. */
  let own: string, followed: string, other: string
  /** Followed, too, and then deleted. */
  let doomed: string

  beforeAll(async () => {
    before = await definitions()
    await ok(["apply", "--server-side", "--force-conflicts", "-f", "crds/"])
    proxy = await openProxy()
    own = await restrictedNamespace()
    followed = await restrictedNamespace()
    other = await restrictedNamespace()
    doomed = await restrictedNamespace()
    simulator = await startSimulator(own, product, proxy)
  })
  afterAll(async () => {
    // The definitions go with the last one: objects of all three are theirs.
    for (const namespace of [own, followed, doomed])
      if (namespace !== undefined) await cleanUp(namespace, [...before, ...(await definitions())])
    if (other !== undefined) await cleanUp(other, before)
    proxy?.stop()
  })

  const values = () => ({
    watchNamespaces: [followed, doomed],
    persistence: { enabled: false },
    extraEnv: [{ name: "CLOUDFLARE_BASE_URL", value: `http://simulator.${own}:8787/client/v4` }]
  })

  it("leaves definitions as they are that are nobody's, and says so", { timeout: 6 * MINUTES }, async () => {
    const shown = () =>
      ok(["get", "crd", ...DEFINITIONS, "-o", "jsonpath={range .items[*]}{.metadata.resourceVersion} {end}"])
    const versions = await shown()
    const notes = await helm("install", own, product, {
      ...values()
    })
    expect(notes).toContain("so they were left as they are")
    for (const definition of DEFINITIONS) expect(notes).toContain(definition)
    expect(await shown()).toBe(versions)
  })

  it("follows that namespace alone, and has rights nowhere else", { timeout: 6 * MINUTES }, async () => {
    await askFor(other, 1)
    await askFor(followed, 3)
    await until("the records that are followed are Ready", 90, async () =>
      (await readyRecords(proxy, followed)) === 3 ? true : undefined
    )
    expect(await simulator.zone()).toEqual(expect.arrayContaining([...asked(3)]))
    const [untouched] = await listed(proxy, other, "dnsrecords")
    expect(untouched?.status).toBeUndefined()
    expect(untouched?.metadata.finalizers).toBeUndefined()

    const account = `--as=system:serviceaccount:${own}:driftless`
    const may = async (verb: string, what: string, ...where: ReadonlyArray<string>) =>
      (await kubectl(["auth", "can-i", verb, what, account, ...where])).out.trim()
    expect(await may("get", "secrets", "-n", followed)).toBe("yes")
    expect(await may("list", "secrets", "-n", followed)).toBe("no")
    expect(await may("get", "secrets", "-n", other)).toBe("no")
    expect(await may("list", "dnsrecords.driftless.dev", "-n", other)).toBe("no")
    expect(await may("watch", "dnsrecords.driftless.dev", "-A")).toBe("no")
  })

  it(
    "goes on when one of its namespaces is deleted, and takes it in when it is made again",
    {
      timeout: 8 * MINUTES
    },
    async () => {
      await ok(["delete", "namespace", doomed, "--timeout=55s"])
      // A new process finds it gone from its start.
      await ok(["rollout", "restart", "deployment/driftless", "-n", own])
      await run("kubectl", ["rollout", "status", "deployment/driftless", "-n", own, "--timeout=120s"])
      // A record of its own: with its volume the new one has lost what was the old one's.
      await ok(["apply", "-n", followed, "-f", "-"], JSON.stringify(recordOf(10, "203.0.113.1")))
      await until("the others are taken in", 60, async () =>
        (await simulator.zone()).includes(`A r010.${ZONE} 203.0.113.1`) ? true : undefined
      )
      expect(await ok(["logs", "deployment/driftless", "-n", own])).toContain(
        `dnsrecords of the namespace ${doomed} cannot be read`
      )
      await ok(["create", "namespace", doomed])
      await helm("upgrade", own, product, values())
      const secret = {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "cloudflare" },
        stringData: { token: TOKEN }
      }
      const tokenFrom = { secretRef: { name: "cloudflare", key: "token" } }
      const credential = {
        apiVersion: API_VERSION,
        kind: "Credential",
        metadata: { name: "cloudflare" },
        spec: { provider: "cloudflare", tokenFrom }
      }
      const items = [secret, credential]
      await ok(["apply", "-n", doomed, "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }))
      await run("kubectl", ["wait", "--for=condition=Ready", "credential/cloudflare", "-n", doomed, "--timeout=90s"])
    }
  )

  it("lets go of that namespace's objects at its end, and of nothing of others", { timeout: 6 * MINUTES }, async () => {
    const path = `/apis/${API_VERSION}/namespaces/${other}/dnsrecords/r000`
    const finalizers = ["driftless.dev/cleanup"]
    await proxy.call("PATCH", path, { metadata: { finalizers } }, "application/merge-patch+json")
    await uninstall(own)
    const left = async (namespace: string) =>
      (await listed(proxy, namespace, "dnsrecords")).map(({ metadata }) => metadata.finalizers ?? [])
    expect(await left(followed)).toEqual([[], [], [], []])
    expect(await left(other)).toEqual([finalizers])
    await proxy.call("PATCH", path, { metadata: { finalizers: null } }, "application/merge-patch+json")
  })
})
