/**
 * Which installation of a cluster is meant, and by which of its pods it is reached. Pure. Pods are known by the labels
 * of the chart, their port by its name, and their token by the Secret that their own environment names.
 *
 *   found                                    | then
 *   -----------------------------------------|------------------------------------------------
 *   no pod of a controller                   | failed, with how it was looked for
 *   pods of several installations            | failed, with their names and the flags that choose
 *   pods of one, and none of them is ready   | failed, with the state of each
 *   a ready pod                              | that one
 */
import { Option, Result, Schema } from "effect"
import { CommandFailed, failed } from "./failure.ts"

export interface Wanted {
  /** As the kubeconfig calls the cluster. */
  readonly context: string
  /** Undefined is wherever it is. */
  readonly namespace: string | undefined
  readonly release: string | undefined
}

export interface Target {
  readonly namespace: string
  readonly release: string
  readonly pod: string
  readonly port: number
  readonly token: { readonly secret: string; readonly key: string } | undefined
}

const RELEASE = "app.kubernetes.io/instance"

export const labelsOf = ({ release }: Wanted): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/part-of": "driftless",
  "app.kubernetes.io/component": "controller",
  ...(release === undefined ? {} : { [RELEASE]: release })
})

const Pod = Schema.Struct({
  metadata: Schema.Struct({
    name: Schema.String,
    namespace: Schema.String,
    labels: Schema.Record(Schema.String, Schema.String),
    deletionTimestamp: Schema.optionalKey(Schema.String)
  }),
  spec: Schema.Struct({
    containers: Schema.Array(
      Schema.Struct({
        ports: Schema.optionalKey(
          Schema.Array(Schema.Struct({ name: Schema.optionalKey(Schema.String), containerPort: Schema.Int }))
        ),
        env: Schema.optionalKey(
          Schema.Array(
            Schema.Struct({
              name: Schema.String,
              valueFrom: Schema.optionalKey(
                Schema.Struct({
                  secretKeyRef: Schema.optionalKey(Schema.Struct({ name: Schema.String, key: Schema.String }))
                })
              )
            })
          )
        )
      })
    )
  }),
  status: Schema.Struct({
    phase: Schema.optionalKey(Schema.String),
    conditions: Schema.optionalKey(Schema.Array(Schema.Struct({ type: Schema.String, status: Schema.String })))
  })
})
type Pod = typeof Pod.Type
const decode = Schema.decodeUnknownOption(Pod)

export const choose = (wanted: Wanted, objects: ReadonlyArray<unknown>): Result.Result<Target, CommandFailed> => {
  const pods = objects
    .map((object) => decode(object))
    .filter(Option.isSome)
    .map(({ value }) => value)
  const found = [...new Set(pods.map(installationOf))].toSorted()
  if (found.length === 0) return Result.fail(failed(...nothing(wanted)))
  if (found.length > 1) {
    return Result.fail(
      failed(
        `there are several installations of Driftless: ${found.join(", ")} (NAMESPACE/RELEASE)`,
        "say which is meant with --kube-namespace NAMESPACE or --release RELEASE"
      )
    )
  }
  const ready = pods.filter(isReady).flatMap(targetOf)[0]
  if (ready !== undefined) return Result.succeed(ready)
  const states = pods.map((pod) => `${pod.metadata.name} is ${stateOf(pod)}`).join(", ")
  return Result.fail(
    new CommandFailed({ lines: [`no pod of Driftless ${found.join("")} is ready: ${states}`], unreachable: true })
  )
}

const nothing = (wanted: Wanted): ReadonlyArray<string> => {
  const { context, namespace, release } = wanted
  const labels = Object.entries(labelsOf(wanted)).map(([name, value]) => `${name}=${value}`)
  return [
    `found no Driftless${release === undefined ? "" : ` "${release}"`} in ${namespace === undefined ? "any namespace" : `the namespace ${namespace}`} of ${context}: no pod has the labels ${labels.join(",")}`,
    "another cluster is chosen by --context, another namespace by --kube-namespace"
  ]
}

const installationOf = ({ metadata }: Pod) => `${metadata.namespace}/${metadata.labels[RELEASE] ?? ""}`

const isReady = ({ metadata, status }: Pod) =>
  metadata.deletionTimestamp === undefined &&
  status.conditions?.some(({ status: is, type }) => type === "Ready" && is === "True") === true

const stateOf = ({ metadata, status }: Pod) =>
  metadata.deletionTimestamp === undefined ? (status.phase ?? "Unknown") : "being stopped"

const targetOf = ({ metadata, spec }: Pod): ReadonlyArray<Target> =>
  spec.containers.flatMap(({ env = [], ports = [] }) => {
    const port = ports.find(({ name }) => name === "api")
    if (port === undefined) return []
    const ref = env.find(({ name }) => name === "DRIFTLESS_ADMIN_TOKEN")?.valueFrom?.secretKeyRef
    return [
      {
        namespace: metadata.namespace,
        release: metadata.labels[RELEASE] ?? "",
        pod: metadata.name,
        port: port.containerPort,
        token: ref === undefined ? undefined : { secret: ref.name, key: ref.key }
      }
    ]
  })
