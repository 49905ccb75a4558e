/** What each Cloudflare plan allows. Source: developers.cloudflare.com/dns, "Record attributes" and "DNS features". */

export const PLANS = ["free", "pro", "business", "enterprise"] as const
export type Plan = (typeof PLANS)[number]

export interface PlanLimits {
  readonly name: string
  /** Operations of all four lists of one batch. */
  readonly batch: number
  /** Records of a zone; null where the quota belongs to the account (1,000,000 by default, which is not simulated). */
  readonly records: number | null
  /** Characters of a comment. */
  readonly comment: number
  /** Tags of a record. */
  readonly tags: number
  /** Seconds. */
  readonly minTtl: number
}

export const LIMITS: Readonly<Record<Plan, PlanLimits>> = {
  free: { name: "Free Website", batch: 200, records: 200, comment: 100, tags: 0, minTtl: 60 },
  pro: { name: "Pro Website", batch: 3500, records: 3500, comment: 500, tags: 20, minTtl: 60 },
  business: { name: "Business Website", batch: 3500, records: 3500, comment: 500, tags: 20, minTtl: 60 },
  enterprise: { name: "Enterprise Website", batch: 3500, records: null, comment: 500, tags: 20, minTtl: 30 }
}

export const MAX_TTL = 86_400
/** Bytes of one TXT record, and of all TXT records of one name. */
export const MAX_TXT = 2048
export const MAX_TXT_OF_NAME = 8192
export const MAX_NS_OF_NAME = 10
export const MAX_PER_PAGE = 5000
