/** What a plan of a zone consists of. Pure. */
import { Data } from "effect"
import type { LedgerEntry, Observed, Row, Tombstone } from "./view.ts"
import type { Refusal, Wanted } from "./wanted.ts"

/** `leaving` are the absent rows that are done when the operation is. */
export type Operation = Data.TaggedEnum<{
  Delete: { readonly record: Observed; readonly leaving: ReadonlyArray<Row> }
  /** `comment` undefined leaves it alone. */
  Patch: {
    readonly record: Observed
    readonly wanted: Wanted
    readonly comment: string | undefined
    readonly leaving: ReadonlyArray<Row>
  }
  /** Takes our mark off a record that is left to others. */
  Unmark: { readonly record: Observed; readonly leaving: ReadonlyArray<Row> }
  Post: { readonly wanted: Wanted; readonly comment: string | undefined }
}>
export const Operation = Data.taggedEnum<Operation>()

/** The rows that an operation answers for: rejected, it is their rejection. */
export const rowsOf = (operation: Operation): ReadonlyArray<Row> => {
  switch (operation._tag) {
    case "Post":
      return operation.wanted.rows
    case "Patch":
      return [...operation.wanted.rows, ...operation.leaving]
    case "Delete":
    case "Unmark":
      return operation.leaving
  }
}

export const nameOf = (operation: Operation): string =>
  operation._tag === "Post" ? operation.wanted.name : operation.record.name

export interface Settled {
  readonly row: Row
  readonly recordId: string
}

/** What somebody else did to a record, seen by a fresh list. */
export interface Drift {
  readonly kind: "edited" | "deleted" | "added"
  /** Settled rows that it undid. */
  readonly rows: ReadonlyArray<Row>
}

export interface Adoption {
  readonly record: Observed
  /** The intent that this answers; null where the record was a stranger's. */
  readonly entry: LedgerEntry | null
}

export interface Burials {
  /** Ledger entries that a fresh list does not hold: they become tombstones. */
  readonly vanished: ReadonlyArray<LedgerEntry>
  /** Tombstones of which this fresh list is the first clean one. */
  readonly clean: ReadonlyArray<Tombstone>
  readonly reappeared: ReadonlyArray<Tombstone>
  /** Tombstones that have done their work. */
  readonly over: ReadonlyArray<Tombstone>
}

export interface Plan extends Burials {
  readonly operations: ReadonlyArray<Operation>
  /** Rows whose record stands as they want it, and which do not know it yet. */
  readonly settled: ReadonlyArray<Settled>
  readonly refusals: ReadonlyArray<Refusal>
  /** Absent rows that are done without a call. */
  readonly gone: ReadonlyArray<Row>
  readonly adopted: ReadonlyArray<Adoption>
  /** Records that are left to others from now on. */
  readonly released: ReadonlyArray<string>
  readonly drift: ReadonlyArray<Drift>
  /** Deletions that wait for a person. */
  readonly deletionsHeld: number
  /** Records that are not ours. */
  readonly foreign: number
}
