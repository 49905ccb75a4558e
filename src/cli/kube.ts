/**
 * `--kube`: the server is in a cluster, and is found and reached with what the kubeconfig allows. Looked for in the
 * namespace of the context first, as kubectl does, then in all; the token is the one of its own Secret. Loaded when it
 * is asked for: no other command needs the Kubernetes client.
 */
import { Context, Effect, Layer, Redacted, Result } from "effect"
import { accessOf, kubeconfig } from "../providers/kubernetes-access.ts"
import { layerHttp } from "../providers/kubernetes-http.ts"
import { Kubernetes, type KubernetesError, type KubeObject, type Resource } from "../providers/kubernetes.ts"
import { CommandFailed, failed } from "./failure.ts"
import { forward } from "./kube-forward.ts"
import { choose, labelsOf, type Target, type Wanted } from "./kube-search.ts"

export interface KubeFlags {
  readonly context: string | undefined
  readonly namespace: string | undefined
  readonly release: string | undefined
  /** The token, where it is given. */
  readonly token: Redacted.Redacted<string> | undefined
}

const PODS: Resource = { group: "", version: "v1", plural: "pods" }
const SECRETS: Resource = { group: "", version: "v1", plural: "secrets" }

export const inCluster = Effect.fn("cli.inCluster")(function* (flags: KubeFlags) {
  const config = yield* kubeconfig(process.env, flags.context).pipe(Effect.mapError(({ message }) => failed(message)))
  const access = accessOf(config)
  const context = `${config.getCurrentContext()} (${access.server})`
  const kubernetes = Context.get(yield* Layer.build(layerHttp(access)), Kubernetes)
  const search = find({ ...flags, context }, access.namespace).pipe(Effect.provideService(Kubernetes, kubernetes))
  const target = yield* search
  const services = yield* Effect.context<never>()
  const token = flags.token ?? (yield* tokenOf(target, context).pipe(Effect.provideService(Kubernetes, kubernetes)))
  const { close, port, trouble } = yield* Effect.tryPromise({
    try: () => forward(config, target, () => Effect.runPromiseWith(services)(search)),
    catch: (cause) => failed(`no port of this machine can be had: ${String(cause)}`)
  })
  yield* Effect.addFinalizer(() => Effect.sync(close))
  const name = `Driftless ${target.namespace}/${target.release} in ${context}`
  return {
    server: `http://127.0.0.1:${port}`,
    token,
    name,
    /** Of a connection that failed: the port of this machine says nothing to a person. */
    explained: (error: CommandFailed) =>
      error.unreachable === true
        ? new CommandFailed({
            lines: [`cannot reach ${name}: ${trouble() ?? "it does not answer"}`],
            unreachable: true
          })
        : error
  }
})

const find = Effect.fnUntraced(function* (wanted: Wanted, here: string) {
  const { context } = wanted
  const look = (namespace: string | undefined) => podsOf(wanted, namespace)
  if (wanted.namespace !== undefined) {
    const pods = yield* look(wanted.namespace).pipe(
      Effect.mapError(cannot(context, `list pods in ${wanted.namespace}`))
    )
    return yield* Effect.fromResult(choose(wanted, pods))
  }
  const near = yield* Effect.result(look(here))
  if (Result.isSuccess(near) && near.success.length > 0) return yield* Effect.fromResult(choose(wanted, near.success))
  const all = yield* look(undefined).pipe(
    Effect.mapError((error) =>
      error.reason._tag === "Forbidden"
        ? failed(
            Result.isSuccess(near)
              ? `found no Driftless in the namespace ${here} of ${context}, and this user may not look in all of them`
              : `this user may not list pods in the namespace ${here} of ${context}, nor in all of them`,
            "name the namespace with --kube-namespace"
          )
        : cannot(context, "list pods")(error)
    )
  )
  return yield* Effect.fromResult(choose(wanted, all))
})

const podsOf = Effect.fnUntraced(function* (wanted: Wanted, namespace: string | undefined) {
  const kubernetes = yield* Kubernetes
  const scope = { resource: PODS, ...(namespace === undefined ? {} : { namespace }) }
  const found: Array<KubeObject> = []
  let next: string | undefined
  do {
    const page = yield* kubernetes.list(scope, { limit: 500, continue: next, labels: labelsOf(wanted) })
    found.push(...page.items)
    next = page.continue
  } while (next !== undefined)
  return found
})

const tokenOf = Effect.fnUntraced(function* ({ namespace, token }: Target, context: string) {
  if (token === undefined) return yield* failed(`Driftless in ${namespace} has its token in no Secret; ${OTHERWISE}`)
  const { key, secret } = token
  const where = `the Secret ${namespace}/${secret}`
  const object = yield* (yield* Kubernetes)
    .get({ resource: SECRETS, namespace, name: secret })
    .pipe(
      Effect.mapError((error) =>
        error.reason._tag === "Forbidden"
          ? failed(`this user may not read ${where}, which holds the token; ${OTHERWISE}`)
          : cannot(context, `read ${where}`)(error)
      )
    )
  const { data } = object ?? {}
  const value = typeof data === "object" && data !== null ? (data as Readonly<Record<string, unknown>>)[key] : undefined
  if (typeof value !== "string") return yield* failed(`${where} has no ${key}, which would be the token; ${OTHERWISE}`)
  return Redacted.make(Buffer.from(value, "base64").toString("utf8").trim())
})

const OTHERWISE = "give --token or set DRIFTLESS_ADMIN_TOKEN"

const cannot =
  (context: string, what: string) =>
  ({ message, reason }: KubernetesError): CommandFailed => {
    if (reason._tag === "Forbidden") return failed(`this user may not ${what} of ${context}: ${message}`)
    if (reason._tag === "Unauthorized") return failed(`${context} does not know this user: ${message}`)
    if (reason._tag !== "Unavailable") return failed(`cannot ${what} of ${context}: ${message}`)
    return new CommandFailed({ lines: [`cannot reach the API server of ${context}: ${message}`], unreachable: true })
  }
