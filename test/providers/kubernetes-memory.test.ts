/** What the double of an API server must be strict in, so that a controller which is wrong about it is seen. */
import { assert, describe, it } from "vitest"
import { MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import { KubernetesError } from "../../src/providers/kubernetes.ts"

const resource = { group: "driftless.dev", version: "v1alpha1", plural: "domains" }
const place = (name: string) => ({ resource, namespace: "team", name })
const ready = { type: "Ready", status: "True" }
const synced = { type: "Synced", status: "True" }
const apply = (status: unknown) => ({ how: "apply", subresource: "status", body: { status } }) as const

const reasonOf = (run: () => unknown) => {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof KubernetesError ? error.reason._tag : error
  }
}

describe("A status that is applied", () => {
  it("keeps what others have applied, and loses what its manager leaves out", () => {
    const cluster = new MemoryCluster()
    cluster.create(place("a"), { spec: {} })
    cluster.patch(place("a"), apply({ records: 1, conditions: [ready] }))
    cluster.patch(place("a"), apply({ conditions: [synced] }), "another")
    cluster.patch(place("a"), apply({ conditions: [{ ...ready, status: "False" }] }))
    assert.deepStrictEqual(cluster.find(place("a"))?.status, { conditions: [{ ...ready, status: "False" }, synced] })
  })

  it("is refused without force where another manager has applied something else", () => {
    const cluster = new MemoryCluster()
    cluster.create(place("a"), { spec: {} })
    cluster.patch(place("a"), apply({ conditions: [ready] }))
    const other = apply({ conditions: [{ ...ready, status: "False" }] })
    assert.strictEqual(
      reasonOf(() => cluster.patch(place("a"), other, "another", false)),
      "Conflict"
    )
    assert.isUndefined(reasonOf(() => cluster.patch(place("a"), apply({ conditions: [ready] }), "another", false)))
  })

  it("makes no new version when nothing differs, and never a generation", () => {
    const cluster = new MemoryCluster()
    cluster.create(place("a"), { spec: {} })
    const first = cluster.patch(place("a"), apply({ conditions: [ready] }))
    const again = cluster.patch(place("a"), apply({ conditions: [ready] }))
    assert.strictEqual(again.metadata.resourceVersion, first.metadata.resourceVersion)
    assert.strictEqual(again.metadata.generation, 1)
  })
})

describe("Pages of a list", () => {
  it("are of the moment of the first, whatever happens between", () => {
    const cluster = new MemoryCluster()
    for (const name of ["a", "b", "c"]) cluster.create(place(name), { spec: {} })
    const first = cluster.page({ resource }, { limit: 2, continue: undefined })
    cluster.delete(place("a"))
    const second = cluster.page({ resource }, { limit: 2, continue: first.continue })
    assert.deepStrictEqual(
      [...first.items, ...second.items].map(({ metadata }) => metadata.name),
      ["a", "b", "c"]
    )
    assert.strictEqual(second.resourceVersion, first.resourceVersion)
  })

  it("are gone with the history", () => {
    const cluster = new MemoryCluster()
    for (const name of ["a", "b"]) cluster.create(place(name), { spec: {} })
    const first = cluster.page({ resource }, { limit: 1, continue: undefined })
    cluster.compact()
    assert.strictEqual(
      reasonOf(() => cluster.page({ resource }, { limit: 1, continue: first.continue })),
      "Gone"
    )
  })
})
