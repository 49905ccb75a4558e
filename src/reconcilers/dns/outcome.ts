/**
 * What follows when a batch was not accepted. Pure. The first row that fits counts:
 *
 *   the provider said                       | of                      | then
 *   ----------------------------------------|-------------------------|----------------------------------------------
 *   nothing, or 5xx                         | fewer than three times  | Wait: list, then plan anew; nobody is charged
 *   nothing, or 5xx, for the third time     | several atoms           | Halve the batches; list, plan anew
 *   nothing, or 5xx, for the third time     | one atom                | Charge its rows: it alone is the cause
 *   slow down, bad token, no such zone      | -                       | Stop: the zone waits; nobody is charged
 *   quota used up (81045)                   | some that need room     | Quota: those wait, the rest goes on
 *   gone already (81044)                    | one delete              | Done
 *   something that a stale list explains    | a list of earlier       | Relist, then plan anew
 *   anything else                           | several atoms           | Bisect
 *   anything else                           | one atom                | Charge its rows
 *
 *   an intent to create, when the provider said                 | then
 *   ------------------------------------------------------------|---------------------------------------------------
 *   nothing, or 5xx                                             | stays open
 *   that the zone is not as listed, of a record without a mark, | stays open: the request may have been delivered
 *   where identical records are adopted                         | twice, and this be the refusal of the second
 *   anything else                                               | is closed: nothing was made
 */
import { Data } from "effect"
import type { Reason } from "../../model/reasons.ts"
import { type Atom, grows } from "./pack.ts"
import type { ZoneSettings } from "./view.ts"

export type Failure =
  | { readonly _tag: "Rejected"; readonly code: number; readonly message: string }
  | { readonly _tag: "Unavailable"; readonly message: string }
  | { readonly _tag: "RateLimited" | "Unauthorized" | "ZoneMissing"; readonly message: string }

export interface Charge {
  readonly reason: Extract<Reason, "RejectedByProvider" | "ProviderUnavailable">
  readonly message: string
}

export type Outcome = Data.TaggedEnum<{
  Wait: {}
  Halve: { readonly limit: number }
  Charge: { readonly charge: Charge }
  Stop: {}
  Quota: {}
  Done: {}
  Relist: {}
  Bisect: {}
}>
export const Outcome = Data.taggedEnum<Outcome>()

export interface Tried {
  readonly atoms: ReadonlyArray<Atom>
  /** True when the list that was planned on was made in this pass. */
  readonly fresh: boolean
  /** Writes that met no verdict in a row, this one not counted. */
  readonly failures: number
}

export const outcomeOf = (failure: Failure, { atoms, failures, fresh }: Tried): Outcome => {
  const [first, ...others] = atoms
  const alone = others.length === 0
  switch (failure._tag) {
    case "Unavailable": {
      if (failures + 1 < PATIENCE) return Outcome.Wait()
      const operations = atoms.reduce((sum, atom) => sum + atom.length, 0)
      return alone
        ? Outcome.Charge({ charge: { reason: "ProviderUnavailable", message: failure.message } })
        : Outcome.Halve({ limit: Math.max(1, Math.floor(operations / 2)) })
    }
    case "RateLimited":
    case "Unauthorized":
    case "ZoneMissing":
      return Outcome.Stop()
    case "Rejected": {
      if (failure.code === QUOTA_EXCEEDED && atoms.some(grows)) return Outcome.Quota()
      const single = alone && first?.length === 1 ? first[0] : undefined
      if (failure.code === RECORD_MISSING && single?._tag === "Delete") return Outcome.Done()
      if (!fresh && STALE_LIST_CODES.has(failure.code)) return Outcome.Relist()
      if (!alone) return Outcome.Bisect()
      return Outcome.Charge({
        charge: { reason: "RejectedByProvider", message: `${failure.code}: ${failure.message}` }
      })
    }
  }
}

/** A third failure in a row is no accident of the network. */
const PATIENCE = 3

export const QUOTA_EXCEEDED = 81045
export const RECORD_MISSING = 81044

/**
 * Whether what was refused may stand there all the same, and be known as ours by its intent alone. A mark would tell;
 * and with adoption Never an identical record that answers no call of ours would be taken from a stranger.
 */
export const mayStand = (
  failure: Failure,
  { adoption, isMarked }: Pick<ZoneSettings, "adoption"> & { readonly isMarked: boolean }
): boolean =>
  failure._tag === "Unavailable" ||
  (failure._tag === "Rejected" && STALE_LIST_CODES.has(failure.code) && !isMarked && adoption === "Matching")

/** A record that we did not know of stands there, or one that we knew of does not. */
const STALE_LIST_CODES: ReadonlySet<number> = new Set([81044, 81053, 81054, 81055, 81056, 81057, 81058])
