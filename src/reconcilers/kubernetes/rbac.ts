/**
 * Every right that the intake uses, and no other: the chart's rules are made from this list, and a test compares it
 * with what an API server was really asked. Of Secrets no more than `get`: nobody can list what is not referred to.
 */
import { API_GROUP } from "../../model/kinds/metadata.ts"
import { KIND_NAMES, kinds } from "../../model/kinds/kinds.ts"
import { EVENTS, LEASES, SECRETS } from "./objects.ts"

export interface Right {
  readonly group: string
  /** As in a rule: a subresource after a slash. */
  readonly resources: ReadonlyArray<string>
  readonly verbs: ReadonlyArray<"get" | "list" | "watch" | "create" | "update" | "patch">
  /** Where: in the namespaces that are watched, in those whose Secrets may be read, or in our own. */
  readonly where: "watched" | "secrets" | "own"
  readonly why: string
}

const plurals = KIND_NAMES.map((kind) => kinds[kind].plural)

export const rights: ReadonlyArray<Right> = [
  {
    group: API_GROUP,
    resources: plurals,
    verbs: ["get", "list", "watch", "patch"],
    where: "watched",
    why: "the objects themselves; patch for the finalizer"
  },
  {
    group: API_GROUP,
    resources: plurals.map((plural) => `${plural}/status`),
    verbs: ["patch"],
    where: "watched",
    why: "their status, by server-side apply"
  },
  {
    group: EVENTS.group,
    resources: [EVENTS.plural],
    verbs: ["create", "patch"],
    where: "watched",
    why: "Events on the objects; patch counts the same one again"
  },
  {
    group: SECRETS.group,
    resources: [SECRETS.plural],
    verbs: ["get"],
    where: "secrets",
    why: "tokens that Credentials refer to"
  },
  {
    group: LEASES.group,
    resources: [LEASES.plural],
    verbs: ["get", "create", "update"],
    where: "own",
    why: "the Lease of the replica that runs the intake"
  }
]
