/** What must stand at the end of a run: in the rows, in what is shown of them, and at the provider. */
import { readComment } from "../src/model/dns/comment.ts"
import type { StoredRecord } from "../src/simulator/zone-store.ts"
import { identity, contentOf } from "./watch-provider.ts"
import { clusterProblems, clusterState } from "./kubernetes/end.ts"
import { isRefused, type RecordRow } from "./rows.ts"
import type { Waiting } from "./waiting.ts"
import { INSTANCE, type World } from "./world.ts"

/** What keeps a world from having converged; nothing when it has, but for what waits for a person. */
export const problems = (world: World, waiting: Waiting): ReadonlyArray<string> => {
  const { cluster, providerWatch, storeWatch, zones } = world
  // Where nothing can be done any more nothing converges: `untold` is about those.
  const rows = [...storeWatch.records.values()].filter(
    ({ domainId, id }) => !world.isCutOff(domainId) && !waiting.rows.has(id)
  )
  const found: Array<string> = []
  for (const row of rows) {
    const what = `${row.type} ${row.name} ${row.value}`
    if (!row.present) found.push(`${what} is absent and not gone`)
    else if (isRefused(row)) continue
    else if (row.rejected) found.push(`${what} is rejected: ${row.reason}`)
    else if (row.observed !== row.generation || row.drifted) found.push(`${what} is not settled`)
  }
  const wanted = new Set(
    rows
      .filter((row) => row.present && !isRefused(row))
      .map((row) => identity(row.type, providerWatch.fqdn(row), contentOf(row)))
  )
  for (const zone of zones) {
    if (world.isCutOff(storeWatch.domainOf(zone) ?? 0)) continue
    for (const record of world.recordsOf(zone)) {
      const key = identity(record.type, record.name, record.content)
      if (wanted.has(key) && !isMarked(world, record)) found.push(`${key} bears no mark of ours`)
      if (wanted.delete(key) || !providerWatch.ours.has(record.id) || waiting.records.has(record.id)) continue
      if (!isNobodys(world, zone, record.id) && !isKept(world, zone, record.id))
        found.push(`${key} is ours and nobody asks for it`)
    }
  }
  for (const key of wanted) found.push(`${key} does not stand at the provider`)
  for (const { generation, key, observed } of storeWatch.work.values()) {
    // An object tells why it is not done.
    if (key.includes("/") || world.isCutOff(Number(key))) continue
    const isExplained =
      waiting.domains.has(Number(key)) || rows.some((row) => row.domainId === Number(key) && isRefused(row))
    if (observed !== generation && !isExplained) found.push(`key ${key} observed ${observed} of ${generation}`)
  }
  if (cluster !== undefined) {
    found.push(...clusterProblems(cluster, storeWatch, (zone) => isFromBefore(world, zone)))
  }
  return found
}

/** Where comments can be had each record that is asked for bears our mark, whoever took it away. */
const isMarked = ({ scenario }: World, { comment }: StoredRecord) =>
  scenario.zoneType === "secondary" || readComment(comment).instance === INSTANCE

/**
 * The pass of this zone began before the last fault and goes on, so it may yet end by what befell it: a list that is never
 * answered is given up after half a minute, and its Domain tells of that. Whose worker died tells nothing.
 */
const isFromBefore = ({ calmSince = 0, replicas, storeWatch }: World, zone: string): boolean => {
  const row = storeWatch.work.get(String(storeWatch.domainOf(zone)))
  if (row === undefined || storeWatch.claimedAt(row) >= calmSince) return false
  return replicas.some(({ process }) => process.alive && process.name === row.owner)
}

/** Zones whose token was revoked for good, and that do not say so. */
export const untold = (world: World): ReadonlyArray<string> => {
  const zones = cutOff(world)
  if (zones.length === 0) return []
  const said = world.store.session
    .query(
      "select key from reconcile_conditions where reconciler = 'dns' and stalled and reason = 'CredentialRejected'"
    )
    .rows.map(({ key }) => Number(key))
  return zones
    .filter((id) => !said.includes(id))
    .map((id) => `${world.storeWatch.domains.get(id)} says nothing of its token`)
}

/** Rows and zones that are not done and give no reason, as people see them. */
export const unexplainedIn = (world: World): number =>
  Number(
    world.store.session.query(
      `select
        (select count(*) from domain_dns_records
          where status <> 'active' and error_reason is null and domain_id <> all ($1::bigint[])) +
        (select count(*) from reconcile_work w where w.reconciler <> 'kubernetes' and w.observed < w.generation and not exists
          (select from reconcile_conditions c where c.reconciler = w.reconciler and c.key = w.key)) as count`,
      [cutOff(world)]
    ).rows[0]?.["count"]
  )

const cutOff = (world: World) => [...world.storeWatch.domains.keys()].filter((id) => world.isCutOff(id))

/** The provider itself brought it back after all that was known of it had gone with its domain. */
const isNobodys = ({ providerWatch, storeWatch }: World, zone: string, id: string) =>
  storeWatch.isGone(zone) && providerWatch.isUndone(id, zone)

/**
 * Its row was changed to just what a stranger keeps, and is refused: by intent the row keeps what it had until it may have
 * the other. Whether it had something depends on the way. No other refusal is an excuse: who is refused for nothing must
 * still be seen by what is left behind.
 */
const isKept = (world: World, zone: string, id: string) => {
  const { providerWatch, storeWatch } = world
  const row = [...storeWatch.records.values()].find(
    ({ domainId, recordId }) => recordId === id && storeWatch.domains.get(domainId) === zone
  )
  if (row?.present !== true || !row.rejected || row.reason !== "HeldBySomeoneElse") return false
  const asked = identity(row.type, providerWatch.fqdn(row), contentOf(row))
  return world
    .recordsOf(zone)
    .some((other) => isStrangers(world, other) && identity(other.type, other.name, other.content) === asked)
}

/** Nor may it be adopted. */
const isStrangers = ({ providerWatch, scenario }: World, { comment, id }: StoredRecord) =>
  !providerWatch.ours.has(id) && (scenario.adoption === "Never" || readComment(comment).instance !== null)

/** What stands at the end, without ids and times: equal for two runs that come to the same. */
export const stateOf = (world: World): string => {
  const { storeWatch, zones } = world
  const rows = [...storeWatch.records.values()]
    // What was to go from a zone that is cut off stays for ever.
    .filter((row) => row.present || !world.isCutOff(row.domainId))
    .map(
      (row) =>
        `${storeWatch.domains.get(row.domainId)} ${row.type} ${row.name} ${row.value} ${row.ttl} ${row.proxied ? "proxied " : ""}${becameOf(world, row)}`
    )
  const records = zones.flatMap((zone) =>
    (world.isCutOff(storeWatch.domainOf(zone) ?? 0) ? [] : world.recordsOf(zone))
      .filter(({ id }) => !isNobodys(world, zone, id) && !isKept(world, zone, id))
      .map(
        (record) =>
          `${record.type} ${record.name} ${record.content} ${record.ttl} ${record.proxied ? "proxied " : ""}${record.comment ?? "-"}`
      )
  )
  const objects = world.cluster === undefined ? [] : clusterState(world.cluster)
  return [...rows.sort(), ...records.sort(), ...objects].join(" | ")
}

const becameOf = (world: World, row: RecordRow): string => {
  if (world.isCutOff(row.domainId)) return "cut off"
  const became = row.rejected ? row.reason : row.observed === row.generation ? "active" : "open"
  return `${row.present ? "present" : "absent"} ${became}`
}
