/**
 * A token's rate limit as one row that all replicas share.
 *
 *   the token                                    | a call
 *   ---------------------------------------------|-----------------------------------------------
 *   got a 429 whose time is not over             | waits for it: nobody may start one
 *   used less than half of our share             | starts at once
 *   used more                                    | starts when its place in the rest of the window comes;
 *                                                | at once where it goes on with what has begun
 *   used all of our share (80 %; 20 % for people)| waits for the next window
 *
 * The process that got the 429 knows it before the row does.
 */
import { Duration, Effect, Layer, Schedule } from "effect"
import { sql } from "kysely"
import { CallBudget, type RateAnswer, tooEarly } from "../providers/budget.ts"
import { Database } from "./database.ts"
import { monotonicMillis } from "../monotonic.ts"

/** Of the provider's quota; the rest is left to people who use the same account. */
export const SHARE = 0.8

export const layerBudget = Layer.effect(
  CallBudget,
  Effect.gen(function* () {
    const { query } = yield* Database
    const blockedHere = new Map<string, number>()

    const take = Effect.fnUntraced(function* (tokenHash: string, goesOn = false) {
      const now = yield* monotonicMillis
      const until = blockedHere.get(tokenHash) ?? 0
      if (until > now) return yield* tooEarly(Duration.millis(until - now))
      const wait = yield* query("budget.take", (db) => permit(tokenHash, goesOn).execute(db)).pipe(
        Effect.map(({ rows }) => rows[0]?.wait ?? 0),
        // Without the row nobody knows what others use: better late than over the limit.
        Effect.catch((error) =>
          Effect.as(Effect.logWarning("the rate limit could not be read; waiting", error), UNKNOWN_WAIT)
        )
      )
      if (wait > 0) return yield* tooEarly(Duration.seconds(wait))
    })

    const answered = Effect.fnUntraced(function* (tokenHash: string, answer: RateAnswer) {
      if (answer.blockedSeconds !== undefined) {
        const now = yield* monotonicMillis
        const until = now + answer.blockedSeconds * 1000
        blockedHere.set(tokenHash, Math.max(blockedHere.get(tokenHash) ?? 0, until))
      }
      yield* query("budget.answered", (db) => learn(tokenHash, answer).execute(db)).pipe(
        Effect.retry({ times: 3, schedule: Schedule.spaced("50 millis") }),
        Effect.catch((error) => Effect.logWarning("what the provider said of its rate limit was not recorded", error))
      )
    })

    return CallBudget.of({ take, answered })
  })
)

/** Answers the seconds to wait; null or zero is a permit. One statement, so that two replicas never take the same. */
const permit = (tokenHash: string, goesOn: boolean) => sql<{ wait: number }>`
  with opened as (
    insert into api_budgets (token_hash, used, window_ends_at)
    select ${tokenHash}, 1, driftless_now() + interval '300 seconds'
    where not exists (select 1 from api_budgets where token_hash = ${tokenHash})
    on conflict (token_hash) do nothing
  ), before as (
    select *, driftless_now() as now, window_ends_at <= driftless_now() as over,
      case when window_ends_at <= driftless_now() then driftless_now() + make_interval(secs => window_seconds)
        else window_ends_at end as ends,
      case when window_ends_at <= driftless_now() then 0 else used end as spent,
      floor(capacity * ${SHARE}::float8) as ours
    from api_budgets where token_hash = ${tokenHash} for update
  ), taken as (
    update api_budgets b set
      used = before.spent + 1, window_ends_at = before.ends,
      next_at = case when before.spent + 1 < before.ours / 2 then null
        else greatest(before.next_at, before.now) + (before.ends - before.now) / greatest(before.ours - before.spent, 1) end
    from before
    where b.token_hash = before.token_hash
      and coalesce(before.blocked_until <= before.now, true)
      and before.spent < before.ours
      and (before.over or ${goesOn}::boolean or coalesce(before.next_at <= before.now, true))
    returning b.token_hash
  )
  select coalesce(extract(epoch from case
      when exists (select 1 from taken) then interval '0'
      when blocked_until > now then blocked_until - now
      when spent >= ours then ends - now
      else next_at - now end)::float8, 0) as wait
  from before`

/**
 * What others used counts as used; a window that the provider names replaces our own. One that ends half a window or
 * more after ours is the next one: what was used in ours does not count there.
 */
const learn = (tokenHash: string, { blockedSeconds, quota, remaining, resetSeconds, windowSeconds }: RateAnswer) => sql`
  update api_budgets set
    capacity = coalesce(${quota ?? null}::int, capacity),
    window_seconds = coalesce(${windowSeconds ?? null}::int, window_seconds),
    used = case when ${remaining ?? null}::int is null then used
      else greatest(
        case when driftless_now() + make_interval(secs => ${resetSeconds ?? null}::float8)
          >= window_ends_at + make_interval(secs => window_seconds / 2.0) then 0 else used end,
        coalesce(${quota ?? null}::int, capacity) - ${remaining ?? null}::int) end,
    window_ends_at = case when ${resetSeconds ?? null}::float8 is null then window_ends_at
      else driftless_now() + make_interval(secs => ${resetSeconds ?? null}::float8) end,
    blocked_until = case when ${blockedSeconds ?? null}::float8 is null then blocked_until
      else greatest(blocked_until, driftless_now() + make_interval(secs => ${blockedSeconds ?? null}::float8)) end
  where token_hash = ${tokenHash}`

/** Seconds. */
const UNKNOWN_WAIT = 5
