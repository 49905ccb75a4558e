/** The contract of the database, on each real PostgreSQL there is: npm's, Debian's 15, and DATABASE_URL. */
import { describe, layer } from "@effect/vitest"
import { layerFresh, offerOf, skipped } from "../support/database.ts"
import { contract } from "./contract.ts"

for (const tier of ["npm", "debian", "given"] as const) {
  const offer = await offerOf(tier)
  describe.skipIf(offer.missing)(`the database contract on PostgreSQL, ${tier}${skipped(offer)}`, () => {
    layer(layerFresh(offer), { excludeTestServices: true })(contract)
  })
}
