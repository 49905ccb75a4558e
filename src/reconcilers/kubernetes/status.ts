/**
 * The status that an object bears, from what its rows say. Pure. It is written only where it differs, so at rest
 * nothing is written; `lastTransitionTime` moves only when a condition changes its status.
 *
 *   the object                                       | Ready | Reconciling | Stalled | reason
 *   -------------------------------------------------|-------|-------------|---------|-------------------------
 *   is deleted, and that is confirmed within 10 min  | False | True        | False   | Deleting
 *   is deleted, and after 10 min it is not           | False | False       | True    | why, with the way out
 *   could not become rows, or its Secret not be read | False | unless …    | if only a person can help | of the problem
 *   has its rows                                     | as they say (`model/conditions.ts`)
 */
import { isDeepStrictEqual } from "node:util"
import type { Condition, Counts } from "../../model/conditions.ts"
import type { KubeObject } from "../../providers/kubernetes.ts"
import { ABANDON, type ObjectKey } from "./objects.ts"
import type { Problem } from "./store.ts"

export interface Facts {
  readonly key: ObjectKey
  /** `metadata.generation` that was turned into rows, or could not be. */
  readonly generation: number
  /** What the rows say; undefined where there are none. */
  readonly shown: Shown | undefined
  readonly problem: Problem | undefined
  /** Milliseconds since its deletion was asked for. */
  readonly deletingFor: number | undefined
  /** What the zone waits for. */
  readonly zone: { readonly reason: string; readonly message: string } | undefined
}

export interface Shown {
  readonly conditions: ReadonlyArray<Condition>
  readonly id?: number
  readonly records?: Counts
  readonly problems?: ReadonlyArray<RejectedRecord>
}

interface RejectedRecord {
  readonly reason: string
  readonly message: string
}

export interface Status {
  readonly observedGeneration: number
  readonly conditions: ReadonlyArray<Required<Condition>>
  readonly id?: number
  readonly records?: Counts
  readonly problems?: ReadonlyArray<RejectedRecord>
}

type Words = Pick<Condition, "reason" | "message">

/** `before` is the status that the object bears; `now` is RFC 3339. */
export function statusOf(facts: Facts, before: unknown, now: string): Status {
  const { id, problems, records } = facts.shown ?? {}
  const known = conditionsOf(before)
  const conditions = verdictsOf(facts).map((condition): Required<Condition> => {
    const old = known.find(({ type }) => type === condition.type)
    const since = old?.status === condition.status ? old.lastTransitionTime : undefined
    return {
      ...condition,
      message: condition.message.slice(0, MOST_MESSAGE),
      observedGeneration: facts.generation,
      lastTransitionTime: since ?? now
    }
  })
  return {
    observedGeneration: facts.generation,
    conditions,
    ...(id === undefined ? {} : { id }),
    ...(records === undefined ? {} : { records }),
    ...(problems === undefined ? {} : { problems })
  }
}

/** Whether the object bears it already; what others have put beside it does not count. */
export function isTold(status: Status, before: unknown): boolean {
  if (typeof before !== "object" || before === null) return false
  const types = new Set<string>(status.conditions.map(({ type }) => type))
  const own = { ...before, conditions: conditionsOf(before).filter(({ type }) => types.has(type)) }
  return isDeepStrictEqual(JSON.parse(JSON.stringify(own)), JSON.parse(JSON.stringify(status)))
}

export const readyOf = (status: unknown) => conditionsOf(status).find(({ type }) => type === "Ready")

function verdictsOf(facts: Facts): ReadonlyArray<Condition> {
  const { deletingFor, generation, problem, shown } = facts
  if (deletingFor !== undefined) {
    return deletingFor < PATIENCE
      ? three("reconciling", deleting(facts), generation)
      : three("stalled", hanging(facts), generation)
  }
  if (problem !== undefined) return three(problem.stalled ? "stalled" : "reconciling", problem, generation)
  return shown?.conditions ?? three("reconciling", { reason: "Pending", message: "was not looked at yet" }, generation)
}

function three(
  is: "reconciling" | "stalled",
  { message, reason }: Words,
  observedGeneration: number
): ReadonlyArray<Condition> {
  const condition = (type: Condition["type"], holds: boolean): Condition => ({
    type,
    status: holds ? "True" : "False",
    reason,
    message,
    observedGeneration
  })
  return [
    condition("Ready", false),
    condition("Reconciling", is === "reconciling"),
    condition("Stalled", is === "stalled")
  ]
}

const deleting = (facts: Facts): Words => {
  const cause = causeOf(facts)
  return { reason: "Deleting", message: `${leftOf(facts.shown)}${cause === undefined ? "" : `: ${cause.message}`}` }
}

/** A namespace must not hang for ever on something that nobody can mend. */
const hanging = (facts: Facts): Words => {
  const { key, shown } = facts
  const cause = causeOf(facts)
  return {
    reason: cause?.reason ?? "Deleting",
    message:
      `${leftOf(shown)} for more than ten minutes${cause === undefined ? "" : `: ${cause.message}`}. To let the object go and ` +
      `leave the provider as it is: kubectl annotate ${key.kind.toLowerCase()} -n ${key.namespace} ${key.name} ${ABANDON}=true`
  }
}

/** What the zone waits for; the records of a zone that were rejected are no cause of others to stay. */
const causeOf = ({ key, shown, zone }: Facts): Words | undefined =>
  key.kind === "DnsRecord" && zone?.reason === "RecordsRejected" ? shown?.problems?.[0] : zone

const leftOf = (shown: Shown | undefined): string => {
  const total = shown?.records?.total ?? 0
  return total === 0
    ? "waits for what refers to it"
    : `waits until ${total} ${total === 1 ? "record is" : "records are"} gone`
}

/** Those of a status that somebody wrote, whatever it is. */
function conditionsOf(status: unknown): ReadonlyArray<Required<Condition>> {
  if (typeof status !== "object" || status === null || !("conditions" in status)) return []
  return Array.isArray(status.conditions) ? status.conditions : []
}

export const deletingFor = ({ metadata }: KubeObject, now: number): number | undefined =>
  metadata.deletionTimestamp === undefined ? undefined : Math.max(0, now - Date.parse(metadata.deletionTimestamp))

/** Milliseconds after which a deletion that is not confirmed asks for a person. */
export const PATIENCE = 10 * 60_000
const MOST_MESSAGE = 4096
