/**
 * `node bench/intake-server.ts <objects>`: an API server that has so many records and does nothing but tell them, as
 * the real one does: by pages, or as the initial events of a watch. It prints its URL.
 */
import { createServer } from "node:http"

const count = Number(process.argv[2] ?? 10_000)
const path = "/apis/driftless.dev/v1alpha1/dnsrecords"
const version = String(count + 1000)

/** As kubectl apply leaves it: a third of it is the managed fields. */
const objects = Array.from({ length: count }, (_, index) => {
  const spec = {
    domainRef: { name: "example" },
    type: "A",
    name: `host-${index}`,
    values: [`192.0.2.${index % 256}`, `198.51.100.${index % 256}`],
    ttl: 120,
    proxied: false,
    state: "present"
  }
  const condition = (type: string, status: string) => ({
    type,
    status,
    reason: "Converged",
    message: "2 records as asked for",
    observedGeneration: 1,
    lastTransitionTime: "2026-01-05T10:00:00Z"
  })
  return JSON.stringify({
    apiVersion: "driftless.dev/v1alpha1",
    kind: "DnsRecord",
    metadata: {
      name: `host-${index}`,
      namespace: "default",
      uid: `3f0c1d52-0000-4000-8000-${String(index).padStart(12, "0")}`,
      resourceVersion: String(index + 1000),
      generation: 1,
      creationTimestamp: "2026-01-05T10:00:00Z",
      finalizers: ["driftless.dev/cleanup"],
      annotations: { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ kind: "DnsRecord", spec }) },
      managedFields: ["kubectl", "driftless"].map((manager) => ({
        manager,
        operation: "Apply",
        apiVersion: "driftless.dev/v1alpha1",
        time: "2026-01-05T10:00:00Z",
        fieldsType: "FieldsV1",
        fieldsV1: Object.fromEntries(Object.keys(spec).map((key) => [`f:${key}`, {}]))
      }))
    },
    spec,
    status: {
      observedGeneration: 1,
      conditions: [condition("Ready", "True"), condition("Reconciling", "False"), condition("Stalled", "False")],
      records: { total: 2, active: 2, pending: 0, running: 0, error: 0, stopped: 0 },
      problems: []
    }
  })
})

const END = `{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"${version}","annotations":{"k8s.io/initial-events-end":"true"}}}}\n`
const events = `${objects.map((object) => `{"type":"ADDED","object":${object}}\n`).join("")}${END}`

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "", "http://cluster")
  response.writeHead(200, { "content-type": "application/json" })
  const isOurs = url.pathname === path
  if (url.searchParams.get("watch") === "true") {
    response.write(isOurs ? events : END)
    return
  }
  const limit = Number(url.searchParams.get("limit") ?? count)
  const from = Number(url.searchParams.get("continue") ?? 0)
  const items = isOurs ? objects.slice(from, from + limit) : []
  const next = isOurs && from + limit < count ? `,"continue":"${from + limit}"` : ""
  response.end(`{"kind":"List","metadata":{"resourceVersion":"${version}"${next}},"items":[${items.join(",")}]}`)
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  process.stdout.write(`http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}\n`)
})
