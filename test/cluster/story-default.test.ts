/**
 * The story of one process on its own volume: installed with no value but where the image and the provider are, 500
 * records, a process killed in the middle, an upgrade, everything deleted, and an uninstall that leaves nothing hanging.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { kubectl, ok } from "./kubectl.ts"
import { leaveOut, openProxy, type Proxy, restrictedNamespace, run, until, withFile } from "./support/cluster.ts"
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
  RELEASE,
  uninstall
} from "./support/installation.ts"
import { processOf, signal } from "./support/pods.ts"
import { type Simulator, startSimulator, ZONE } from "./support/workloads.ts"

const found = await images()
const MINUTES = 60_000

describe.skipIf(found === undefined)("one process on its own volume", () => {
  const { product } = found ?? { product: "" }
  let before: ReadonlyArray<string> = []
  let proxy: Proxy
  let namespace: string
  let simulator: Simulator
  let asFound: ReadonlyArray<string>

  beforeAll(async () => {
    before = await definitions()
    proxy = await openProxy()
    namespace = await restrictedNamespace()
    simulator = await startSimulator(namespace, product, proxy)
    asFound = await simulator.zone()
  })
  afterAll(async () => {
    if (namespace !== undefined) await cleanUp(namespace, before)
    proxy?.stop()
  })

  const pod = async () =>
    (await ok(["get", "pod", "-n", namespace, "-l", `app.kubernetes.io/component=controller`, "-o", "name"]))
      .trim()
      .replace("pod/", "")
  const secret = () => ok(["get", "secret", `${RELEASE}-secrets`, "-n", namespace, "-o", "jsonpath={.data}"])
  const converged = (records: number, seconds: number) =>
    until(`${records} records are Ready and at the provider`, seconds, async () => {
      const wanted = [...asFound, ...asked(records)].toSorted()
      if ((await readyRecords(proxy, namespace)) < records) return undefined
      return JSON.stringify(await simulator.zone()) === JSON.stringify(wanted) ? true : undefined
    })

  it("is installed with no value set, and passes helm test", { timeout: 6 * MINUTES }, async () => {
    expect(await helm("install", namespace, product, {})).toContain("STATUS: deployed")
    expect(await run("helm", ["test", RELEASE, "-n", namespace])).toMatch(/Phase: +Succeeded/u)
  })

  it("makes 500 records although it is killed in the middle", { timeout: 6 * MINUTES }, async () => {
    const victim = await pod()
    await askFor(namespace, 500)
    await until("the first records are there", 60, async () => ((await simulator.zone()).length > 1 ? true : undefined))
    if (processOf(victim) === undefined) {
      leaveOut("SIGKILL of a process", "the node is another machine; the pod is deleted by force instead")
      await ok(["delete", "pod", victim, "-n", namespace, "--force", "--grace-period=0"])
    } else signal(victim, "SIGKILL")
    await converged(500, 240)
    await ok(["wait", "--for=condition=Ready", "-n", namespace, "--timeout=5s", "domain/zone", "credential/cloudflare"])
  })

  it("keeps its key and its token through an upgrade", { timeout: 6 * MINUTES }, async () => {
    const made = await secret()
    await helm("upgrade", namespace, product, { podAnnotations: { "story/upgraded": "yes" } })
    expect(await secret()).toBe(made)
    await converged(500, 60)
  })

  it("is found and reached by driftless --kube, with the token of its Secret", { timeout: 4 * MINUTES }, async () => {
    const driftless = (...args: ReadonlyArray<string>) =>
      run("node", ["src/cli/main.ts", ...args, "--kube", "--kube-namespace", namespace], 120)
    expect((await driftless("get", "dnsrecords", "-o", "name")).trim().split("\n")).toHaveLength(500)
    const made = { ...recordOf(900, "203.0.113.9"), metadata: { name: "by-hand", namespace } }
    await withFile(JSON.stringify(made), (file) => driftless("apply", "-f", file, "--wait", "--timeout", "60s"))
    expect(await simulator.zone()).toContain(`A r900.${ZONE} 203.0.113.9`)
    expect(await driftless("retry", "dnsrecord", "by-hand")).toContain("has no rejected records")
    await driftless("delete", "dnsrecord", "by-hand", "-n", namespace, "--wait", "--timeout", "60s")
    await converged(500, 60)
    await expect(driftless("get", "all", "--release", "another")).rejects.toThrow('found no Driftless "another"')
  })

  it("leaves the zone as it was found when everything is deleted", { timeout: 6 * MINUTES }, async () => {
    const all = ["delete", "dnsrecords,domains,credentials", "--all", "-n", namespace]
    await ok([...all, "--wait=false"])
    await until("all objects are gone", 240, async () => {
      const counts = await Promise.all(
        ["dnsrecords", "domains", "credentials"].map(async (plural) => (await listed(proxy, namespace, plural)).length)
      )
      return counts.every((count) => count === 0) ? true : undefined
    })
    expect(await simulator.zone()).toEqual(asFound)
  })

  it(
    "lets a namespace go that is deleted with all in it, and cleans up outside",
    { timeout: 4 * MINUTES },
    async () => {
      const doomed = await restrictedNamespace()
      await askFor(doomed, 20)
      const there = [...asFound, ...asked(20)].toSorted()
      await until("its records are at the provider", 60, async () =>
        JSON.stringify(await simulator.zone()) === JSON.stringify(there) ? true : undefined
      )
      // Its Secret, the Credential and the records vanish in whatever order the cluster chooses.
      await ok(["delete", "namespace", doomed, "--wait=false"])
      await until("the namespace is gone", 150, async () =>
        (await kubectl(["get", "namespace", doomed])).err.includes("NotFound") ? true : undefined
      )
      expect(await simulator.zone()).toEqual(asFound)
    }
  )

  it(
    "is removed without a finalizer left, and goes on when it is installed again",
    { timeout: 8 * MINUTES },
    async () => {
      await askFor(namespace, 5)
      await converged(5, 60)
      const zone = await simulator.zone()
      await uninstall(namespace)
      const left = (await listed(proxy, namespace, "dnsrecords")).map(({ metadata }) => metadata.finalizers ?? [])
      expect(left).toEqual([[], [], [], [], []])
      expect(await simulator.zone()).toEqual(zone)
      expect((await kubectl(["get", "deployment", RELEASE, "-n", namespace])).err).toContain("not found")

      await helm("install", namespace, product, {})
      await converged(5, 60)
    }
  )
})
