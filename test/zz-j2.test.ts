import { it, vi } from "vitest"
import { MemoryCluster } from "../src/providers/kubernetes-memory.ts"
import { objectsOf, aRecord, isReady } from "./support/cluster-objects.ts"
import { startIntakeWorld, TOKEN } from "./support/intake-world.ts"
it("x", async () => {
  const cluster = new MemoryCluster()
  const world = await startIntakeWorld({ cluster: cluster.layer, zones: ["z.test"] })
  await world.intake({ concurrency: 4 })
  const o = objectsOf(cluster, "n")
  o.zone("z.test", TOKEN)
  await o.until("Domain", "example", isReady)
  const N = 50
  const passes = async () => Number(/reconcile_total\{controller="kubernetes",result="success"\} (\d+)/.exec(await world.metrics())?.[1])
  const idle = async () => { const [r] = await world.sql<{left: number}>("select count(*)::int as left from reconcile_work where reconciler = 'kubernetes' and (owner is not null or due_at <= now())"); if (r?.left !== 0) throw new Error("busy") }
  const t0 = performance.now(), c0 = process.cpuUsage()
  for (let i = 0; i < N; i++) o.put("DnsRecord", `r${i}`, aRecord(`r${i}`))
  await vi.waitFor(() => { for (let i = 0; i < N; i++) if (!isReady(o.get("DnsRecord", `r${i}`))) throw new Error("no") }, { timeout: 100000, interval: 20 })
  let c1 = process.cpuUsage(c0)
  console.log("ready ms", performance.now() - t0, "cpu", (c1.user + c1.system) / 1000, "passes", await passes())
  await vi.waitFor(idle, { timeout: 100000, interval: 20 })
  console.log("idle ms", performance.now() - t0, "passes", await passes())
  const t1 = performance.now(), c2 = process.cpuUsage()
  await world.sql("update reconcile_work set due_at = now() where reconciler = 'kubernetes'")
  await vi.waitFor(idle, { timeout: 100000, interval: 20 })
  c1 = process.cpuUsage(c2)
  console.log("again ms", performance.now() - t1, "cpu", (c1.user + c1.system) / 1000, "passes", await passes())
  await world.close()
}, 300000)
