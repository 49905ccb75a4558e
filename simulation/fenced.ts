/** Which tables need a fence, in words of the simulation's own. */
import type { Change } from "./store.ts"

/** Takes away what nothing needs any more, whoever comes to it: no fence is asked for. */
const ANYBODY = "manifests.finishDeletions"

/**
 * All that passes write, and only under their fence. Not the budgets, which all share; nor credentials, since a token in
 * clear is encrypted by whoever reads it first; nor what was abandoned, which nobody does here.
 */
const FENCED: ReadonlySet<string> = new Set([
  "dns_records",
  "dns_ledger",
  "dns_tombstones",
  "dns_zones",
  "domains",
  "domain_dns_providers",
  "domain_dns_zone_meta",
  "manifests",
  "kubernetes_objects"
])

/** Whether a pass may write that only while it has its key. */
export const needsFence = (site: string, changes: ReadonlyArray<Change>): boolean =>
  site !== ANYBODY && changes.some(({ table }) => FENCED.has(table))

/** Of an array in PostgreSQL's notation; names of ours hold no quotes. */
export const elements = (text: unknown): ReadonlyArray<string> =>
  String(text)
    .slice(1, -1)
    .split(",")
    .map((element) => element.replaceAll('"', ""))
