/** Documents for tests, and the API that takes them. */
import { ADMIN_TOKEN, type Answer, type Surfaces } from "./control-plane.ts"

export const MANIFESTS = "/api/v1/manifests"
export const headers = { authorization: `Bearer ${ADMIN_TOKEN}`, "content-type": "application/json" }

export const aDocument = (kind: string, name: string, spec: object, metadata: object = {}) => ({
  apiVersion: "driftless.dev/v1alpha1",
  kind,
  metadata: { name, ...metadata },
  spec
})
export const aCredential = (name: string, spec: object = {}) =>
  aDocument("Credential", name, { provider: "cloudflare", tokenFrom: { env: "CLOUDFLARE_API_TOKEN" }, ...spec })
/** Of the zone `<name>.test`, with the credential `cloudflare`. */
export const aZone = (name: string, spec: object = {}) =>
  aDocument("Domain", name, { domain: `${name}.test`, credentialRef: { name: "cloudflare" }, ...spec })
export const aRecord = (name: string, zone: string, spec: object = {}) =>
  aDocument("DnsRecord", name, { domainRef: { name: zone }, type: "A", name: "www", values: ["192.0.2.1"], ...spec })

export const actions = ({ body }: Answer) =>
  JSON.parse(JSON.stringify(body.data["applied"])).map(({ action }: { action: string }) => action)
export const errors = ({ body }: Answer): ReadonlyArray<{ path: string; message: string }> =>
  JSON.parse(JSON.stringify(body.data["errors"]))

/** `plane` is asked for on each call: it is started after the test file was read. */
export const documentsOf = (plane: () => Surfaces) => ({
  apply: (documents: ReadonlyArray<unknown>, query = "") =>
    plane().send("PUT", `${MANIFESTS}${query}`, { headers, body: JSON.stringify({ documents }) }),
  remove: (kind: string, name: string) => plane().send("DELETE", `${MANIFESTS}?kind=${kind}&name=${name}`, { headers }),
  /** The object as it is shown; undefined when it is gone. */
  shown: async (kind: string, name: string) =>
    (await plane().get(`${MANIFESTS}?kind=${kind}&name=${name}`)).body.data["list"]?.["0"],
  /** The rows that a DnsRecord has made. */
  rows: (name: string) =>
    plane().sql(
      `select r.id, r.type, r.name, r.value, r.ttl, r.desired_state as state, r.generation, r.owner_type, r.owner_id
        from dns_records r join manifests m on m.id = r.manifest_id where m.name = $1 order by r.id`,
      [name]
    )
})
