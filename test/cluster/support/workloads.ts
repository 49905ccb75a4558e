/** What runs beside Driftless in a story: the simulated Cloudflare, from the product's own image, and a PostgreSQL. */
import { Schema } from "effect"
import { ok } from "../kubectl.ts"
import type { Proxy } from "./cluster.ts"

export const ZONE = "story.test"
export const TOKEN = "simulated-token"
export const BASE_URL = "http://simulator:8787/client/v4"
const PASSWORD = "a-password-of-this-story"
export const DATABASE_URL = `postgres://driftless:${PASSWORD}@postgres/postgres`

const restricted = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] }
}

/** A Deployment of one pod and its Service. Stopped before another is started, and never restarted for its health. */
const workload = (name: string, port: number, container: object) => {
  const labels = { app: name }
  const volumeMounts = [
    { name: "data", mountPath: "/data" },
    { name: "tmp", mountPath: "/tmp" }
  ]
  const pod = {
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
    volumes: volumeMounts.map(({ name: volume }) => ({ name: volume, emptyDir: {} })),
    containers: [
      {
        name,
        securityContext: restricted,
        volumeMounts,
        readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
        ...container
      }
    ]
  }
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name },
      spec: {
        selector: { matchLabels: labels },
        strategy: { type: "Recreate" },
        template: { metadata: { labels }, spec: pod }
      }
    },
    { apiVersion: "v1", kind: "Service", metadata: { name }, spec: { selector: labels, ports: [{ port }] } }
  ]
}

const start = async (namespace: string, name: string, port: number, container: object) => {
  const items = workload(name, port, container)
  await ok(["apply", "-n", namespace, "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }))
  await ok(["rollout", "status", "-n", namespace, `deployment/${name}`, "--timeout=55s"])
}

export const startPostgres = (namespace: string, image: string) =>
  start(namespace, "postgres", 5432, { image, env: [{ name: "POSTGRES_PASSWORD", value: PASSWORD }] })

const Records = Schema.fromJsonString(
  Schema.Array(Schema.Struct({ id: Schema.String, type: Schema.String, name: Schema.String, content: Schema.String }))
)
const Calls = Schema.fromJsonString(
  Schema.Struct({ counts: Schema.Record(Schema.String, Schema.Int), calls: Schema.Array(Schema.Unknown) })
)

export interface Simulator {
  /** The zone as it stands, a line a record, sorted. A record that is there twice has two lines. */
  readonly zone: () => Promise<ReadonlyArray<string>>
  /** Calls of the provider's API since the last `forget`, by kind and in `total`. */
  readonly calls: () => Promise<Readonly<Record<string, number>>>
  readonly forget: () => Promise<void>
}

/** With one record of a stranger in the zone. */
export const startSimulator = async (namespace: string, image: string, proxy: Proxy): Promise<Simulator> => {
  const command = ["node", "/app/src/simulator/main.ts", "--host", "0.0.0.0", "--zone", ZONE, "--token", TOKEN]
  await start(namespace, "simulator", 8787, { image, command })
  const control = `/api/v1/namespaces/${namespace}/services/simulator:8787/proxy/control`
  await proxy.call("POST", `${control}/edits`, {
    op: "create",
    zone: ZONE,
    record: { type: "TXT", name: "stranger", content: '"not ours"' }
  })
  return {
    zone: async () => {
      const records = Schema.decodeSync(Records)(await proxy.call("GET", `${control}/records?zone=${ZONE}`))
      return records.map(({ content, name, type }) => `${type} ${name} ${content}`).toSorted()
    },
    calls: async () => Schema.decodeSync(Calls)(await proxy.call("GET", `${control}/calls`)).counts,
    forget: async () => void (await proxy.call("DELETE", `${control}/calls`))
  }
}
