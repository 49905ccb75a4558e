/** What a test does to the simulator from outside the API: faults, edits, quotas, tokens, limits; and what it can see. */
import { Schema } from "effect"
import type { TokenSettings } from "./auth.ts"
import { credentialOf } from "./auth.ts"
import type { Call } from "./calls.ts"
import type { Edit } from "./edits.ts"
import { applyEdit } from "./edits.ts"
import type { Fault } from "./faults.ts"
import type { RateLimit } from "./limits.ts"
import type { Dialect, SimulatorState } from "./state.ts"
import type { StoredRecord, ZoneSettings } from "./zone-store.ts"

export interface Control {
  /** What it returns takes this fault away again, and no other. */
  addFault(fault: Fault): () => void
  clearFaults(): void
  pendingFaults(): ReadonlyArray<Fault>
  /** Changes a record behind the client's back, without limits; returns the record. */
  edit(edit: Edit): StoredRecord
  /** The records of a zone, by its name or id, oldest first. */
  records(zone: string): ReadonlyArray<StoredRecord>
  /** Adds a zone, or changes the plan, quota, status or settling time of one that is there; returns its id. */
  setZone(name: string, settings?: Partial<ZoneSettings>): string
  removeZone(zone: string): void
  /** Adds a token, or changes what one may do; `{ active: false }` revokes it. */
  setToken(token: string, settings: TokenSettings): void
  setRateLimit(limit: Partial<RateLimit>): void
  /** Somebody else uses up calls of a token's budget. */
  useUp(token: string, calls: number): void
  /** Blocks a token as if it had gone over its limit. */
  block(token: string, seconds: number): void
  setDialect(dialect: Partial<Dialect>): void
  /** The most recent calls of the API, oldest first. */
  calls(): ReadonlyArray<Call>
  /** Calls by kind, by status (`status 200`) and in all (`total`). */
  counts(): Readonly<Record<string, number>>
  clearCalls(): void
  /** Everything back to how it began, the zones empty. */
  reset(): void
  /** Goes up with every change of a record, of any zone: whether a new snapshot is needed. */
  revision(): number
  /** The zones and their records as JSON. */
  snapshot(): string
  /** Puts back the zones of a snapshot; zones that it does not name stay as they are. Throws on text that is none. */
  restore(snapshot: string): void
}

export const makeControl = (state: SimulatorState): Control => {
  const { calls, faults, limiter, options } = state
  return {
    addFault: (fault) => faults.add(fault),
    clearFaults: () => faults.clear(),
    pendingFaults: () => faults.pending(),
    edit: (edit) => applyEdit(state.zone(edit.zone), edit, { now: state.timestamp(), newId: () => state.newId() }),
    records: (zone) => Array.from(state.zone(zone).all()),
    setZone: (name, settings = {}) => state.setZone(name, settings).id,
    removeZone: (zone) => void state.zones.delete(state.zone(zone).id),
    setToken: (token, settings) => void state.tokens.set(token, settings),
    setRateLimit: (limit) => {
      limiter.limit = { ...limiter.limit, ...limit }
    },
    useUp: (token, count) => void limiter.take(credentialOf(token), options.now(), count),
    block: (token, seconds) => limiter.block(credentialOf(token), options.now(), seconds),
    setDialect: (dialect) => void Object.assign(state.dialect, dialect),
    calls: () => calls.recent(),
    counts: () => calls.counts(),
    clearCalls: () => calls.clear(),
    reset: () => state.reset(),
    revision: () => Array.from(state.zones.values()).reduce((sum, { revision }) => sum + revision, 0),
    snapshot: () => takeSnapshot(state),
    restore: (snapshot) => restoreSnapshot(state, snapshot)
  }
}

const StoredFields = Schema.Struct({
  id: Schema.String,
  type: Schema.String,
  name: Schema.String,
  content: Schema.String,
  identity: Schema.String,
  priority: Schema.optionalKey(Schema.Int),
  data: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  ttl: Schema.Int,
  proxied: Schema.Boolean,
  comment: Schema.NullOr(Schema.String),
  tags: Schema.Array(Schema.String),
  settings: Schema.Record(Schema.String, Schema.Unknown),
  privateRouting: Schema.optionalKey(Schema.Boolean),
  readOnly: Schema.Boolean,
  createdOn: Schema.String,
  modifiedOn: Schema.String,
  commentModifiedOn: Schema.optionalKey(Schema.String),
  tagsModifiedOn: Schema.optionalKey(Schema.String)
})

const Snapshot = Schema.Struct({
  version: Schema.Literal(1),
  zones: Schema.Array(Schema.Struct({ name: Schema.String, records: Schema.Array(StoredFields) }))
})

const takeSnapshot = (state: SimulatorState): string => {
  const zones = Array.from(state.zones.values(), (zone) => ({ name: zone.name, records: Array.from(zone.all()) }))
  return JSON.stringify({ version: 1, zones } satisfies typeof Snapshot.Type)
}

const restoreSnapshot = (state: SimulatorState, text: string): void => {
  const { zones } = Schema.decodeSync(Schema.fromJsonString(Snapshot))(text)
  for (const { name, records } of zones) {
    const zone = state.setZone(name, {})
    zone.clear()
    for (const record of records) zone.put(record)
  }
}
