/**
 * `--kube` without a cluster: which pod is meant, and what is said when there is none. The API server is the double in
 * memory on a socket. That ports are forwarded is shown by the story in a cluster.
 */
import { Effect, Result } from "effect"
import { join } from "node:path"
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { choose, type Wanted } from "../../src/cli/kube-search.ts"
import { MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import { failure, Forbidden, type Resource, Unauthorized } from "../../src/providers/kubernetes.ts"
import { type ClusterServer, serveCluster } from "../support/kubernetes-server.ts"
import { aFolder, run } from "./program.ts"

const PODS: Resource = { group: "", version: "v1", plural: "pods" }

interface PodOptions {
  readonly release?: string
  readonly ready?: boolean
  readonly deletionTimestamp?: string
}

const aPod = (
  namespace: string,
  name: string,
  { ready = true, release = "driftless", ...metadata }: PodOptions = {}
) => ({
  metadata: {
    ...metadata,
    name,
    namespace,
    labels: {
      "app.kubernetes.io/part-of": "driftless",
      "app.kubernetes.io/component": "controller",
      "app.kubernetes.io/instance": release
    }
  },
  spec: {
    containers: [
      { name: "beside" },
      {
        name: "driftless",
        ports: [
          { name: "api", containerPort: 8080 },
          { name: "metrics", containerPort: 9090 }
        ],
        env: [
          { name: "DRIFTLESS_KUBERNETES", value: "on" },
          {
            name: "DRIFTLESS_ADMIN_TOKEN",
            valueFrom: { secretKeyRef: { name: "driftless-secrets", key: "admin-token" } }
          }
        ]
      }
    ]
  },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] }
})

describe("which pod is meant", () => {
  const anywhere: Wanted = { context: "here", namespace: undefined, release: undefined }
  const said = (wanted: Wanted, ...pods: ReadonlyArray<unknown>) => {
    const result = choose(wanted, pods)
    return Result.isSuccess(result) ? result.success.pod : result.failure.message
  }

  test("is a ready one that is not being stopped, with its port and where its token is", () => {
    const pods = [
      aPod("a", "starts", { ready: false }),
      aPod("a", "stops", { deletionTimestamp: "2026-01-01T00:00:00Z" }),
      aPod("a", "serves")
    ]
    expect(choose(anywhere, pods)).toEqual(
      Result.succeed({
        namespace: "a",
        release: "driftless",
        pod: "serves",
        port: 8080,
        token: { secret: "driftless-secrets", key: "admin-token" }
      })
    )
  })

  test.each([
    ["none", [], "found no Driftless in any namespace of here"],
    [
      "none that is ready",
      [aPod("a", "p", { ready: false })],
      "no pod of Driftless a/driftless is ready: p is Running"
    ],
    ["some of two releases", [aPod("a", "p"), aPod("a", "q", { release: "other" })], "a/driftless, a/other"],
    ["some in two namespaces", [aPod("b", "p"), aPod("a", "q")], "a/driftless, b/driftless"],
    ["what is no pod of the chart", [{ metadata: { name: "x", namespace: "a", labels: {} } }], "found no Driftless"]
  ])("is not known where there are %s, and the reason is told", (_, pods, words) => {
    expect(said(anywhere, ...pods)).toContain(words)
  })

  test("is asked for by name where there are several", () => {
    expect(said(anywhere, aPod("b", "p"), aPod("a", "q"))).toMatch(/--kube-namespace .*--release/u)
    expect(said({ ...anywhere, namespace: "b", release: "r" })).toMatch(
      /no Driftless "r" in the namespace b of here: .*instance=r/u
    )
  })
})

describe("driftless --kube", () => {
  let cluster: MemoryCluster
  let server: ClusterServer
  beforeAll(async () => {
    cluster = new MemoryCluster()
    server = await serveCluster(cluster)
  })
  beforeEach(() => {
    cluster.options = {}
    for (const { metadata } of cluster.all({ resource: PODS })) {
      cluster.delete({ resource: PODS, namespace: metadata.namespace ?? "", name: metadata.name })
    }
  })
  afterAll(() => server.close())

  const add = (namespace: string, name: string, options?: PodOptions) => {
    const place = { resource: PODS, namespace, name }
    const body = aPod(namespace, name, options)
    cluster.create(place, body)
    cluster.patch(place, { how: "apply", subresource: "status", body: { status: body.status } })
  }

  const kubeconfig = async (url = server.url) => {
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "memory", cluster: { server: url, "insecure-skip-tls-verify": true } }],
      users: [{ name: "me", user: { token: "mine" } }],
      contexts: [{ name: "test", context: { cluster: "memory", user: "me", namespace: "mine" } }],
      "current-context": "test"
    }
    return join(await aFolder({ config: JSON.stringify(config) }), "config")
  }

  const get = async (args: ReadonlyArray<string> = [], environment: Readonly<Record<string, string>> = {}) => {
    const { code, stderr, stdout } = await run(["get", "all", "--kube", ...args], {
      environment: { KUBECONFIG: await kubeconfig(), ...environment }
    })
    expect(stdout).toBe("")
    return { code, said: stderr }
  }

  test("says how the kubeconfig was looked for when there is none", async () => {
    const HOME = await aFolder()
    expect(await run(["get", "all", "--kube"], { environment: { HOME } })).toMatchObject({
      code: 1,
      stderr: `error: there is no kubeconfig: KUBECONFIG is not set, and there is no file ${HOME}/.kube/config\n`
    })
    const { code, said } = await get([], { KUBECONFIG: join(HOME, "nothing") })
    expect({ code, said }).toMatchObject({ code: 1, said: expect.stringContaining(`${HOME}/nothing cannot be read`) })
    expect((await get(["--context", "other"])).said).toContain('no context "other" with a cluster; contexts: test')
  })

  test("names the API server that cannot be reached", async () => {
    const { code, said } = await get([], { KUBECONFIG: await kubeconfig("http://127.0.0.1:9") })
    expect(code).toBe(1)
    expect(said).toContain("cannot reach the API server of test (http://127.0.0.1:9)")
  })

  test("looks in the namespace of the context first, then in all, then says how it looked", async () => {
    expect((await get()).said).toContain(`found no Driftless in any namespace of test (${server.url})`)
    expect((await get(["--kube-namespace", "there"])).said).toContain("in the namespace there")
    add("a", "one", { ready: false })
    expect((await get()).said).toContain("no pod of Driftless a/driftless is ready")
    add("b", "two", { ready: false })
    expect((await get()).said).toContain("a/driftless, b/driftless")
    expect((await get(["--kube-namespace", "b"])).said).toContain("b/driftless is ready: two is Running")
    add("mine", "three", { ready: false, release: "own" })
    expect((await get()).said).toContain("no pod of Driftless mine/own is ready")
    expect((await get(["--release", "driftless"])).said).toContain("a/driftless, b/driftless")
  })

  test("tells what this user may not do, and the way around it", async () => {
    add("a", "one")
    const forbidden = (what: string) => Effect.fail(failure(new Forbidden({ message: `${what} is forbidden` })))
    cluster.options = {
      before: (_, { plural }) => (plural === "secrets" ? forbidden("the Secret") : Effect.void)
    }
    expect((await get()).said).toBe(
      "error: this user may not read the Secret a/driftless-secrets, which holds the token; give --token or set DRIFTLESS_ADMIN_TOKEN\n"
    )
    cluster.options = { before: () => forbidden("the list") }
    expect((await get()).said).toContain("may not list pods in the namespace mine")
    expect((await get()).said).toContain("--kube-namespace")
    expect((await get(["--kube-namespace", "a"])).said).toContain("this user may not list pods in a of test")
    cluster.options = { before: () => Effect.fail(failure(new Unauthorized({ message: "who are you" }))) }
    expect((await get()).said).toContain("does not know this user: who are you")
  })

  test("says what is the matter when the port cannot be forwarded, and names no port of its own", async () => {
    add("a", "one")
    const { code, said } = await get(["--token", "a-token"])
    expect(code).toBe(1)
    expect(said).toContain(`cannot reach Driftless a/driftless in test (${server.url}): `)
    expect(said).not.toContain("a-token")
  })

  test.each([
    [["--server", "http://127.0.0.1:8080", "--kube"], "leave --server out"],
    [["--context", "test"], "add --kube"],
    [["--release", "driftless"], "add --kube"]
  ])("is wrong use as %j", async (args, words) => {
    const { code, stderr } = await run(["get", "all", ...args])
    expect(code).toBe(2)
    expect(stderr).toContain(words)
  })
})
