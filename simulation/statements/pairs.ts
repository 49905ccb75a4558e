/**
 * What must hold of any two transactions in whatever order:
 *
 *   S1 a fence of a key has one owner            S6 nothing is shown as done that was not looked at
 *   S2 the fence rises with each claim           L3 an edit leaves its key due, or with an owner; no wish is lost
 *   S3 a pass that was taken over writes nothing S8 what was deleted has a tombstone, and no row thinks that it has it
 *   NoWait claims and heartbeats wait for nobody S9 the last permit is given once
 *   LockOrder no order ends in a deadlock        Retried nobody who asks is told of another's transaction
 */
import { Duration, type Exit } from "effect"
import { LEASE } from "../../src/database/work.ts"
import { CLOCKS } from "./fixture.ts"
import type { Transaction } from "./transactions.ts"

export interface Ended {
  readonly transaction: Transaction
  readonly me: string
  /** Of the side's clock, in milliseconds. */
  readonly clock: number
  readonly exit: Exit.Exit<unknown, unknown>
  /** Position in the order at which it ended. */
  readonly at: number
  readonly hasWaited: boolean
}

interface WorkAfter {
  readonly owner: string | null
  readonly fence: number
  readonly generation: number
  readonly observed: number
  /** Milliseconds. */
  readonly due: number
}

/** The rows as they are when both are over. */
export interface After {
  /** By reconciler and key. */
  readonly work: Readonly<Record<string, WorkAfter>>
  readonly records: ReadonlyArray<{
    readonly id: number
    readonly domainId: number
    readonly name: string
    readonly value: string
    readonly isPresent: boolean
    readonly generation: number
    readonly observed: number
    readonly recordId: string
  }>
  /** Ids at the provider, or the name of an intent. */
  readonly ledger: ReadonlyArray<string>
  readonly tombstones: ReadonlyArray<string>
  readonly manifests: ReadonlyArray<string>
  readonly used: number
}

/** Passes, by the key that each is about. */
const KEYS: Partial<Record<Transaction, string>> = {
  report: "dns 1",
  accepted: "dns 1",
  take: "kubernetes DnsRecord/ns/rec",
  takeNew: "kubernetes DnsRecord/ns/new",
  leave: "kubernetes Domain/ns/empty"
}

const UNIQUE_VIOLATION = '"23505"'

type Both = readonly [Ended, Ended]

const succeeded = ({ exit }: Ended) => exit._tag === "Success"
const failedWith = ({ exit }: Ended, word: string) => exit._tag === "Failure" && JSON.stringify(exit).includes(word)
const of = (both: Both, transaction: Transaction) => both.filter((ended) => ended.transaction === transaction)
const did = (both: Both, transaction: Transaction) => of(both, transaction).some(succeeded)

/** What does not hold, or undefined. */
export const broken = (both: Both, after: After): string | undefined =>
  brokenWait(both) ??
  brokenClaims(both, after, "claim", "dns 1") ??
  Object.keys(after.work)
    .filter((key) => key.startsWith("kubernetes"))
    .map((key) => brokenClaims(both, after, "claimObjects", key))
    .find((wrong) => wrong !== undefined) ??
  brokenPass(both) ??
  brokenWork(after) ??
  brokenRows(both, after) ??
  brokenLedger(both, after) ??
  brokenObjects(both, after) ??
  brokenBudget(both, after) ??
  brokenAsking(both)

const brokenWait = (both: Both) => {
  const waited = both.find(
    ({ hasWaited, transaction }) => hasWaited && ["claim", "claimObjects", "heartbeat"].includes(transaction)
  )
  return waited && `NoWait the ${waited.transaction} waited for a lock`
}

const claimsOf = (both: Both, transaction: Transaction, key: string) =>
  of(both, transaction).filter(
    ({ exit }) =>
      exit._tag === "Success" &&
      Array.isArray(exit.value) &&
      exit.value.some((claim: { readonly reconciler: string; readonly key: string }) => nameOf(claim) === key)
  )

const nameOf = ({ key, reconciler }: { readonly reconciler: string; readonly key: string }) => `${reconciler} ${key}`

const brokenClaims = (both: Both, { work }: After, transaction: Transaction, key: string): string | undefined => {
  const claims = claimsOf(both, transaction, key)
  const [claim] = claims
  const row = work[key]
  if (claims.length > 1) return `S1 both claimed ${key}`
  if (claim === undefined || row === undefined) return undefined
  if (row.fence !== 6) return `S2 after one claim the fence of ${key} is ${row.fence}, it was 5`
  if (row.owner !== claim.me) return `S3 ${key} is ${row.owner ?? "nobody"}'s although ${claim.me} claimed it`
  // The clocks differ: a lease that ends by another one's was moved by who does not hold it.
  const off = row.due - claim.clock - Duration.toMillis(LEASE)
  return off === 0 ? undefined : `S3 the lease of ${claim.me} on ${key} was moved by ${off / 1000} s`
}

const brokenPass = (both: Both): string | undefined => {
  for (const pass of both) {
    const key = KEYS[pass.transaction]
    if (key === undefined) continue
    const claims = claimsOf(both, key.startsWith("dns") ? "claim" : "claimObjects", key)
    if (succeeded(pass) && claims.some(({ at }) => at < pass.at))
      return `S3 the ${pass.transaction} was written although ${key} had been claimed`
    const isOver = key === "dns 1" && did(both, "complete")
    // Of two that make the same the second is told so, and its pass ends there.
    if (
      failedWith(pass, UNIQUE_VIOLATION) &&
      both.some((other) => other.transaction === pass.transaction && succeeded(other))
    )
      continue
    if (!succeeded(pass) && claims.length === 0 && !isOver)
      return `S3 the ${pass.transaction} of the owner was refused: ${JSON.stringify(pass.exit)}`
    if (!succeeded(pass) && !failedWith(pass, "FenceLost"))
      return `S3 the ${pass.transaction} failed otherwise than by its fence: ${JSON.stringify(pass.exit)}`
  }
  return undefined
}

const brokenWork = ({ work }: After): string | undefined => {
  for (const [key, { due, generation, observed, owner }] of Object.entries(work)) {
    if (observed > 1) return `S6 a generation of ${key} shows as observed that nobody looked at`
    if (generation > 1 && owner === null && due > (CLOCKS.at(-1) ?? 0))
      return `L3 an edit waits although ${key} is idle`
  }
  return undefined
}

const brokenRows = (both: Both, { records }: After): string | undefined => {
  if (records.some(({ generation, observed }) => observed > 1 || observed > generation))
    return "S6 an edit shows as done"
  const same = records.filter(({ isPresent, name }) => isPresent && name === "d")
  // Who deletes it as well may come last.
  if (did(both, "create") && !did(both, "delete") && same.length === 0) return "L3 what was asked for is not there"
  const isEnded = did(both, "accepted") || did(both, "report")
  if (isEnded && records.some(({ id, isPresent }) => id === 4 && !isPresent)) return "L3 what is done did not go"
  if (isEnded && same.some(({ recordId }) => recordId !== ""))
    return "S8 a row that was revived thinks that it has the record that was deleted"
  const isLost = !records.some(({ id }) => id === 4)
  return isLost && !isEnded ? "S3 a row went that nobody said to be done" : undefined
}

const isSame = (these: ReadonlyArray<string>, those: ReadonlyArray<string>) =>
  JSON.stringify(these.toSorted()) === JSON.stringify(those.toSorted())

/** Of a report the intent is answered, one record vanished and one stays away; of a batch two records went. */
const brokenLedger = (both: Both, { ledger, tombstones }: After): string | undefined => {
  const [told, made] = [did(both, "report"), did(both, "accepted")]
  const isKnown = told || made
  const known = [isKnown ? "r2" : "b.zone1.test", ...(made ? [] : ["r4", "r6"]), ...(told ? [] : ["r9"])]
  if (!isSame(ledger, known)) return `S3 the ledger holds ${ledger.join(", ")}, not ${known.join(", ")}`
  const buried = [...(told ? ["r9"] : ["r8"]), ...(made ? ["r4", "r6"] : [])]
  return isSame(tombstones, buried)
    ? undefined
    : `S8 there are tombstones of ${tombstones.join(", ")}, not of ${buried.join(", ")}`
}

const brokenObjects = (both: Both, { manifests, records }: After): string | undefined => {
  const isTold = (transaction: Transaction) =>
    of(both, transaction).some(
      ({ exit }) =>
        exit._tag === "Success" && JSON.stringify(exit.value).includes('"manifestId"') && !isRefused(exit.value)
    )
  if (isTold("take") && !records.some(({ id, value }) => id === 5 && value === "192.0.2.55"))
    return "L3 what an object asks for is not in its row"
  const isThere = records.some(({ domainId, name }) => domainId === 2 && name === "n")
  if (isTold("takeNew") !== isThere) return `L3 a new object ${isThere ? "was refused and has a row" : "has no row"}`
  if (isThere && !manifests.includes("empty")) return "K2 a Domain went while a record in it is asked for"
  if (did(both, "leave") && !isThere && manifests.includes("empty")) return "K2 a Domain stays that nothing needs"
  const isOver = records.every(({ id }) => id !== 6)
  if (!isOver && !manifests.includes("old")) return "K2 a document went while its row stands"
  return undefined
}

const isRefused = (value: unknown) =>
  typeof value === "object" && value !== null && "problem" in value && value.problem !== undefined

const brokenBudget = (both: Both, { used }: After): string | undefined => {
  if (used > 8) return `S9 ${used} permits were given, 8 are ours`
  const permits = of(both, "limiter").filter(succeeded).length
  return of(both, "limiter").length > 0 && permits !== 1
    ? `S9 one permit was left and ${permits} were given`
    : undefined
}

/** Those who are refused in words are not told of a database. */
const brokenAsking = (both: Both): string | undefined => {
  const asking = [
    "edit",
    "delete",
    "create",
    "retry",
    "finishDeletions",
    "claim",
    "claimObjects",
    "heartbeat",
    "complete"
  ]
  const wrong = both.find(
    (ended) => asking.includes(ended.transaction) && !succeeded(ended) && !failedWith(ended, "Refused")
  )
  return wrong && `Retried the ${wrong.transaction} failed: ${JSON.stringify(wrong.exit)}`
}
