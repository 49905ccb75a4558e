/**
 * How much time has passed, whatever anybody sets the wall clock to. A lease or a deadline that is measured by the wall
 * clock grows when that is put back. Milliseconds from an arbitrary beginning: only differences mean anything.
 */
import { Clock, Effect } from "effect"

export const monotonicMillisOf = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

export const monotonicMillis = Effect.map(Clock.Clock, monotonicMillisOf)
