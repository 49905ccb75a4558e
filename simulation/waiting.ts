/**
 * What rests until a person acts: deletions that are more than the bound of their domain, and records that find no room
 * in a zone that is full. That is as it should be for just these, and only while their zone says so.
 */
import { type RecordRow, isRefused, text } from "./rows.ts"
import { contentOf, identity } from "./watch-provider.ts"
import type { World } from "./world.ts"

export interface Waiting {
  /** By id. */
  readonly rows: ReadonlySet<number>
  /** Records at the provider, by id. */
  readonly records: ReadonlySet<string>
  readonly domains: ReadonlySet<number>
}

export const NOTHING: Waiting = { rows: new Set(), records: new Set(), domains: new Set() }

/** How many records the zones may hold that are full, by name. */
const limits = new WeakMap<World, Map<string, number>>()
const limitsOf = (world: World) => limits.get(world) ?? new Map<string, number>()

/** The zone may hold what it holds, and so much more. */
export const fill = (world: World, zone: string, room: number): void => {
  if (!world.hasZone(zone)) return
  const quota = world.recordsOf(zone).length + room
  world.engine.control.setZone(zone, { quota })
  limits.set(world, limitsOf(world).set(zone, quota))
}

export const makeRoom = (world: World, zone: string): void => {
  if (limitsOf(world).delete(zone)) world.engine.control.setZone(zone, { quota: null })
}

/** Whether some zone is asked again and again whether there is room. */
export const isAnyFull = (world: World): boolean => limitsOf(world).size > 0

export const waitingIn = (world: World): Waiting => {
  if (world.scenario.maxDeletions === undefined && !isAnyFull(world)) return NOTHING
  const said = world.store.session.query("select key, reason from reconcile_conditions where reconciler = 'dns'").rows
  const zones = said.map(({ key, reason }) => waitingOf(world, Number(key), text(reason)))
  return {
    rows: new Set(zones.flatMap(({ rows }) => rows)),
    records: new Set(zones.flatMap(({ records }) => records)),
    domains: new Set(zones.flatMap(({ domains }) => domains))
  }
}

const NONE = { rows: [], records: [], domains: [] }

/** By what its zone says. */
const waitingOf = (world: World, domainId: number, reason: string) => {
  const { providerWatch, storeWatch } = world
  const zone = storeWatch.domains.get(domainId) ?? ""
  const rows = [...storeWatch.records.values()].filter((row) => row.domainId === domainId)
  const wanted = new Set(rows.filter((row) => row.present && !isRefused(row)).map((row) => keyOf(world, row)))
  const standing = world.recordsOf(zone)
  const keys = new Set(standing.map(({ content, name, type }) => identity(type, name, content)))
  const ours = standing.filter(({ id }) => providerWatch.ours.has(id))
  const unwanted = ours.filter(({ content, name, type }) => !wanted.has(identity(type, name, content)))
  const isBeside = (row: RecordRow) => unwanted.some(({ name }) => name === providerWatch.fqdn(row))
  const isOf = (row: RecordRow) => unwanted.some((one) => one.type === row.type && one.name === providerWatch.fqdn(row))
  const missing = rows.filter((row) => row.present && !isRefused(row) && !keys.has(keyOf(world, row)))
  const found = ({ records, rest }: { readonly records: typeof ours; readonly rest: typeof rows }) => ({
    rows: rest.map(({ id }) => id),
    records: records.map(({ id }) => id),
    domains: [domainId]
  })
  if (reason === "DeletionsHeld" && unwanted.length > boundOf(world.scenario.maxDeletions, ours.length)) {
    // What cannot stand beside a record that stays waits with it.
    const rest = [...rows.filter((row) => !row.present && isOf(row)), ...missing.filter(isBeside)]
    return found({ records: unwanted, rest })
  }
  // A record that nobody wants any more is turned into the one that is missing, which takes no room.
  const more = missing.filter((row) => !isOf(row))
  const room = (limitsOf(world).get(zone) ?? Number.POSITIVE_INFINITY) - standing.length
  // What does not fit as a whole waits as a whole.
  if (reason === "QuotaExceeded" && new Set(more.map((row) => keyOf(world, row))).size > room) {
    return found({ records: [], rest: more })
  }
  return NONE
}

const keyOf = ({ providerWatch }: World, row: RecordRow) => identity(row.type, providerWatch.fqdn(row), contentOf(row))

/** A number, or a share of what is ours, rounded down. */
const boundOf = (maxDeletions: string | undefined, ours: number): number => {
  if (maxDeletions === undefined) return Number.POSITIVE_INFINITY
  const bound = Number.parseInt(maxDeletions, 10)
  return maxDeletions.endsWith("%") ? Math.floor((bound / 100) * ours) : bound
}
