/** The reflector against a real API server, behind the same faulty proxy. */
import { Effect } from "effect"
import { clusterAccess } from "../../src/providers/kubernetes-access.ts"
import { describe } from "vitest"
import { reflectorContract } from "../reconcilers/kubernetes/reflector.contract.ts"
import { withDefinitions } from "./kubectl.ts"

describe("the reflector, on a real API server", () => {
  reflectorContract(async () => {
    const { name, remove } = await withDefinitions()
    return { access: await Effect.runPromise(clusterAccess(process.env)), namespace: name, close: remove }
  })
})
