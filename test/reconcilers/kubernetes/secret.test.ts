/** Secrets are followed, read only where they are referred to and allowed, and kept until nothing needs them. */
import { Effect, Layer } from "effect"
import { describe, expect, it, vi } from "vitest"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { failure, Forbidden, type Resource } from "../../../src/providers/kubernetes.ts"
import { SECRETS } from "../../../src/reconcilers/kubernetes/objects.ts"
import { followSecret } from "../../../src/reconcilers/kubernetes/secret.ts"
import { aCredential, aRecord, BOUND, condition, isReady, ready } from "../../support/cluster-objects.ts"
import { stories } from "../../support/cluster-story.ts"

const { begin, cluster, file } = stories(10)

describe("a Secret that a Credential names", () => {
  it("is read again at once when the provider refuses the token, long before its turn", async () => {
    const { domain, objects, records, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    const { control } = file.world.simulator.engine
    control.setToken(`${token}-next`, { active: true })
    // Its turn is an hour away: only the refusal can bring it.
    await file.world.sql(
      "update reconcile_work set due_at = now() + interval '1 hour' where reconciler = 'kubernetes' and key like 'Credential/%' and owner is null"
    )
    objects.secret("cloudflare", `${token}-next`)
    control.setToken(token, { active: false })
    objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.5"]))
    await objects.until("DnsRecord", "www", (object) => isReady(object) && object?.metadata.generation === 2)
    expect(records()).toEqual(["www 192.0.2.5"])
  })

  it("and is gone shows on the Credential, while what was made can still be cleaned up", async () => {
    const { domain, objects, records, token } = begin()
    objects.zone(domain, token)
    objects.put("DnsRecord", "www", aRecord("www"))
    await objects.until("DnsRecord", "www", isReady)
    objects.removeSecret("cloudflare")
    await file.world.sql("update reconcile_work set due_at = now() where reconciler = 'kubernetes' and owner is null")
    const credential = await objects.until(
      "Credential",
      "cloudflare",
      (object) => ready(object)?.reason === "TokenMissing"
    )
    expect(condition(credential, "Stalled")?.status).toBe("True")
    objects.remove("DnsRecord", "www")
    await objects.until("DnsRecord", "www", (object) => object === undefined)
    expect(records()).toEqual([])
    objects.secret("cloudflare", token)
    await objects.until("Credential", "cloudflare", isReady)
  })

  it("without that key, or with what is no token, says so", async () => {
    const { domain, objects, token } = begin()
    objects.zone(domain, token)
    const other = { ...aCredential, tokenFrom: { secretRef: { name: "cloudflare", key: "other" } } }
    objects.put("Credential", "cloudflare", other)
    const missing = await objects.until(
      "Credential",
      "cloudflare",
      (object) => ready(object)?.reason === "TokenMissing"
    )
    expect(ready(missing)?.message).toContain('has no key "other"')
    objects.secret("cloudflare", "two\nlines", "other")
    await file.world.sql("update reconcile_work set due_at = now() where reconciler = 'kubernetes' and owner is null")
    await objects.until("Credential", "cloudflare", (object) => ready(object)?.reason === "TokenUnreadable")
  })

  it("is the only kind of Secret that is asked for, and by get alone", async () => {
    const asked: Array<string> = []
    const before = (verb: string, { plural }: Resource, name: string | undefined) =>
      Effect.sync(() => void (plural === "secrets" && asked.push(`${verb} ${name}`)))
    cluster.options = { before }
    const { domain, namespace, objects, token } = begin()
    cluster.create(
      { resource: SECRETS, namespace, name: "of-somebody-else" },
      { metadata: {}, data: { token: "YQ==" } }
    )
    objects.zone(domain, token)
    await objects.until("Domain", "example", isReady)
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(0), BOUND)
    cluster.options = {}
    expect(new Set(asked)).toEqual(new Set(["get cloudflare"]))
  })

  it("never shows its token: not in a status, an Event, a log or a metric", async () => {
    const shown = JSON.stringify([
      ...cluster.all({ resource: { group: "", version: "v1", plural: "events" } }),
      ...["credentials", "domains", "dnsrecords"].flatMap((plural) =>
        cluster.all({ resource: { group: "driftless.dev", version: "v1alpha1", plural } })
      )
    ])
    const rows = JSON.stringify(await file.world.sql("select * from api_keys"))
    for (const text of [shown, rows, file.world.logs.join(), await file.world.metrics()])
      expect(text).not.toContain("canary")
    expect(rows).toContain("v1:")
  })
})

describe("a namespace whose Secrets are not allowed", () => {
  const claim = {
    reconciler: "kubernetes",
    key: "k",
    generation: 1,
    owner: "o",
    fence: 1,
    epoch: "",
    attempts: 1,
    takeover: false,
    waited: 0
  }
  const follow = (secretNamespaces: ReadonlyArray<string>, server: MemoryCluster) =>
    file.world.run(
      followSecret({ secretNamespaces }, claim, "team-a", { name: "s", key: "k" }, 1).pipe(
        Effect.catchTag(["KubernetesError", "FenceLost"], (error) => Effect.die(error)),
        Effect.provide(Layer.fresh(server.layer))
      )
    )

  it("is not even asked for them", async () => {
    const asked: Array<string> = []
    const server = new MemoryCluster({ before: (verb) => Effect.sync(() => void asked.push(verb)) })
    expect(await follow(["team-b"], server)).toMatchObject({ reason: "NotAllowed", stalled: true })
    expect(asked).toEqual([])
  })

  it("by the rights of the cluster says so in the API server's words", async () => {
    const server = new MemoryCluster({
      before: () => Effect.fail(failure(new Forbidden({ message: "secrets is forbidden" })))
    })
    expect(await follow([], server)).toMatchObject({
      reason: "NotAllowed",
      message: expect.stringContaining("secrets is forbidden")
    })
  })
})
