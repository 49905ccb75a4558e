/**
 * The last list of each zone, kept by the replica that made it and brought up to date by the provider's own answers,
 * so that a change needs no list. It counts only while this replica has had the zone without a break: the fence of a
 * claim is one above that of the pass before, in the same epoch.
 */
import { Context, Layer } from "effect"
import type { Claim } from "../../database/work.ts"
import type { Observed } from "./view.ts"

export interface CachedZone {
  readonly zoneId: string
  readonly records: Map<string, Observed>
}

export class ZoneCache extends Context.Service<
  ZoneCache,
  {
    /** What the pass before this claim left, if that was ours too. */
    read(claim: Claim, zoneId: string): CachedZone | undefined
    /** Keeps the zone for the claim after this one. */
    write(claim: Claim, zone: CachedZone): void
    forget(key: string): void
  }
>()("driftless/reconcilers/dns/ZoneCache") {
  static readonly layer = Layer.sync(ZoneCache, () => {
    const zones = new Map<string, CachedZone & { readonly fence: number; readonly epoch: string }>()
    return ZoneCache.of({
      read: (claim, zoneId) => {
        const entry = zones.get(claim.key)
        const ours = entry?.zoneId === zoneId && entry.epoch === claim.epoch && entry.fence === claim.fence - 1
        return ours ? entry : undefined
      },
      write: ({ epoch, fence, key }, { records, zoneId }) => {
        // Inserted anew, so that the map's order is the order of use.
        zones.delete(key)
        zones.set(key, { zoneId, records, fence, epoch })
        let held = [...zones.values()].reduce((sum, zone) => sum + zone.records.size, 0)
        for (const [oldest, zone] of zones) {
          if (held <= MOST_RECORDS || oldest === key) break
          held -= zone.records.size
          zones.delete(oldest)
        }
      },
      forget: (key) => void zones.delete(key)
    })
  })
}

/** Some 300 bytes each; zones beyond that are listed again when they are next looked at. */
const MOST_RECORDS = 500_000
