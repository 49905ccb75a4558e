/**
 * S11: a rejected row waits its backoff, counted by one; a success counts from nothing again; nothing is sent for a row
 * that waits. The backoff is told here in words of its own, from both sides: L1 waits as long as a row says, so one that
 * says too much would excuse itself.
 */
import { PLAN_REASONS } from "../src/reconcilers/dns/view.ts"
import type { Kernel } from "./kernel.ts"
import type { RecordRow } from "./rows.ts"

/** What a transaction made of a row, by the database's clock. */
export const checkRetry = (kernel: Kernel, now: number, old: RecordRow, row: RecordRow): void => {
  const what = `record ${row.id}`
  if (!row.rejected) {
    if (row.retryCount !== 0 || row.nextRetryAt !== 0 || row.stopped) {
      kernel.fail("S11", `${what} is not rejected, and still counts ${row.retryCount} retries`)
    }
    return
  }
  const before = old.rejected && old.generation === row.generation ? old : undefined
  if (before !== undefined && row.retryCount === before.retryCount) {
    if (row.nextRetryAt !== before.nextRetryAt || row.stopped !== before.stopped)
      kernel.fail("S11", `${what} is put off, and its count stays at ${row.retryCount}`)
    return
  }
  if (row.retryCount !== (before?.retryCount ?? 0) + 1) {
    kernel.fail("S11", `${what} counts from ${before?.retryCount ?? 0} to ${row.retryCount}`)
  }
  const delay = retryDelay(row.retryCount)
  const wait = row.nextRetryAt - now
  const isRight =
    delay === null ? row.stopped && row.nextRetryAt === 0 : !row.stopped && Math.abs(wait - delay) <= ROUNDING
  if (isRight) return
  const waits = row.stopped ? "for a person" : `${wait / 1000} s`
  kernel.fail("S11", `${what} was rejected ${row.retryCount} times and waits ${waits}, which is not its backoff`)
}

/** The backoff of the seed, in its own words: 60, 120, 240, 480, 960, 1800 s; null from the tenth on. */
const retryDelay = (count: number): number | null =>
  count >= 10 ? null : ([60, 120, 240, 480, 960][count - 1] ?? 1800) * 1000

/** The database keeps microseconds. */
const ROUNDING = 1

export const isHeld = (row: RecordRow, now: number): boolean =>
  row.rejected && !PLAN_REASONS.some((reason) => reason === row.reason) && (row.stopped || row.nextRetryAt > now)

interface Write {
  readonly type?: string
  readonly name?: string
  readonly content?: string
}

export interface Batch {
  readonly deletes?: ReadonlyArray<{ readonly id: string }>
  readonly patches?: ReadonlyArray<Write & { readonly id: string }>
  readonly posts?: ReadonlyArray<Write>
}

/**
 * What a batch sends although every row that could ask for it waits: a record is asked for by the rows that want it as
 * it is to be, and where there is none it is kept for those that have it. Only what another record of the name cannot
 * stand beside is taken away all the same.
 */
export const sentTooEarly = (
  { deletes = [], patches = [], posts = [] }: Batch,
  rows: ReadonlyArray<RecordRow>,
  now: number,
  asksFor: (row: RecordRow, write: Write) => boolean
): string | undefined => {
  const wait = (some: ReadonlyArray<RecordRow>) => some.length > 0 && some.every((row) => isHeld(row, now))
  const having = (id: string) => rows.filter((row) => row.recordId === id)
  for (const write of [...posts, ...patches]) {
    const asking = rows.filter((row) => row.present && asksFor(row, write))
    const others = "id" in write && typeof write.id === "string" ? having(write.id) : []
    if (wait(asking.length > 0 ? asking : others)) return `${write.type} ${write.name}`
  }
  if (posts.length > 0) return undefined
  return deletes
    .map(({ id }) => having(id))
    .find(wait)
    ?.map((row) => `${row.type} ${row.name}`)[0]
}
