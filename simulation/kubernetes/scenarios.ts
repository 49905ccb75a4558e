/** The canonical stories with a cluster. */
import type { Scenario } from "../steps.ts"

export const credential = { provider: "cloudflare", tokenFrom: { secretRef: { name: "cloudflare", key: "token" } } }
export const domain = (zone: string, spec: object = {}) => ({
  domain: zone,
  credentialRef: { name: "cloudflare" },
  ...spec
})
export const record = (name: string, values: ReadonlyArray<string>, spec: object = {}) => ({
  domainRef: { name: "example" },
  type: "A",
  name,
  values,
  ...spec
})

/** A Secret, a Credential and a Domain of the first zone, one after the other. */
const base = [
  { at: 1, do: "kubectl secret", name: "cloudflare", token: 0 },
  { at: 1.1, do: "kubectl apply", kind: "Credential", name: "cloudflare", spec: credential },
  { at: 1.2, do: "kubectl apply", kind: "Domain", name: "example", spec: domain("zone0.test") }
] as const

const objects: Scenario = {
  name: "objects",
  about:
    "objects are applied, edited while the edit before is on its way, and deleted, one after a stranger did; one comes back",
  replicas: 1,
  zones: 0,
  cluster: { zones: 1, initialEvents: true },
  length: 32,
  steps: [
    ...base,
    { at: 1.3, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.1"]) },
    { at: 1.4, do: "kubectl apply", kind: "DnsRecord", name: "app", spec: record("app", ["192.0.2.9"]) },
    { at: 6, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.2", "192.0.2.3"]) },
    { at: 6.3, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.3"], { ttl: 300 }) },
    { at: 12, do: "stranger deletes", zone: 0, type: "A", name: "app" },
    { at: 12.5, do: "kubectl delete", kind: "DnsRecord", name: "app" },
    { at: 14, do: "kubectl delete", kind: "DnsRecord", name: "www" },
    { at: 14.2, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.4"]) },
    { at: 20, do: "kubectl apply", kind: "DnsRecord", name: "brief", spec: record("brief", ["192.0.2.5"]) },
    { at: 20.3, do: "kubectl delete", kind: "DnsRecord", name: "brief" }
  ]
}

const rotation: Scenario = {
  name: "rotation",
  about:
    "a token is rotated and the old one revoked, the Secret goes for a while, the watches lose their place, and the database what it heard last",
  replicas: 1,
  zones: 0,
  cluster: { zones: 1, initialEvents: false },
  length: 70,
  steps: [
    { at: 1, do: "kubectl apply", kind: "DnsRecord", name: "note", spec: record("note", ["hello"], { type: "TXT" }) },
    ...base,
    { at: 12, do: "token revoked", seconds: 600, token: 0 },
    { at: 14, do: "kubectl apply", kind: "DnsRecord", name: "note", spec: record("note", ["world"], { type: "TXT" }) },
    { at: 20, do: "kubectl secret", name: "cloudflare", token: 1 },
    { at: 30, do: "cluster expires" },
    { at: 30, do: "kubectl delete", kind: "DnsRecord", name: "note" },
    { at: 35, do: "kubectl secret", name: "cloudflare", token: null },
    { at: 36, do: "cluster meddles" },
    { at: 40, do: "kubectl apply", kind: "DnsRecord", name: "app", spec: record("app", ["192.0.2.1"]) },
    { at: 48, do: "kubectl secret", name: "cloudflare", token: 1 },
    { at: 54, do: "fail-over", lostSeconds: 6 },
    { at: 57, do: "kubectl apply", kind: "DnsRecord", name: "late", spec: record("late", ["192.0.2.2"]) }
  ]
}

const namespace: Scenario = {
  name: "namespace",
  about: "the holder of the Lease stands still while a namespace is deleted with all in it, and made again by the next",
  replicas: 2,
  zones: 0,
  cluster: { zones: 1, initialEvents: true },
  length: 100,
  steps: [
    ...base,
    { at: 1.3, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.1"]) },
    { at: 8, do: "stall", replica: 0, seconds: 40 },
    { at: 8.1, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.2"]) },
    { at: 20, do: "cluster forgets" },
    { at: 30, do: "kubectl delete namespace" },
    { at: 31, do: "kubectl secret", name: "cloudflare", token: 1 },
    { at: 31, do: "kubectl apply", kind: "Credential", name: "cloudflare", spec: credential },
    { at: 31, do: "kubectl apply", kind: "Domain", name: "example", spec: domain("zone0.test") },
    { at: 75, do: "cluster away", seconds: 8 },
    { at: 78, do: "kubectl apply", kind: "DnsRecord", name: "new", spec: record("new", ["192.0.2.3"]) }
  ]
}

const unsent: Scenario = {
  name: "unsent",
  about: "a record, and then a namespace with all in it, is deleted before there ever was a Secret",
  replicas: 1,
  zones: 0,
  cluster: { zones: 1, initialEvents: true },
  length: 24,
  steps: [
    ...base.slice(1),
    { at: 1.3, do: "kubectl apply", kind: "DnsRecord", name: "www", spec: record("www", ["192.0.2.1"]) },
    { at: 1.4, do: "kubectl apply", kind: "DnsRecord", name: "app", spec: record("app", ["192.0.2.2"]) },
    { at: 6, do: "kubectl delete", kind: "DnsRecord", name: "app" },
    { at: 14, do: "kubectl delete namespace" }
  ]
}

const refused: Scenario = {
  name: "refused",
  about: "an object asks for what cannot stand beside an older record, and says so at the end",
  replicas: 1,
  zones: 0,
  cluster: { zones: 1, initialEvents: true },
  length: 8,
  steps: [
    ...base,
    { at: 1.3, do: "kubectl apply", kind: "DnsRecord", name: "first", spec: record("www", ["192.0.2.1"]) },
    {
      at: 4,
      do: "kubectl apply",
      kind: "DnsRecord",
      name: "second",
      onceReady: "first",
      spec: record("www", ["example.net"], { type: "CNAME" })
    }
  ]
}

export const CLUSTER_SCENARIOS: ReadonlyArray<Scenario> = [objects, rotation, namespace, unsent, refused]
