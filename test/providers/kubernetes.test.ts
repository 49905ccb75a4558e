/** The port on its double, directly and over HTTP. */
import { layerHttp } from "../../src/providers/kubernetes-http.ts"
import { MemoryCluster } from "../../src/providers/kubernetes-memory.ts"
import { plainAccess } from "../support/kubernetes-proxy.ts"
import { serveCluster } from "../support/kubernetes-server.ts"
import { describe } from "vitest"
import { portContract } from "./kubernetes.contract.ts"

describe("a cluster in memory", () => {
  portContract(() => {
    const cluster = new MemoryCluster()
    return Promise.resolve({
      layer: cluster.layer,
      namespace: "port",
      remove: (place) => Promise.resolve(cluster.delete(place)),
      close: () => Promise.resolve()
    })
  })
})

describe("a cluster in memory, over HTTP", () => {
  portContract(async () => {
    const cluster = new MemoryCluster()
    const { close, url } = await serveCluster(cluster)
    return {
      layer: layerHttp(plainAccess(url)),
      namespace: "port",
      remove: (place) => Promise.resolve(cluster.delete(place)),
      close
    }
  })
})
