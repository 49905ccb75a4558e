/** The port against a real API server. */
import { Effect } from "effect"
import { clusterAccess } from "../../src/providers/kubernetes-access.ts"
import { layerHttp } from "../../src/providers/kubernetes-http.ts"
import { pathOf } from "../../src/providers/kubernetes.ts"
import { describe } from "vitest"
import { portContract } from "../providers/kubernetes.contract.ts"
import { rest } from "../support/kubernetes-proxy.ts"
import { withDefinitions } from "./kubectl.ts"

describe("a real API server", () => {
  portContract(async () => {
    const { name, remove } = await withDefinitions()
    const access = await Effect.runPromise(clusterAccess(process.env))
    return {
      layer: layerHttp(access),
      namespace: name,
      remove: (place) => rest(access, "DELETE", pathOf(place)),
      close: remove
    }
  })
})
