/** When a zone is looked at, and how long a rejected row waits. Pure. Times are milliseconds. */
import { RETRY_LIMIT, type Row } from "./view.ts"

/** Of a token's budget that may go into lists that only look for drift. */
const LIST_SHARE = 0.3

/**
 * The drift timer of the zones of one token: `base`, stretched so that listing all their pages takes no more than
 * 30 % of the calls that the token has.
 */
export const driftInterval = (
  base: number,
  pages: number,
  quota: { readonly capacity: number; readonly windowSeconds: number }
) => {
  const callsInWindow = quota.capacity * LIST_SHARE
  return Math.max(base, Math.ceil((pages * quota.windowSeconds * 1000) / callsInWindow))
}

/** min(2^n × 30 s, 30 min), n counted after the failure: 60, 120, 240, 480, 960, 1800 … s. Null: retry has stopped. */
export const retryDelay = (count: number): number | null =>
  count >= RETRY_LIMIT ? null : Math.min(2 ** count * 30_000, 1_800_000)

/** Until the zone must be looked at again: the drift timer or the first retry that is ahead, whichever comes first. */
export const untilNextLook = (
  now: number,
  listedAt: number,
  interval: number,
  rows: ReadonlyArray<Pick<Row, "rejection">>
): number => {
  let next = listedAt + interval
  for (const { rejection } of rows) {
    // One whose time has come was tried in this pass, or waits for something else: a quota, a confirmation.
    if (rejection?.nextRetryAt != null && !rejection.stopped && rejection.nextRetryAt > now)
      next = Math.min(next, rejection.nextRetryAt)
  }
  return Math.max(next - now, 0)
}
