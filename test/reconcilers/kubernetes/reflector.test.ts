/** The reflector against a server in memory; `test/cluster/reflector.test.ts` asks a real one the same. */
import { MemoryCluster } from "../../../src/providers/kubernetes-memory.ts"
import { plainAccess } from "../../support/kubernetes-proxy.ts"
import { serveCluster } from "../../support/kubernetes-server.ts"
import { describe } from "vitest"
import { reflectorContract } from "./reflector.contract.ts"

describe("the reflector, on a server in memory", () => {
  reflectorContract(async () => {
    const server = await serveCluster(new MemoryCluster())
    return { access: plainAccess(server.url), namespace: "reflected", close: server.close }
  })
})
