/** A planted bug whose patch has gone stale would be a proof that no longer proves anything. */
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const ROOT = join(import.meta.dirname, "../..")
const FOLDER = "simulation/mutants"
const patches = readdirSync(join(ROOT, FOLDER)).filter((name) => name.endsWith(".patch"))

describe("a planted bug", () => {
  it("is one of at least twenty-five", () => {
    expect(patches.length).toBeGreaterThanOrEqual(25)
  })

  it.for(patches)("%s can be planted into the tree as it stands", (patch) => {
    execFileSync("git", ["apply", "--check", join(FOLDER, patch)], { cwd: ROOT, stdio: "pipe" })
  })
})
