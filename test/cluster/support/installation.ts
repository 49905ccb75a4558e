/** Driftless in a story: the chart with its image and the simulator, and the objects that are asked for. */
import { Schema } from "effect"
import { API_VERSION } from "../../../src/model/kinds/metadata.ts"
import { DEFINITIONS, kubectl, ok } from "../kubectl.ts"
import { type Proxy, run } from "./cluster.ts"
import { BASE_URL, TOKEN, ZONE } from "./workloads.ts"

export const CHART = "helm/driftless"
export const RELEASE = "driftless"

export interface Values {
  readonly [key: string]: unknown
}

/** `helm install --wait` and `helm upgrade --wait`; the values beside the image and where the provider is. */
export const helm = (verb: "install" | "upgrade", namespace: string, image: string, values: Values, chart = CHART) => {
  const at = image.lastIndexOf(":")
  const all: Values = {
    image: { repository: image.slice(0, at), tag: image.slice(at + 1) },
    extraEnv: [{ name: "CLOUDFLARE_BASE_URL", value: BASE_URL }],
    ...values
  }
  const sets = Object.entries(all).flatMap(([key, value]) => ["--set-json", `${key}=${JSON.stringify(value)}`])
  return run("helm", [verb, RELEASE, chart, "-n", namespace, "--wait", "--timeout", "240s", ...sets])
}

export const uninstall = (namespace: string) =>
  run("helm", ["uninstall", RELEASE, "-n", namespace, "--wait", "--timeout", "240s"])

const object = (kind: string, name: string, spec: unknown) => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name },
  spec
})

const nameOf = (index: number) => `r${String(index).padStart(3, "0")}`

export const recordOf = (index: number, address: string) =>
  object("DnsRecord", nameOf(index), {
    domainRef: { name: "zone" },
    type: "A",
    name: nameOf(index),
    values: [address]
  })

const addressOf = (index: number) => `198.51.${Math.floor(index / 250)}.${(index % 250) + 1}`

/** Credential with its Secret, Domain, and so many records. */
export const askFor = async (namespace: string, records: number) => {
  const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "cloudflare" }, stringData: { token: TOKEN } }
  const items = [
    secret,
    object("Credential", "cloudflare", {
      provider: "cloudflare",
      tokenFrom: { secretRef: { name: "cloudflare", key: "token" } }
    }),
    object("Domain", "zone", { domain: ZONE, credentialRef: { name: "cloudflare" }, maxDeletions: "100%" }),
    ...Array.from({ length: records }, (_, index) => recordOf(index, addressOf(index)))
  ]
  await ok(["apply", "-n", namespace, "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }))
}

/** The zone's lines for what `askFor` asked for. */
export const asked = (records: number): ReadonlyArray<string> =>
  Array.from({ length: records }, (_, index) => `A ${nameOf(index)}.${ZONE} ${addressOf(index)}`)

const Listed = Schema.fromJsonString(
  Schema.Struct({
    items: Schema.Array(
      Schema.Struct({
        metadata: Schema.Struct({
          name: Schema.String,
          generation: Schema.Int,
          finalizers: Schema.optionalKey(Schema.Array(Schema.String))
        }),
        status: Schema.optionalKey(
          Schema.Struct({
            conditions: Schema.optionalKey(
              Schema.Array(
                Schema.Struct({ type: Schema.String, status: Schema.String, observedGeneration: Schema.Int })
              )
            )
          })
        )
      })
    )
  })
)

export const listed = async (proxy: Proxy, namespace: string, plural: string) =>
  Schema.decodeSync(Listed)(await proxy.call("GET", `/apis/${API_VERSION}/namespaces/${namespace}/${plural}`)).items

/** Records that say that their present generation is at the provider. */
export const readyRecords = async (proxy: Proxy, namespace: string): Promise<number> =>
  (await listed(proxy, namespace, "dnsrecords")).filter(({ metadata, status }) =>
    status?.conditions?.some(
      ({ observedGeneration, status: is, type }) =>
        type === "Ready" && is === "True" && observedGeneration === metadata.generation
    )
  ).length

/** Removes what a story made, whatever state it left: nothing may hang because nobody is there to let it go. */
export const cleanUp = async (namespace: string, definitionsBefore: ReadonlyArray<string>) => {
  // A controller that still runs would hold on to what is let go here.
  await uninstall(namespace).catch(() =>
    run("helm", ["uninstall", RELEASE, "-n", namespace, "--no-hooks"]).catch(() => "")
  )
  for (const definition of DEFINITIONS) {
    const { out } = await kubectl(["get", definition, "-n", namespace, "-o", "name"])
    const objects = out.split("\n").filter((name) => name !== "")
    if (objects.length === 0) continue
    const free = ["patch", "-n", namespace, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`]
    await kubectl([...free, ...objects])
    await kubectl(["delete", definition, "--all", "-n", namespace])
  }
  await kubectl(["delete", "namespace", namespace, "--wait=false"])
  // The next test may want them again, and would meet what is still going.
  const made = (await definitions()).filter((each) => !definitionsBefore.includes(each))
  if (made.length > 0) await ok(["delete", ...made])
}

/** Those of ours that the cluster has. */
export const definitions = async (): Promise<ReadonlyArray<string>> =>
  (await ok(["get", "crd", "-o", "name"])).split("\n").filter((name) => name.endsWith(".driftless.dev"))
