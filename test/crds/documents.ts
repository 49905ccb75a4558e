/** The documents that the tests of the definitions read: the examples, and cases with what is said of them. */
import { readdirSync, readFileSync } from "node:fs"
import { parseAllDocuments } from "yaml"

const ROOT = new URL("../../", import.meta.url)

const yamlFiles = (folder: string) =>
  readdirSync(new URL(folder, ROOT), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".yaml"))
    .toSorted()
    .map((name) => `${folder}${name}`)

export const read = (path: string) => readFileSync(new URL(path, ROOT), "utf8")

/** Strings, numbers and booleans stay what YAML says they are; each document's own value. */
export const documentsOf = (text: string): ReadonlyArray<unknown> =>
  parseAllDocuments(text).map((document) => {
    const [error] = document.errors
    if (error !== undefined) throw error
    return document.toJS() as unknown
  })

export const EXAMPLES = yamlFiles("examples/").map((path) => ({ path, documents: documentsOf(read(path)) }))

export interface Case {
  readonly path: string
  readonly text: string
  readonly documents: ReadonlyArray<unknown>
  /** What is said of it, from the file's first line; "…" stands for what differs between versions of Kubernetes. */
  readonly refused: string
}

const casesOf = (folder: string): ReadonlyArray<Case> =>
  yamlFiles(folder).map((path) => {
    const text = read(path)
    const refused = /^# refused: (.+)\n/u.exec(text)?.[1]
    if (refused === undefined) throw new Error(`${path}: the first line is not "# refused: …"`)
    return { path, text, documents: documentsOf(text), refused }
  })

/** Refused by an API server, and by the parser, in their own words each. */
export const WRONG = casesOf("test/crds/wrong/")

/** The second document is refused as a change of the first, by an API server. */
export const WRONG_CHANGES = casesOf("test/crds/wrong-changes/")

/** Refused by the parser alone, since CEL cannot say it; a controller shows it as a condition. */
export const CONTROLLER_ONLY = casesOf("test/crds/controller-only/")

/** The smallest document of each kind. */
export const SMALLEST = {
  Credential: { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" } },
  Domain: { domain: "example.test", credentialRef: { name: "cloudflare" } },
  DnsRecord: { domainRef: { name: "example" }, type: "A", name: "www", values: ["192.0.2.1"] }
} as const

export const aDocument = (kind: string, spec: object, name = "thing") => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata: { name },
  spec
})
