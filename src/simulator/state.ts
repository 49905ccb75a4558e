/** All that one simulator holds, and how it is set to behave. One engine and its control share one of these. */
import type { TokenSettings, UserKey } from "./auth.ts"
import { hexId } from "./auth.ts"
import { CallLog } from "./calls.ts"
import type { DuplicateCode } from "./conflicts.ts"
import type { ErrorStyle } from "./envelope.ts"
import { Refusal } from "./envelope.ts"
import { Faults } from "./faults.ts"
import type { RateLimit } from "./limits.ts"
import { CLOUDFLARE_LIMIT, RateLimiter } from "./limits.ts"
import type { Plan } from "./plans.ts"
import type { Account, NullTarget, ZoneType } from "./wire.ts"
import type { ZoneSettings } from "./zone-store.ts"
import { ZoneStore } from "./zone-store.ts"

export interface EngineOptions {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** A new record's id: 32 hex, never the same twice; one that a restored record bears already is passed over. */
  readonly id: () => string
  /** Names of the zones there are; `example.test` by default. Ids follow from the names. */
  readonly zones?: ReadonlyArray<string>
  /** The zones' plan; enterprise by default. */
  readonly plan?: Plan
  /** `full` by default. */
  readonly zoneType?: ZoneType
  /** API tokens; `t` by default. */
  readonly tokens?: ReadonlyArray<string>
  readonly userKey?: UserKey
  /** Account id, 32 hex. */
  readonly account?: string
  readonly rateLimit?: Partial<RateLimit>
}

/** Where Cloudflare has been seen to behave in two ways. */
export interface Dialect {
  errorStyle: ErrorStyle
  duplicateCode: DuplicateCode
  nullTarget: NullTarget
}

export const DEFAULT_DIALECT: Readonly<Dialect> = { errorStyle: "chain", duplicateCode: 81058, nullTarget: "dot" }

export const DEFAULT_ZONE = "example.test"
export const DEFAULT_PLAN: Plan = "enterprise"
export const DEFAULT_TOKEN = "t"

export class SimulatorState {
  readonly options: EngineOptions
  readonly account: Account
  readonly faults = new Faults()
  readonly calls = new CallLog()
  readonly limiter: RateLimiter
  dialect: Dialect = { ...DEFAULT_DIALECT }
  /** By id, in the order they were made. */
  readonly zones = new Map<string, ZoneStore>()
  readonly tokens = new Map<string, TokenSettings>()

  constructor(options: EngineOptions) {
    this.options = options
    this.account = { id: options.account ?? hexId("account"), name: "Simulated account" }
    this.limiter = new RateLimiter(this.initialLimit)
    this.reset()
  }

  get initialLimit(): RateLimit {
    return { ...CLOUDFLARE_LIMIT, ...this.options.rateLimit }
  }

  /** Back to how it began: the zones empty, every token good, nothing counted and nothing armed. */
  reset(): void {
    this.zones.clear()
    this.tokens.clear()
    this.faults.clear()
    this.calls.clear()
    this.limiter.limit = this.initialLimit
    this.limiter.reset()
    this.dialect = { ...DEFAULT_DIALECT }
    for (const name of this.options.zones ?? [DEFAULT_ZONE]) this.setZone(name, {})
    for (const token of this.options.tokens ?? [DEFAULT_TOKEN]) this.tokens.set(token, { active: true })
  }

  /** Adds a zone, or changes the settings of one that is there. */
  setZone(givenName: string, settings: Partial<ZoneSettings>): ZoneStore {
    const name = givenName.toLowerCase().replace(/\.$/u, "")
    const id = zoneId(name)
    const present = this.zones.get(id)
    if (present !== undefined) {
      Object.assign(present.settings, settings)
      return present
    }
    const defaults: ZoneSettings = { plan: this.options.plan ?? DEFAULT_PLAN, status: "active", settledAt: 0 }
    const zone = new ZoneStore({ id, name, createdOn: this.timestamp() }, { ...defaults, ...settings })
    this.zones.set(id, zone)
    return zone
  }

  /** A zone by name or id; refuses what is not there. */
  zone(nameOrId: string): ZoneStore {
    const zone = this.zones.get(nameOrId) ?? this.zones.get(zoneId(nameOrId))
    if (zone === undefined) throw new Refusal(404, 7003, `There is no zone ${nameOrId}.`)
    return zone
  }

  /** An id that no record has. */
  newId(): string {
    const isTaken = (id: string) => Array.from(this.zones.values()).some((zone) => zone.get(id) !== undefined)
    let id = this.options.id()
    while (isTaken(id)) id = this.options.id()
    return id
  }

  timestamp(): string {
    return new Date(this.options.now()).toISOString()
  }
}

/** The same in every run, so that what a client remembers of a zone still fits after a restart. */
export const zoneId = (name: string): string => hexId(`zone:${name}`)
