/** The contract of the database, on the embedded one. */
import { layer } from "@effect/vitest"
import { layerEmbedded } from "../support/database.ts"
import { contract } from "./contract.ts"

layer(layerEmbedded, { excludeTestServices: true })("the database contract on PGlite", contract)
