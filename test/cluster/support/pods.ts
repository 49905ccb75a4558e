/**
 * Signals for the process of a pod. No API sends one to a container's first process, so the process is looked for on
 * this machine: it is there when the node is this machine or a container on it (kind, k3d), and we may signal it.
 */
import { readdirSync, readFileSync } from "node:fs"

/** Process id of a pod's Node; undefined where the pod runs on another machine. */
export const processOf = (pod: string): number | undefined =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name))
    .map(Number)
    .find((id) => isNodeOf(id, pod))

const isNodeOf = (id: number, pod: string) => {
  try {
    if (!readFileSync(`/proc/${id}/cmdline`, "utf8").startsWith("node\0")) return false
    return readFileSync(`/proc/${id}/environ`, "utf8").split("\0").includes(`HOSTNAME=${pod}`)
  } catch {
    // It ended meanwhile, or belongs to somebody else.
    return false
  }
}

export const signal = (pod: string, name: NodeJS.Signals): void => {
  const id = processOf(pod)
  if (id === undefined) throw new Error(`the process of ${pod} is not on this machine`)
  process.kill(id, name)
}
