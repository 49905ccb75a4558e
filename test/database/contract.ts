/** What every backend keeps true, so that whoever writes SQL need not ask which one runs it. */
import type { Vitest } from "@effect/vitest"
import type { Database } from "../../src/database/database.ts"
import { arraysContract } from "./arrays.contract.ts"
import { schemaContract } from "./schema.contract.ts"
import { statementContract } from "./statement.contract.ts"
import { statusContract } from "./status.contract.ts"
import { transactionContract } from "./transaction.contract.ts"

export const contract = (it: Vitest.MethodsNonLive<Database>) => {
  transactionContract(it)
  arraysContract(it)
  statementContract(it)
  schemaContract(it)
  statusContract(it)
}
