/**
 * What the Helm chart's hooks run in a cluster, beside an installation:
 *
 *   make-secrets --secret NAME
 *       makes the Secret with the installation's encryption key and its administrator's token, unless it is there
 *   let-go --deployment NAME --instance RELEASE [--namespace NAMESPACE]…
 *       stops the controller, then takes our finalizer off every object that stays (of all namespaces unless some are
 *       named), so that nobody waits for a controller that is gone. Nothing outside the cluster is touched.
 */
import { Data, Effect, Schedule } from "effect"
import { randomBytes } from "node:crypto"
import { parseArgs } from "node:util"
import { KIND_NAMES } from "../model/kinds/kinds.ts"
import { runProcess } from "../process.ts"
import { clusterAccess } from "../providers/kubernetes-access.ts"
import { layerHttp } from "../providers/kubernetes-http.ts"
import {
  Kubernetes,
  type KubernetesError,
  type KubeObject,
  type Place,
  type Resource,
  type Scope
} from "../providers/kubernetes.ts"
import { FINALIZER, isHeld, resourceOf, SECRETS } from "../reconcilers/kubernetes/objects.ts"

class WrongUse extends Data.TaggedError("WrongUse")<{ readonly message: string }> {}
class StillRunning extends Data.TaggedError("StillRunning")<{ readonly message: string }> {}

const DEPLOYMENTS: Resource = { group: "apps", version: "v1", plural: "deployments" }
const PODS: Resource = { group: "", version: "v1", plural: "pods" }

const say = (text: string) => Effect.sync(() => process.stdout.write(`${text}\n`))

/** Two at a time end with one Secret: whoever comes second finds it. */
export const makeSecrets = Effect.fnUntraced(function* (namespace: string, name: string) {
  const kubernetes = yield* Kubernetes
  const place = { resource: SECRETS, namespace, name }
  if ((yield* kubernetes.get(place)) !== null) return yield* say(`the Secret ${name} is there and stays as it is`)
  const body = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace, labels: { "app.kubernetes.io/part-of": "driftless" } },
    type: "Opaque",
    stringData: { "encryption-key": randomBytes(32).toString("base64"), "admin-token": randomBytes(32).toString("hex") }
  }
  yield* kubernetes.create(place, body).pipe(Effect.catchReason("KubernetesError", "Conflict", () => Effect.void))
  yield* say(
    `the Secret ${name} was made; keep a copy of its encryption-key: without it the database's secrets are lost`
  )
})

interface Controller {
  readonly deployment: string
  readonly instance: string
  readonly namespace: string
}

/** Returns when the last process is gone: one that still runs would put the finalizers back. */
export const stop = Effect.fnUntraced(function* ({ deployment, instance, namespace }: Controller) {
  const kubernetes = yield* Kubernetes
  const place = { resource: DEPLOYMENTS, namespace, name: deployment }
  yield* kubernetes
    .patch(place, { how: "merge", body: { spec: { replicas: 0 } } })
    .pipe(Effect.catchReason("KubernetesError", "NotFound", () => Effect.void))
  const labels = { "app.kubernetes.io/instance": instance, "app.kubernetes.io/component": "controller" }
  const gone = Effect.gen(function* () {
    const running = (yield* all({ resource: PODS, namespace }, labels)).filter(mayRun)
    if (running.length === 0) return
    const names = running.map(({ metadata }) => metadata.name).join(", ")
    return yield* new StillRunning({ message: `these pods still run: ${names}` })
  })
  yield* Effect.retry(gone, Schedule.max([Schedule.spaced("500 millis"), Schedule.recurs(240)]))
  yield* say("the controller is stopped")
})

/** One that was evicted stays, and no scaling takes it away; nothing of it runs. */
const mayRun = ({ status }: KubeObject): boolean => {
  const phase = typeof status === "object" && status !== null && "phase" in status ? status.phase : undefined
  return phase !== "Failed" && phase !== "Succeeded"
}

export const letGo = Effect.fnUntraced(function* (namespaces: ReadonlyArray<string>) {
  const scopes = KIND_NAMES.flatMap((kind) => {
    const resource = resourceOf(kind)
    return namespaces.length === 0 ? [{ resource }] : namespaces.map((namespace) => ({ resource, namespace }))
  })
  const held = (yield* Effect.forEach(scopes, (scope) =>
    Effect.map(all(scope), (objects) => objects.filter(isHeld).map((object) => placeOf(scope, object)))
  )).flat()
  yield* Effect.forEach(held, release, { concurrency: 8, discard: true })
  yield* say(`the finalizer was taken off ${held.length} objects; what they made outside stays`)
})

const placeOf = ({ resource }: Scope, { metadata: { name, namespace = "" } }: KubeObject): Place => ({
  resource,
  namespace,
  name
})

/** Reads before each try, so that another writer's finalizer is never lost. */
const release = Effect.fnUntraced(function* (place: Place) {
  const kubernetes = yield* Kubernetes
  const once = Effect.gen(function* () {
    const object = yield* kubernetes.get(place)
    if (object === null || !isHeld(object)) return
    const { finalizers = [], resourceVersion } = object.metadata
    const metadata = { resourceVersion, finalizers: finalizers.filter((each) => each !== FINALIZER) }
    yield* kubernetes.patch(place, { how: "merge", body: { metadata } })
  })
  yield* once.pipe(
    Effect.catchReason("KubernetesError", "NotFound", () => Effect.void),
    Effect.retry({ times: 5, schedule: Schedule.spaced("200 millis") })
  )
})

/** Every object of a scope that bears these labels; none where the kind itself is not served. */
const all = Effect.fnUntraced(
  function* (scope: Scope, labels: Readonly<Record<string, string>> = {}) {
    const kubernetes = yield* Kubernetes
    const found: Array<KubeObject> = []
    let next: string | undefined
    do {
      const page = yield* kubernetes.list(scope, { limit: 500, continue: next, labels })
      found.push(...page.items)
      next = page.continue
    } while (next !== undefined)
    return found
  },
  Effect.catchReason("KubernetesError", "NotFound", () => Effect.succeed<ReadonlyArray<KubeObject>>([]))
)

const OPTIONS = {
  secret: { type: "string" },
  deployment: { type: "string" },
  instance: { type: "string" },
  namespace: { type: "string", multiple: true }
} as const

const chosen = (
  args: ReadonlyArray<string>,
  here: string
): Effect.Effect<void, WrongUse | StillRunning | KubernetesError, Kubernetes> => {
  const { positionals, values } = parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })
  const { deployment, instance, namespace = [], secret } = values
  const command = positionals.join(" ")
  if (command === "make-secrets" && secret !== undefined) return makeSecrets(here, secret)
  if (command === "let-go" && deployment !== undefined && instance !== undefined) {
    return Effect.andThen(stop({ deployment, instance, namespace: here }), letGo(namespace))
  }
  return Effect.fail(
    new WrongUse({ message: "one of: make-secrets --secret NAME, let-go --deployment NAME --instance NAME" })
  )
}

const program = Effect.gen(function* () {
  const access = yield* clusterAccess(process.env)
  yield* Effect.provide(chosen(process.argv.slice(2), access.namespace), layerHttp(access))
})

if (import.meta.main) runProcess(program)
