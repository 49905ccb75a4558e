/**
 * The image's bill of materials as CycloneDX: what npm says of the installed packages, and Node. Without the time and
 * the random number that npm puts in, so that the same lock gives the same bytes.
 */
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"

const bill = JSON.parse(
  execFileSync("npm", ["sbom", "--package-lock-only", "--omit=dev", "--sbom-format=cyclonedx"], { encoding: "utf8" })
)
const { optionalDependencies } = JSON.parse(readFileSync("tools/runtime/package.json", "utf8"))
const [version] = Object.values(optionalDependencies)

delete bill.serialNumber
delete bill.metadata.timestamp
// npm's own version is that of the base image, and nothing of it is in the image.
delete bill.metadata.tools
bill.components.push({ "bom-ref": `node@${version}`, type: "platform", name: "node", version })
process.stdout.write(`${JSON.stringify(bill, undefined, 2)}\n`)
