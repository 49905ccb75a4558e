/** What a pass sees of a zone, for tests of the plan: each thing with what the test is about, the rest as usual. */
import type { Operation, Plan } from "../../src/reconcilers/dns/operation.ts"
import { planZone } from "../../src/reconcilers/dns/plan.ts"
import type {
  LedgerEntry,
  Observed,
  Rejection,
  Row,
  Tombstone,
  ZoneSettings,
  ZoneView
} from "../../src/reconcilers/dns/view.ts"

export const ZONE = "example.test"
export const INSTANCE = "0123456789ab"
export const OTHER_INSTANCE = "ba9876543210"
export const NOW = Date.parse("2026-01-05T10:00:00Z")

/** A row that was never written: `www A 192.0.2.1`. */
export const aRow = (facts: Partial<Row> = {}): Row => ({
  id: 1,
  type: "A",
  name: "www",
  value: "192.0.2.1",
  ttl: 120,
  proxied: false,
  comment: null,
  present: true,
  generation: 1,
  observedGeneration: 0,
  changedAt: NOW - 1000,
  drifted: false,
  recordId: "",
  rejection: null,
  ...facts
})

/** A row that is at the provider as `record`. */
export const aSettledRow = (record: Observed, facts: Partial<Row> = {}): Row =>
  aRow({ observedGeneration: 1, recordId: record.id, ...facts })

export const aRejection = (facts: Partial<Rejection> = {}): Rejection => ({
  reason: "RejectedByProvider",
  message: "9003: no",
  count: 1,
  nextRetryAt: NOW + 60_000,
  stopped: false,
  ...facts
})

/** The record that `aRow` wants, with our mark. */
export const aRecord = (facts: Partial<Observed> = {}): Observed => ({
  id: "r1",
  type: "A",
  name: "www.example.test",
  text: "192.0.2.1",
  ttl: 120,
  proxied: false,
  instance: INSTANCE,
  comment: "",
  readOnly: false,
  ...facts
})

/** The same record, of somebody who marks nothing. */
export const aStranger = (facts: Partial<Observed> = {}): Observed =>
  aRecord({ id: "s1", instance: null, ttl: 1, ...facts })

export const entryOf = (record: Observed, id = 1): LedgerEntry => ({
  id,
  recordId: record.id,
  type: record.type,
  name: record.name,
  text: record.text
})

export const intentOf = (record: Observed, id = 1): LedgerEntry => ({ ...entryOf(record, id), recordId: null })

export const tombstoneOf = (record: Observed, cleanSince: number | null = null): Tombstone => ({
  ...entryOf(record),
  cleanSince
})

export const aView = ({
  settings = {},
  ...facts
}: Partial<Omit<ZoneView, "settings">> & { readonly settings?: Partial<ZoneSettings> } = {}): ZoneView => ({
  zone: ZONE,
  now: NOW,
  instance: INSTANCE,
  rows: [],
  observed: [],
  fresh: true,
  ledger: [],
  tombstones: [],
  ...facts,
  settings: {
    adoption: "Matching",
    retain: false,
    commentLimit: 500,
    leastTtl: 60,
    maxDeletions: null,
    deletionsConfirmedAt: null,
    ...settings
  }
})

/** Operations as a test names them: what is done, to which content or record. */
export const short = (operation: Operation) =>
  `${operation._tag} ${operation._tag === "Post" ? operation.wanted.text : operation.record.id}`
export const operations = ({ operations }: Plan) => operations.map(short)
export const planOf = (facts: Parameters<typeof aView>[0]) => planZone(aView(facts))
