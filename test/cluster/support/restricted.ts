/**
 * The API server as the controller sees it in a cluster: by a service account that has the rights of
 * `src/reconcilers/kubernetes/rbac.ts` in one namespace and no others, its token read from files as in a pod.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { serviceAccount, type ClusterAccess } from "../../../src/providers/kubernetes-access.ts"
import { rights } from "../../../src/reconcilers/kubernetes/rbac.ts"
import { ok } from "../kubectl.ts"

export interface Restricted {
  readonly access: ClusterAccess
  readonly close: () => Promise<void>
}

const NAME = "driftless"

export const restricted = async (namespace: string): Promise<Restricted> => {
  const rules = rights.map(({ group, resources, verbs }) => ({ apiGroups: [group], resources, verbs }))
  const metadata = { name: NAME, namespace }
  const rbac = "rbac.authorization.k8s.io"
  const documents = [
    { apiVersion: "v1", kind: "ServiceAccount", metadata },
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: rbac, kind: "Role", name: NAME },
      subjects: [{ kind: "ServiceAccount", name: NAME, namespace }]
    }
  ]
  await ok(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items: documents }))
  const directory = await mkdtemp(join(tmpdir(), "driftless-account-"))
  const config = (path: string) => ok(["config", "view", "--raw", "--minify", "-o", `jsonpath={${path}}`])
  const ca = Buffer.from(await config(".clusters[0].cluster.certificate-authority-data"), "base64")
  await writeFile(join(directory, "ca.crt"), ca)
  await writeFile(join(directory, "namespace"), namespace)
  await writeFile(join(directory, "token"), await ok(["create", "token", NAME, "-n", namespace, "--duration=1h"]))
  const { hostname, port } = new URL(await config(".clusters[0].cluster.server"))
  const environment = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port === "" ? "443" : port }
  return {
    access: await serviceAccount(environment, directory),
    close: () => rm(directory, { recursive: true })
  }
}
