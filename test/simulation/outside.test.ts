/** Calls to the outside: none belongs into a transaction. */
import { assert, describe, it } from "vitest"
import { exactly } from "../../simulation/faults.ts"
import { Kernel, Process } from "../../simulation/kernel.ts"
import { Outside } from "../../simulation/outside.ts"

const nobody = { struck: () => undefined, crash: () => undefined, pause: () => undefined }

/** What becomes of a run in which a call begins, and nobody waits for its answer. */
const failureOf = (inTransaction: boolean) => {
  const kernel = new Kernel(1)
  const outside = new Outside(kernel, exactly([]), nobody)
  kernel.inTransaction = inTransaction
  void outside.make({
    site: "provider.list",
    process: new Process("r0.1"),
    way: [1, 1],
    slow: [9, 9],
    broken: () => new Error("broken"),
    perform: () => "answer"
  })
  return kernel.failure
}

describe("A call to the outside", () => {
  it("that begins in a transaction fails the run, although the transaction does not wait for it", () => {
    assert.include(failureOf(true), { invariant: "OneStep", message: "r0.1 calls provider.list in a transaction" })
    assert.isUndefined(failureOf(false))
  })
})
