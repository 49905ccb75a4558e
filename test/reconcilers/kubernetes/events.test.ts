/** Events come to the cluster as they are told, counted where they say the same. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { Notices } from "../../../src/reconcilers/kubernetes/events.ts"
import { EVENTS, type ObjectKey, placeOf } from "../../../src/reconcilers/kubernetes/objects.ts"

const key: ObjectKey = { kind: "DnsRecord", namespace: "team", name: "www" }

const world = () => {
  const cluster = new MemoryCluster()
  const object = cluster.create(placeOf(key), { metadata: {}, spec: {} })
  const tell = (note: string) =>
    Effect.gen(function* () {
      yield* (yield* Notices).tell({ key, object, type: "Warning", reason: "Conflict", note })
      yield* TestClock.adjust("1 second")
    })
  const told = () =>
    cluster.all({ resource: EVENTS }).map((event) => {
      const { note, series } = event as typeof event & { note: string; series?: { count: number } }
      return [note, series?.count ?? 1] as const
    })
  return { cluster, tell, told, layer: Notices.layer("one").pipe(Layer.provideMerge(cluster.layer)) }
}

describe("an Event", () => {
  it.effect("is counted when the same is told again, and is another one with another text", () => {
    const { layer, tell, told } = world()
    return Effect.gen(function* () {
      for (const note of ["of a", "of b", "of a", "of b", "of b"]) yield* tell(note)
      assert.deepStrictEqual(told(), [
        ["of a", 2],
        ["of b", 3]
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("that somebody deleted is told anew when the same happens again", () => {
    const { cluster, layer, tell, told } = world()
    return Effect.gen(function* () {
      yield* tell("of a")
      const [event] = cluster.all({ resource: EVENTS })
      cluster.delete({ resource: EVENTS, namespace: key.namespace, name: event?.metadata.name ?? "" })
      yield* tell("of a")
      yield* tell("of a")
      assert.deepStrictEqual(told(), [["of a", 2]])
    }).pipe(Effect.provide(layer))
  })

  it.effect("is told anew ten minutes after it was told last", () => {
    const { layer, tell, told } = world()
    return Effect.gen(function* () {
      yield* tell("of a")
      yield* TestClock.adjust("10 minutes")
      yield* tell("of a")
      assert.deepStrictEqual(told(), [
        ["of a", 1],
        ["of a", 1]
      ])
    }).pipe(Effect.provide(layer))
  })
})
