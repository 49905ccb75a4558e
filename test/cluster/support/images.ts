/**
 * The images of the stories. Either both are on the nodes already and named by DRIFTLESS_IMAGE and
 * DRIFTLESS_POSTGRES_IMAGE, or they are built here and put there by the command of DRIFTLESS_IMAGE_LOADER.
 */
import { leaveOut, run } from "./cluster.ts"

export interface Images {
  readonly product: string
  readonly postgres: string | undefined
}

/** Undefined where neither is given; says so. */
export const images = async (): Promise<Images | undefined> => {
  const product = process.env["DRIFTLESS_IMAGE"]
  if (product !== undefined) return { product, postgres: process.env["DRIFTLESS_POSTGRES_IMAGE"] }
  if (process.env["DRIFTLESS_IMAGE_LOADER"] !== undefined) {
    const build = async (...args: ReadonlyArray<string>) => {
      const [image = ""] = args
      await run("tools/image/build-and-load.sh", args, 1200)
      return image
    }
    return {
      product: await build("driftless:test"),
      postgres: await build("driftless-postgres:test", "test/cluster/support/postgres")
    }
  }
  leaveOut("the stories in a cluster", "neither DRIFTLESS_IMAGE nor DRIFTLESS_IMAGE_LOADER is set")
  return undefined
}
