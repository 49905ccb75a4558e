/**
 * How far an object is, as Kubernetes says it: `Ready`, and kstatus' `Reconciling` and `Stalled`. Computed from
 * facts on each read, so that no condition can outlive what it tells of. The first match wins:
 *
 *   facts                                          | Ready         | Reconciling | Stalled
 *   -----------------------------------------------|---------------|-------------|--------
 *   its deletion was asked for                     | False Deleting              | True  | False
 *   a person must help with the zone as it is now  | False, the zone's reason    | False | True
 *   a record whose automatic retry has stopped     | False, the record's reason  | False | True
 *   a record that was rejected, its retry is ahead | False, the record's reason  | True  | False
 *   the zone waits, and it or a record is not done | False, the zone's reason    | True  | False
 *   a record that is worked on                     | False Converging            | True  | False
 *   a record that waits for its turn               | False Pending               | True  | False
 *   the zone was not looked at since its change    | False Pending               | True  | False
 *   absent is wanted, and no record is left        | True Absent                 | False | False
 *   else                                           | True Converged              | False | False
 *
 * One bad record harms only itself, so of what the last pass of a zone said, records share what concerns them:
 *
 *   the zone's reason | of the zone itself | of records in it
 *   ------------------|--------------------|------------------------------------------------------------------
 *   RecordsRejected   | as it is           | nothing: each that was rejected has a reason of its own
 *   DeletionsHeld     | as it is           | nothing once they are done; for a person only where they are to go
 *   else              | as it is           | as it is
 */
import type { Reason } from "./reasons.ts"

export interface Condition {
  readonly type: "Ready" | "Reconciling" | "Stalled"
  readonly status: "True" | "False"
  /** CamelCase and stable. */
  readonly reason: string
  readonly message: string
  /** The generation of the object that this is about. */
  readonly observedGeneration: number
  /** RFC 3339; left out where it is not known. */
  readonly lastTransitionTime?: string
}

/** Records by what is shown of them; `stopped` are those in `error` that are not retried by themselves. */
export interface Counts {
  readonly total: number
  readonly active: number
  readonly pending: number
  readonly running: number
  readonly error: number
  readonly stopped: number
}

/** What the last pass of a zone said, where it was not simply done. */
export interface ZoneCondition {
  /** True when only a person can help. */
  readonly stalled: boolean
  readonly reason: string
  readonly message: string
  /** RFC 3339. */
  readonly since: string
}

export interface Facts {
  /** Whether this is about a zone itself, or about records in one. */
  readonly about: "zone" | "records"
  readonly generation: number
  readonly deleting: boolean
  /** Nothing is wanted: the records are to go. */
  readonly absent: boolean
  readonly counts: Counts
  /** The first record that was rejected: stopped ones before the others. */
  readonly problem: { readonly reason: string; readonly message: string } | undefined
  readonly zone: ZoneCondition | undefined
  /** Of a zone: no pass has looked at its last change. */
  readonly behind: boolean
}

type Verdict = Pick<Condition, "reason" | "message" | "lastTransitionTime"> & {
  readonly is: "ready" | "reconciling" | "stalled"
}

export const conditionsOf = (facts: Facts): ReadonlyArray<Condition> => three(facts.generation, verdictOf(facts))

/** Of an object that nothing reconciles by itself, such as a Credential: it can be used, or only a person can help. */
export const usability = (
  generation: number,
  problem: { readonly reason: Reason; readonly message: string } | undefined
): ReadonlyArray<Condition> =>
  three(
    generation,
    problem === undefined
      ? { is: "ready", reason: "Usable", message: "can be used" }
      : { is: "stalled", reason: problem.reason, message: problem.message }
  )

function three(observedGeneration: number, { is, ...words }: Verdict): ReadonlyArray<Condition> {
  const condition = (type: Condition["type"], holds: boolean): Condition => ({
    type,
    status: holds ? "True" : "False",
    ...words,
    observedGeneration
  })
  return [
    condition("Ready", is === "ready"),
    condition("Reconciling", is === "reconciling"),
    condition("Stalled", is === "stalled")
  ]
}

function verdictOf(facts: Facts): Verdict {
  const { about, absent, behind, counts, deleting, problem } = facts
  const settled = counts.active === counts.total
  const zone = about === "zone" ? facts.zone : sharedOf(facts, settled)
  const { message, reason } = problem ?? { reason: "Failed", message: "the provider rejected a record" }
  if (deleting) return { is: "reconciling", reason: "Deleting", message: deletingMessage(counts) }
  // What was said of an older change need not be true of this one.
  if (zone?.stalled === true && !behind) return said("stalled", zone)
  if (counts.stopped > 0) return { is: "stalled", reason, message }
  if (counts.error > 0) return { is: "reconciling", reason, message }
  if (zone !== undefined && (about === "zone" || !settled)) return said("reconciling", zone)
  if (counts.running > 0) {
    return { is: "reconciling", reason: "Converging", message: `${of(counts.running, counts)} being written` }
  }
  if (!settled) {
    return {
      is: "reconciling",
      reason: "Pending",
      message: `${of(counts.total - counts.active, counts)} not written yet`
    }
  }
  if (behind)
    return { is: "reconciling", reason: "Pending", message: "the zone was not looked at since its last change" }
  if (absent) return { is: "ready", reason: "Absent", message: "nothing of it is left at the provider" }
  return { is: "ready", reason: "Converged", message: `${plural(counts.total)} as asked for` }
}

function sharedOf({ absent, zone }: Facts, settled: boolean): ZoneCondition | undefined {
  if (zone?.reason === ("RecordsRejected" satisfies Reason)) return undefined
  if (zone?.reason !== ("DeletionsHeld" satisfies Reason)) return zone
  // Creations and changes go on meanwhile.
  return settled ? undefined : { ...zone, stalled: zone.stalled && absent }
}

const said = (is: Verdict["is"], { message, reason, since }: ZoneCondition): Verdict => ({
  is,
  reason,
  message,
  lastTransitionTime: since
})

const plural = (records: number) => `${records} ${records === 1 ? "record" : "records"}`

const of = (some: number, { total }: Counts) => `${some} of ${plural(total)}`

const deletingMessage = ({ total }: Counts) =>
  total === 0 ? "waits for what refers to it" : `waits until ${plural(total)} ${total === 1 ? "is" : "are"} gone`
