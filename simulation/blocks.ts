/** What the budgets of the provider's tokens say of when they may be used again. */
import { Duration, Effect, Redacted } from "effect"
import { Secrets } from "../src/database/secrets.ts"
import { PERMIT_LIFE } from "../src/providers/budget.ts"
import type { Row } from "./store.ts"

/** What secrets are hashed and sealed with. */
export const KEY = Redacted.make(Buffer.from("driftless simulation, 32 bytes..", "utf8"))

/** A permit is good for a call that starts within it, whatever was recorded since. */
const PERMIT_MILLIS = Duration.toMillis(PERMIT_LIFE)

export class Blocks {
  readonly #key: Redacted.Redacted<Buffer>
  readonly #blocked = new Map<string, { readonly until: number; readonly recordedAt: number }>()

  constructor(key: Redacted.Redacted<Buffer>) {
    this.#key = key
  }

  note(budget: Row | null, now: number): void {
    const until = typeof budget?.["blocked_until"] === "string" ? Date.parse(budget["blocked_until"]) : 0
    const hash = String(budget?.["token_hash"])
    if (until > (this.#blocked.get(hash)?.until ?? 0)) this.#blocked.set(hash, { until, recordedAt: now })
  }

  /** A fail-over may have lost what was recorded: then nobody knows, but who was told. */
  reset(): void {
    this.#blocked.clear()
  }

  /** As everybody knows by now. */
  until(token: string, now: number): number {
    if (this.#blocked.size === 0) return 0
    const hashed = Effect.map(Secrets, (secrets) => secrets.hash(Redacted.make(token)))
    const blocked = this.#blocked.get(Effect.runSync(Effect.provide(hashed, Secrets.layer(this.#key))))
    return blocked !== undefined && now > blocked.recordedAt + PERMIT_MILLIS ? blocked.until : 0
  }
}
