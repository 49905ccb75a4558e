/**
 * What the reflector keeps true whatever happens between it and the API server: the twelve requirements, against a
 * faulty proxy in front of a server in memory or a real one.
 */
import { Duration, Effect } from "effect"
import { describe, expect, it } from "vitest"
import { type Fault, rest } from "../../support/kubernetes-proxy.ts"
import { reflectorHarness, type Upstream } from "../../support/reflector-harness.ts"

const GONE_LINE = JSON.stringify({
  type: "ERROR",
  object: { kind: "Status", code: 410, message: "too old resource version" }
})

export const reflectorContract = (start: () => Promise<Upstream>) => {
  const { asked, begun, create, label, namespace, pathFor, proxy, remove, running, synced, until, watch } =
    reflectorHarness(start)

  describe("at first", () => {
    it("is synced when everything that was there has been told, by one watch and no list", async () => {
      await create("a")
      await create("b")
      const lists = asked(false)
      const { changes, names, reflector, told } = await watch()
      expect(reflector.hasSynced()).toBe(false)
      await Effect.runPromise(reflector.synced)
      expect(names()).toEqual(["a", "b"])
      expect(new Set(changes.map(({ after }) => after?.metadata.name))).toEqual(new Set(["a", "b"]))
      expect(told).toEqual(["listed initial"])
      expect(asked(false)).toBe(lists)
      expect(proxy().asked.at(-1)?.query.get("allowWatchBookmarks")).toBe("true")
      const seconds = Number(proxy().asked.at(-1)?.query.get("timeoutSeconds"))
      expect(seconds).toBeGreaterThanOrEqual(290)
      expect(seconds).toBeLessThanOrEqual(580)
    })

    it("lists by pages where the server cannot begin a watch with what is there", async () => {
      for (const name of ["a", "b", "c"]) await create(name)
      proxy().fault = ({ query }) => (query.has("sendInitialEvents") ? { do: "answer", status: 422 } : undefined)
      const before = asked(false)
      const { names } = await synced(await watch({ page: 2 }))
      expect(names()).toEqual(["a", "b", "c"])
      expect(asked(false) - before).toBe(2)
    })

    it("begins the pages anew, with their limit, when their token is too old", async () => {
      for (const name of ["a", "b", "c"]) await create(name)
      let refused = 0
      proxy().fault = ({ query }) => {
        if (query.has("sendInitialEvents")) return { do: "answer", status: 422 }
        return query.has("continue") && refused++ < 1 ? { do: "answer", status: 410 } : undefined
      }
      const from = proxy().asked.length
      const { names } = await synced(await watch({ page: 2 }))
      expect(names()).toEqual(["a", "b", "c"])
      const lists = proxy()
        .asked.slice(from)
        .filter(({ isWatch }) => !isWatch)
      expect(lists.map(({ query }) => [query.get("limit"), query.has("continue")])).toEqual([
        ["2", false],
        ["2", true],
        ["2", false],
        ["2", true]
      ])
    })

    it("waits for a server that refuses, and for definitions and rights that come later", async () => {
      await create("a")
      let left = 3
      proxy().fault = () => (left-- > 0 ? { do: "answer", status: [404, 403, 500][left] ?? 500 } : undefined)
      const { names, told } = await synced(await watch())
      expect(names()).toEqual(["a"])
      expect(told).toEqual(["failed Unavailable", "failed Forbidden", "failed NotFound", "listed initial"])
    })
  })

  describe("while it watches", () => {
    it.each(["reset", "close"] as const)("goes on from the last version after a %s, without a list", async (how) => {
      const watched = await synced(await watch())
      await create("a")
      await until(() => expect(watched.names()).toEqual(["a"]))
      const before = asked(false)
      proxy().cut(how)
      await create("b")
      await until(() => expect(watched.names()).toEqual(["a", "b"]))
      expect(asked(false)).toBe(before)
      expect(watched.told.filter((each) => each.startsWith("listed"))).toEqual(["listed initial"])
      expect(proxy().asked.at(-1)?.query.get("resourceVersion")).not.toBeNull()
    })

    it("is not a busy loop against a server that closes each watch at once", async () => {
      const watched = await synced(await watch({ leastWait: Duration.millis(100), mostWait: Duration.millis(400) }))
      const before = asked(true)
      const began = performance.now()
      proxy().fault = ({ isWatch }) => (isWatch ? { do: "answer", status: 200, body: "" } : undefined)
      proxy().cut("close")
      await until(() => expect(asked(true) - before).toBeGreaterThanOrEqual(4))
      expect(performance.now() - began).toBeGreaterThanOrEqual(250)
      proxy().fault = () => undefined
      await create("a")
      await until(() => expect(watched.names()).toEqual(["a"]))
    })

    it("lists anew after 410, told as an answer or in the stream, and tells what went meanwhile", async () => {
      await create("a")
      const watched = await synced(await watch())
      proxy().freeze()
      await remove("a")
      await create("b")
      let once = true
      proxy().fault = ({ isWatch, query }) => {
        const refused = isWatch && query.has("resourceVersion") && once
        once = once && !refused
        return refused ? { do: "answer", status: 410 } : undefined
      }
      proxy().cut("reset")
      await until(() => expect(watched.names()).toEqual(["b"]))
      expect(watched.changes.at(-1)).toMatchObject({
        key: `${namespace()}/a`,
        before: { metadata: { name: "a" } },
        after: undefined
      })
      proxy().lines = (line) => {
        proxy().lines = (each) => [each]
        return [GONE_LINE, line]
      }
      await create("c")
      await until(() => expect(watched.names()).toEqual(["b", "c"]))
      expect(watched.told.filter((each) => each === "listed gone")).toHaveLength(2)
    })

    it("waits as long as a 429 says", async () => {
      const watched = await synced(await watch())
      let at = 0
      let waited = 0
      proxy().fault = ({ isWatch }) => {
        if (!isWatch) return undefined
        if (at !== 0) {
          waited = performance.now() - at
          return undefined
        }
        at = performance.now()
        return { do: "answer", status: 429, headers: { "retry-after": "1" } }
      }
      proxy().cut("reset")
      await create("a")
      await until(() => expect(watched.names()).toEqual(["a"]))
      expect(waited).toBeGreaterThanOrEqual(990)
    })

    it("gives a watch up that the server should have ended long ago", async () => {
      const watched = await synced(await watch({ watchSeconds: [1, 1] }))
      proxy().freeze()
      proxy().fault = ({ isWatch }) => (isWatch && watched.told.length < 2 ? { do: "stall" } : undefined)
      await create("a")
      await until(() => expect(watched.told).toContain("failed Unavailable"))
      await until(() => expect(watched.names()).toEqual(["a"]))
    })

    it("does not take back what is replayed from the past", async () => {
      const watched = await synced(await watch())
      const lines: Array<string> = []
      proxy().lines = (line) => {
        lines.push(line)
        return [line]
      }
      await create("a")
      await label("a", "new")
      await until(() => expect(lines.length).toBeGreaterThanOrEqual(2))
      await remove("a")
      await until(() => expect(watched.names()).toEqual([]))
      const before = watched.changes.length
      proxy().lines = (line) => [...lines.slice(0, 2), line]
      await create("b")
      await until(() => expect(watched.names()).toEqual(["b"]))
      expect(watched.changes.slice(before).map(({ key }) => key)).toEqual([`${namespace()}/b`])
    })

    it("tells an object that was made anew in a gap as gone and new", async () => {
      const first = await create("a")
      const watched = await synced(await watch())
      proxy().freeze()
      await remove("a")
      const second = await create("a")
      const before = watched.changes.length
      proxy().lines = () => [GONE_LINE]
      proxy().cut("reset")
      await until(() => expect(watched.told).toContain("failed Gone"))
      proxy().lines = (line) => [line]
      await until(() => expect(watched.changes.length).toBeGreaterThan(before))
      expect(
        watched.changes.slice(before).map((each) => [each.before?.metadata.uid, each.after?.metadata.uid])
      ).toEqual([
        [first.metadata.uid, undefined],
        [undefined, second.metadata.uid]
      ])
    })

    it("is not ended by a handler that dies, which is told the same again", async () => {
      let dies = 1
      const watched = await synced(
        await watch({}, (changes) => {
          if (changes.some(({ key }) => key.endsWith("/a")) && dies-- > 0) throw new Error("a defect of the handler")
        })
      )
      await create("a")
      await create("b")
      await until(() => expect(watched.changes.map(({ key }) => key.split("/")[1])).toEqual(["a", "b"]))
      expect(watched.logs.join()).toContain("a handler of changes died")
    })

    it("sees the answer to a write of its own at once, and nothing older after it", async () => {
      await create("a")
      const watched = await synced(await watch())
      proxy().freeze()
      await label("a", "one")
      const written = await label("a", "two")
      await Effect.runPromise(watched.reflector.observe(written))
      const held = () => watched.reflector.cache.get(`${namespace()}/a`)?.metadata.labels
      expect(held()).toEqual({ value: "two" })
      const before = watched.changes.length
      proxy().cut("close")
      await create("b")
      await until(() => expect(watched.names()).toEqual(["a", "b"]))
      expect(held()).toEqual({ value: "two" })
      expect(watched.changes.slice(before).map(({ key }) => key)).toEqual([`${namespace()}/b`])
    })

    it("finds by its safety list what the watch did not tell, mends and counts it", async () => {
      await create("a")
      const watched = await synced(await watch({ relistEvery: Duration.millis(300) }))
      proxy().lines = () => []
      await create("b")
      await remove("a")
      await until(() => expect(watched.names()).toEqual(["b"]))
      expect(watched.told).toContain("diverged 2")
    })
  })

  it("begins no request after it was stopped, wherever it was", async () => {
    await create("a")
    const faults: ReadonlyArray<Fault | undefined> = [
      undefined,
      { do: "reset" },
      { do: "answer", status: 500 },
      { do: "stall" },
      { do: "answer", status: 410 }
    ]
    let at = 0
    proxy().fault = ({ method }) => (method === "GET" ? faults[at++ % faults.length] : undefined)
    for (let round = 0; round < 20; round++) {
      const before = proxy().asked.length
      const watched = await watch({ leastWait: Duration.millis(1), mostWait: Duration.millis(3) })
      await until(() => expect(proxy().asked.length).toBeGreaterThan(before))
      await watched.stop()
      running.delete(watched)
      const ended = begun()
      // One of our own goes its whole way meanwhile.
      await rest(proxy().access, "PATCH", pathFor("a"), { metadata: { labels: { value: String(round) } } })
      expect(begun()).toBe(ended)
    }
    await until(() => expect(proxy().openWatches()).toBe(0))
  })
}
