/**
 * How to reach the API server. In a pod: the service account, its token read again every minute. Elsewhere: the
 * kubeconfig, with all that it may name (exec plugins, client certificates, OIDC), read by the official client, which
 * is loaded only then.
 */
import type { KubeConfig } from "@kubernetes/client-node"
import { Data, Effect } from "effect"
import { existsSync } from "node:fs"
import { readFile } from "node:fs/promises"
import { Agent, type AgentOptions, type RequestOptions } from "node:https"
import { homedir } from "node:os"
import { join } from "node:path"
import { isDeepStrictEqual } from "node:util"

export interface ClusterAccess {
  /** URL of the API server. */
  readonly server: string
  /** Of ourselves: where our Lease is. */
  readonly namespace: string
  /** What a request bears; `refresh` when the last was refused. */
  readonly authorize: (refresh: boolean) => Promise<Authorization>
}

export interface Authorization extends Pick<RequestOptions, "agent" | "auth"> {
  /** Of watches, where they do not share the connections of other calls. */
  readonly watchAgent?: RequestOptions["agent"]
  readonly headers: Readonly<Record<string, string>>
}

/** No cluster can be reached as it is set up; the message says why. */
export class NoCluster extends Data.TaggedError("NoCluster")<{ readonly message: string }> {}

type Environment = Readonly<Record<string, string | undefined>>

/** Whether this process runs in a pod that may talk to its cluster. */
export const isInCluster = (environment: Environment): boolean =>
  environment["KUBERNETES_SERVICE_HOST"] !== undefined && environment["KUBERNETES_SERVICE_PORT"] !== undefined

/** The service account of the pod; else the kubeconfig that `KUBECONFIG` or `~/.kube/config` names. */
export const clusterAccess = (environment: Environment): Effect.Effect<ClusterAccess, NoCluster> =>
  isInCluster(environment) && environment["KUBECONFIG"] === undefined
    ? Effect.tryPromise({ try: () => serviceAccount(environment), catch: noCluster })
    : Effect.map(kubeconfig(environment), accessOf)

const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"

/** `directory` holds `token`, `ca.crt` and `namespace`. */
export async function serviceAccount(environment: Environment, directory = ACCOUNT): Promise<ClusterAccess> {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? ""
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "443"
  const agents = agentsFor({ ca: await readFile(`${directory}/ca.crt`) })
  const namespace = (await readFile(`${directory}/namespace`, "utf8")).trim()
  let token = ""
  let readAt = Number.NEGATIVE_INFINITY
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace,
    authorize: async (refresh) => {
      // The kubelet writes a new token long before the old one ends.
      if (refresh || performance.now() - readAt > TOKEN_LIFE) {
        token = (await readFile(`${directory}/token`, "utf8")).trim()
        readAt = performance.now()
      }
      return { ...agents, headers: { authorization: `Bearer ${token}` } }
    }
  }
}

/** Milliseconds. */
const TOKEN_LIFE = 60_000

/** The kubeconfig that a person uses, with this context or its present one; in a pod without one, the account. */
export const kubeconfig = (environment: Environment, context?: string): Effect.Effect<KubeConfig, NoCluster> =>
  Effect.tryPromise({ try: () => loaded(environment, context), catch: noCluster })

async function loaded(environment: Environment, context?: string): Promise<KubeConfig> {
  const named = environment["KUBECONFIG"] || undefined
  const usual = join(homedir(), ".kube", "config")
  // The client would go on with an address of its own.
  if (named === undefined && !existsSync(usual) && !isInCluster(environment)) {
    throw new Error(`there is no kubeconfig: KUBECONFIG is not set, and there is no file ${usual}`)
  }
  const { KubeConfig } = await import("@kubernetes/client-node")
  const config = new KubeConfig()
  try {
    config.loadFromDefault()
  } catch (cause) {
    throw new Error(`the kubeconfig ${named ?? usual} cannot be read: ${wordsOf(cause)}`, { cause })
  }
  if (context !== undefined) config.setCurrentContext(context)
  if (config.getCurrentCluster() !== null) return config
  const contexts = config.getContexts().map(({ name }) => name)
  const known = contexts.length === 0 ? "none" : contexts.join(", ")
  throw new Error(
    `the kubeconfig has no ${context === undefined ? "current context" : `context "${context}"`} with a cluster; contexts: ${known}`
  )
}

const wordsOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause))
const noCluster = (cause: unknown) => new NoCluster({ message: wordsOf(cause) })

/** As the kubeconfig says. */
export function accessOf(config: KubeConfig): ClusterAccess {
  const cluster = config.getCurrentCluster()
  const context = config.getContextObject(config.getCurrentContext())
  let known: { readonly tls: AgentOptions; readonly agents: Agents } | undefined
  return {
    server: cluster?.server ?? "",
    namespace: context?.namespace ?? "default",
    authorize: async () => {
      const options: RequestOptions = {}
      await config.applyToHTTPSOptions(options)
      const { ca, cert, key, passphrase, pfx, rejectUnauthorized, servername } = options
      const tls = defined({ ca, cert, key, passphrase, pfx, rejectUnauthorized, servername })
      // Connections are kept for as long as the certificates stay the same.
      if (known === undefined || !isDeepStrictEqual(known.tls, tls)) {
        for (const agent of Object.values(known?.agents ?? {})) agent.destroy()
        known = { tls, agents: agentsFor(tls) }
      }
      return {
        ...(cluster?.server.startsWith("http:") === true
          ? {}
          : cluster?.proxyUrl === undefined
            ? known.agents
            : { agent: options.agent }),
        ...(options.auth == null ? {} : { auth: options.auth }),
        headers: Object.fromEntries(
          Object.entries(options.headers ?? {}).flatMap(([name, value]) =>
            typeof value === "string" ? [[name, value]] : []
          )
        )
      }
    }
  }
}

const defined = (options: object): AgentOptions =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))

type Agents = ReturnType<typeof agentsFor>

/**
 * Dead peers are found by keep-alive probes, long before a watch would end. A watch holds its connection for minutes:
 * however many there are, no other call may wait for one of them to end.
 */
const agentsFor = (tls: AgentOptions) => {
  const options = { ...tls, keepAlive: true, keepAliveMsecs: 30_000 }
  return { agent: new Agent({ ...options, maxSockets: 64 }), watchAgent: new Agent(options) }
}
