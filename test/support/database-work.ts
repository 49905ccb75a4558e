/** Work for tests of the work table, and time that passes for a lease without waiting for it. */
import { Data, Duration, Effect } from "effect"
import { sql } from "kysely"
import type { Claim, Completion } from "../../src/database/work.ts"
import { rows } from "./database.ts"

export const PROBE = "probe"

/** What a pass fails with when it is to fail. */
export class Broken extends Data.TaggedError("Broken")<{ readonly message: string }> {}

/** Keys that are due since `secondsAgo`. */
export const due = (keys: ReadonlyArray<string>, { priority = 100, secondsAgo = 0 } = {}) =>
  rows(sql`insert into reconcile_work (reconciler, key, priority, due_at)
    select ${PROBE}, key, ${priority}, driftless_now() - make_interval(secs => ${secondsAgo}) from unnest(${keys}::text[]) key`)

/** A change of desired state, as triggers report it. */
export const changed = (key: string) => rows(sql`select driftless_due(${PROBE}, ${key})`)

/** The owner's heartbeats have stopped for so long that its lease is over, and so is the time its writes had. */
export const silenced = (key: string) =>
  rows(sql`update reconcile_work set write_until = least(write_until, driftless_now() - interval '1 second'),
    due_at = driftless_now() - interval '1 second' where reconciler = ${PROBE} and key = ${key}`)

/** What a pass says that went well and wants nothing. */
export const settled = (claim: Claim): Completion => ({
  claim,
  settled: true,
  succeeded: true,
  delay: Duration.hours(1),
  priority: -100,
  condition: null
})

export const failed = (claim: Claim, reason = "Failed"): Completion => ({
  claim,
  settled: false,
  succeeded: false,
  delay: Duration.seconds(4),
  priority: 0,
  condition: { stalled: false, reason, message: "no" }
})

export const emptyWork = Effect.andThen(
  rows(sql`delete from reconcile_conditions`),
  rows(sql`delete from reconcile_work`)
)
