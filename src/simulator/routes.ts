/** The endpoints under `/client/v4`: which there are, and what each answers. */
import type { Caller } from "./auth.ts"
import { authorize } from "./auth.ts"
import { batch } from "./batch.ts"
import type { Kind } from "./calls.ts"
import { WRITES } from "./calls.ts"
import type { Answer } from "./envelope.ts"
import { parseBody, Refusal } from "./envelope.ts"
import type { Mishap } from "./faults.ts"
import { pageOf, RECORD_PAGES, selectRecords, ZONE_PAGES, zoneNameTest } from "./listing.ts"
import type { WriteContext } from "./records.ts"
import { create, existing, overwrite, remove, update } from "./records.ts"
import type { SimulatorState } from "./state.ts"
import { wireRecord, wireZone } from "./wire.ts"
import type { StoredRecord, ZoneStore } from "./zone-store.ts"

export interface RouteCall {
  readonly state: SimulatorState
  readonly caller: Caller
  /** What the braces of the path stand for, in order. */
  readonly ids: ReadonlyArray<string>
  readonly query: URLSearchParams
  readonly body: string | undefined
  readonly page: Mishap["page"]
}

export interface Endpoint {
  readonly kind: Kind
  readonly run: (call: RouteCall) => Answer
}

export interface Route {
  readonly ids: ReadonlyArray<string>
  /** By method; empty where there is no such path. */
  readonly endpoints: Readonly<Record<string, Endpoint>>
}

const PREFIX = "/client/v4"

export const findRoute = (path: string): Route => {
  for (const [pattern, endpoints] of ROUTES) {
    const match = pattern.exec(path.startsWith(PREFIX) ? path.slice(PREFIX.length) : "")
    if (match !== null) return { ids: match.slice(1), endpoints }
  }
  return { ids: [], endpoints: {} }
}

const path = (template: string) => new RegExp(`^${template.replaceAll("{}", "([^/]+)")}/?$`, "u")

const listZones = ({ caller, query, state }: RouteCall): Answer => {
  const named = query.get("name")
  const hasName = named === null ? () => true : zoneNameTest(named)
  const [status, accountId, accountName] = [query.get("status"), query.get("account.id"), query.get("account.name")]
  const zones = Array.from(state.zones.values())
    .filter(({ name }) => hasName(name) && caller.rights.zones?.includes(name) !== false)
    .filter(({ settings }) => status === null || settings.status === status)
    .filter(() => accountId === null || accountId === state.account.id)
    .filter(() => accountName === null || accountName === state.account.name)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  const { info, items } = pageOf(zones, query, ZONE_PAGES)
  return { result: items.map((zone) => wireZone(zone, state.account, state.options.zoneType)), resultInfo: info }
}

const listRecords = (call: RouteCall, zone: ZoneStore): Answer => {
  const { info, items } = pageOf(selectRecords(zone.all(), call.query), call.query, RECORD_PAGES)
  const { drop = 0, reverse = false } = call.page ?? {}
  const served = items.slice(0, Math.max(0, items.length - drop)).map(wire(call))
  return { result: reverse ? served.toReversed() : served, resultInfo: info }
}

const wire =
  ({ state }: RouteCall) =>
  (record: StoredRecord) =>
    wireRecord(record, state.dialect.nullTarget)

/** An endpoint of one zone, which the caller must be allowed to use. */
const ofZone = (kind: Kind, run: (call: RouteCall, zone: ZoneStore, recordId: string) => Answer): Endpoint => ({
  kind,
  run: (call) => {
    const { caller, ids, state } = call
    const [zoneId = "", recordId = ""] = ids
    const zone = state.zones.get(zoneId)
    if (zone === undefined) {
      throw new Refusal(404, 7003, `Could not route to /zones/${zoneId}, perhaps your object identifier is invalid?`)
    }
    const isWrite = WRITES.includes(kind)
    authorize(caller, zone, isWrite, state.options.now())
    if (isWrite && /\.(?:cf|ga|gq|ml|tk)$/u.test(zone.name)) {
      throw new Refusal(403, 1038, "You cannot use this API for domains with a .cf, .ga, .gq, .ml, or .tk TLD.")
    }
    return run(call, zone, recordId)
  }
})

const writing = ({ state }: RouteCall): WriteContext => ({
  now: state.timestamp(),
  newId: () => state.newId(),
  duplicateCode: state.dialect.duplicateCode
})

/** A write of one record that answers with the record. */
const write = (
  kind: Kind,
  run: (zone: ZoneStore, call: RouteCall, recordId: string, context: WriteContext) => StoredRecord
): Endpoint =>
  ofZone(kind, (call, zone, recordId) => ({ result: wire(call)(run(zone, call, recordId, writing(call))) }))

const ROUTES: ReadonlyArray<readonly [RegExp, Readonly<Record<string, Endpoint>>]> = [
  [
    path("/zones/{}/dns_records/batch"),
    {
      POST: ofZone("batch", (call, zone) => {
        const lists = Object.entries(batch(zone, parseBody(call.body), writing(call)))
        return { result: Object.fromEntries(lists.map(([list, records]) => [list, records.map(wire(call))])) }
      })
    }
  ],
  [
    path("/zones/{}/dns_records/usage"),
    {
      GET: ofZone("usage", (_, zone) => ({ result: { record_quota: zone.quota, record_usage: zone.size } }))
    }
  ],
  [
    path("/zones/{}/dns_records/{}"),
    {
      GET: ofZone("get", (call, zone, id) => ({ result: wire(call)(existing(zone, id)) })),
      PUT: write("overwrite", (zone, { body }, id, context) => overwrite(zone, id, parseBody(body), context)),
      PATCH: write("update", (zone, { body }, id, context) => update(zone, id, parseBody(body), context)),
      DELETE: ofZone("delete", (_, zone, id) => ({ result: { id: remove(zone, id).id } }))
    }
  ],
  [
    path("/zones/{}/dns_records"),
    {
      GET: ofZone("list", listRecords),
      POST: write("create", (zone, { body }, _, context) => create(zone, parseBody(body), context))
    }
  ],
  // octoDNS asks for page rules on every run; there are none.
  [path("/zones/{}/pagerules"), { GET: ofZone("pagerules", () => ({ result: [] })) }],
  [
    path("/zones/{}"),
    { GET: ofZone("zone", ({ state }, zone) => ({ result: wireZone(zone, state.account, state.options.zoneType) })) }
  ],
  [path("/zones"), { GET: { kind: "zones", run: listZones } }],
  [
    path("/accounts"),
    {
      GET: {
        kind: "accounts",
        run: ({ query, state }) => {
          const { info, items } = pageOf([state.account], query, ZONE_PAGES)
          return { result: items, resultInfo: info }
        }
      }
    }
  ],
  [
    path("/user/tokens/verify"),
    {
      GET: {
        kind: "verify",
        run: ({ caller }) => ({
          result: { id: caller.id, status: "active" },
          messages: [{ code: 10000, message: "This API Token is valid and active", type: null }]
        })
      }
    }
  ]
]
