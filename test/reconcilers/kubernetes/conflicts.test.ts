/** What the API server refuses, because somebody was first while the watch does not tell who, or because it is busy. */
import { Duration, Effect } from "effect"
import { afterEach, describe, expect, it, vi } from "vitest"
import { Conflict, failure, Throttled, Unavailable } from "../../../src/providers/kubernetes.ts"
import { placeOf, textOf } from "../../../src/reconcilers/kubernetes/objects.ts"
import { aRecord, BOUND, isReady, statusOf } from "../../support/cluster-objects.ts"
import { stories } from "../../support/cluster-story.ts"

const { begin, cluster, file } = stories(7)
afterEach(() => {
  cluster.options = {}
})

/** Runs once, unheard, when a pass of the record is about to write its status. */
const inTheMiddle = async (act: (story: ReturnType<typeof begin>) => void) => {
  const story = begin()
  const { domain, namespace, objects, token } = story
  objects.zone(domain, token)
  await objects.until("Domain", "example", isReady)
  let isOver = false
  cluster.options = {
    before: (verb, _resource, name, where) =>
      Effect.sync(() => {
        if (isOver || verb !== "patch" || name !== "www" || where !== namespace) return
        if (objects.get("DnsRecord", "www")?.metadata.finalizers === undefined) return
        isOver = true
        cluster.options = { ...cluster.options, tells: () => false }
        const place = placeOf({ kind: "DnsRecord", namespace, name: "www" })
        cluster.patch(place, { how: "merge", body: { metadata: { finalizers: null } } })
        act(story)
        cluster.options = { ...cluster.options, tells: () => true }
      })
  }
  objects.put("DnsRecord", "www", aRecord("www"))
  return story
}

describe("an object that the watch says is there as it was", () => {
  it("and that is gone, is cleaned up as soon as the API server has said so", async () => {
    const { namespace, untilRecords } = await inTheMiddle(({ objects }) => objects.remove("DnsRecord", "www"))
    await untilRecords([])
    await vi.waitFor(async () => {
      const known = await file.world.sql("select name from kubernetes_objects where namespace = $1 and name = 'www'", [
        namespace
      ])
      expect(known).toEqual([])
    }, BOUND)
  })

  it("and that was made anew, is taken in as it is now", async () => {
    const { objects, untilRecords } = await inTheMiddle(({ objects: all }) => {
      all.remove("DnsRecord", "www")
      all.put("DnsRecord", "www", aRecord("www", ["192.0.2.2"]))
    })
    await objects.until("DnsRecord", "www", isReady)
    await untilRecords(["www 192.0.2.2"])
  })
})

it.each([
  ["a conflict that does not pass is tried again less and less often", new Conflict({ message: "changed" })],
  [
    "a server that is busy for a second, again and again, is asked less and less often",
    new Throttled({ message: "busy", retryAfter: Duration.seconds(1) })
  ]
])("%s", async (_title, reason) => {
  const { domain, namespace, objects, token } = begin()
  objects.zone(domain, token)
  await objects.until("Domain", "example", isReady)
  cluster.options = {
    before: (verb, _resource, name) => (verb === "patch" && name === "www" ? Effect.fail(failure(reason)) : Effect.void)
  }
  objects.put("DnsRecord", "www", aRecord("www"))
  await vi.waitFor(async () => {
    const rows = await file.world.sql(
      "select key from reconcile_work where key = $1 and owner is null and due_at > driftless_now() + interval '2 seconds'",
      [`DnsRecord/${namespace}/www`]
    )
    expect(rows).toHaveLength(1)
  }, BOUND)
  cluster.options = {}
  await objects.until("DnsRecord", "www", isReady)
})

it("an edit waits no longer where the clock of the database was put back", async () => {
  const { domain, namespace, objects, token, untilRecords } = begin()
  objects.zone(domain, token)
  objects.put("DnsRecord", "www", aRecord("www"))
  await objects.until("DnsRecord", "www", isReady)
  await file.world.sql("update kubernetes_objects set updated_at = now() + interval '1 hour' where namespace = $1", [
    namespace
  ])
  objects.put("DnsRecord", "www", aRecord("www", ["192.0.2.2"]))
  await untilRecords(["www 192.0.2.2"])
})

it("a status that another replica wrote, unheard, is put right by a pass that would have written nothing", async () => {
  const { domain, namespace, objects, token } = begin()
  objects.zone(domain, token)
  objects.put("DnsRecord", "www", aRecord("www"))
  await objects.until("DnsRecord", "www", isReady)
  const key = { kind: "DnsRecord", namespace, name: "www" } as const
  const isResting = async () =>
    (
      await file.world.sql(
        "select key from reconcile_work where key = $1 and owner is null and due_at > driftless_now()",
        [textOf(key)]
      )
    ).length === 1
  await vi.waitFor(async () => expect(await isResting()).toBe(true), BOUND)
  cluster.options = { tells: () => false }
  cluster.patch(placeOf(key), { how: "merge", subresource: "status", body: { status: { conditions: [] } } })
  expect(isReady(objects.get("DnsRecord", "www"))).toBe(false)
  cluster.options = {}
  await file.world.sql("update reconcile_work set due_at = driftless_now() where key = $1", [textOf(key)])
  await objects.until("DnsRecord", "www", isReady)
})

it("a status whose answer was lost comes too late, once a pass has gone on that would have written nothing", async () => {
  const { domain, namespace, objects, token, untilRecords } = begin()
  objects.zone(domain, token)
  objects.put("DnsRecord", "www", aRecord("www"))
  await objects.until("DnsRecord", "www", isReady)
  await objects.until("Domain", "example", (object) => statusOf(object).records?.["active"] === 1)
  const place = placeOf({ kind: "Domain", namespace, name: "example" })
  const told = cluster.find(place)
  let isLost = false
  cluster.options = {
    before: (verb, _resource, name, where) => {
      if (verb !== "patch" || name !== "example" || where !== namespace) return Effect.void
      isLost = true
      return Effect.fail(failure(new Unavailable({ message: "no answer" })))
    }
  }
  objects.put("DnsRecord", "api", aRecord("api"))
  await vi.waitFor(() => expect(isLost).toBe(true), BOUND)
  objects.remove("DnsRecord", "api")
  await untilRecords(["www 192.0.2.1"])
  cluster.options = {}
  const { name, resourceVersion, uid } = told?.metadata ?? {}
  await objects.until("Domain", "example", (object) => object?.metadata.resourceVersion !== resourceVersion)
  expect(cluster.find(place)?.status).toEqual(told?.status)
  const body = { metadata: { name, namespace, resourceVersion, uid }, status: { conditions: [] } }
  expect(() => cluster.patch(place, { how: "apply", subresource: "status", body })).toThrow(
    "the object has been modified"
  )
  expect(cluster.find(place)?.status).toEqual(told?.status)
})
