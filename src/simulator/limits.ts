/**
 * The request limit: a number of calls in a window per credential, and after the first call too many a block of every
 * call for one whole further window. Cloudflare: 1,200 in five minutes.
 */

export type RateLimitHeaders = "ratelimit" | "x-ratelimit"

export interface RateLimit {
  /** Calls. */
  readonly quota: number
  readonly windowSeconds: number
  /** `ratelimit` is today's pair of headers, `x-ratelimit` the names of an earlier revision. */
  readonly headers: RateLimitHeaders
}

export const CLOUDFLARE_LIMIT: RateLimit = { quota: 1200, windowSeconds: 300, headers: "ratelimit" }

interface Bucket {
  readonly endsAt: number
  readonly used: number
  readonly blocked: boolean
}

export class RateLimiter {
  limit: RateLimit
  readonly #buckets = new Map<string, Bucket>()

  constructor(limit: RateLimit) {
    this.limit = limit
  }

  /** Counts `calls` calls of a credential; false when they are refused. */
  take(credential: string, now: number, calls = 1): boolean {
    const bucket = this.#bucket(credential, now)
    if (bucket.blocked) return false
    const used = bucket.used + calls
    if (used <= this.limit.quota) {
      this.#buckets.set(credential, { ...bucket, used })
      return true
    }
    this.block(credential, now, this.limit.windowSeconds)
    return false
  }

  /** Refuses every call of a credential for that long. */
  block(credential: string, now: number, seconds: number): void {
    this.#buckets.set(credential, { endsAt: now + seconds * 1000, used: this.limit.quota, blocked: true })
  }

  /** Whole seconds until the window or the block of a credential ends. */
  secondsLeft(credential: string, now: number): number {
    return Math.max(0, Math.ceil((this.#bucket(credential, now).endsAt - now) / 1000))
  }

  headers(credential: string, now: number): Readonly<Record<string, string>> {
    const { headers, quota, windowSeconds } = this.limit
    const remaining = Math.max(0, quota - this.#bucket(credential, now).used)
    const seconds = this.secondsLeft(credential, now)
    if (headers === "x-ratelimit") {
      return {
        "X-RateLimit-Limit": String(quota),
        "X-RateLimit-Remaining": String(remaining),
        "X-RateLimit-Reset": String(seconds)
      }
    }
    return {
      Ratelimit: `"default";r=${remaining};t=${seconds}`,
      "Ratelimit-Policy": `"default";q=${quota};w=${windowSeconds}`
    }
  }

  reset(): void {
    this.#buckets.clear()
  }

  #bucket(credential: string, now: number): Bucket {
    const bucket = this.#buckets.get(credential)
    if (bucket !== undefined && now < bucket.endsAt) return bucket
    return { endsAt: now + this.limit.windowSeconds * 1000, used: 0, blocked: false }
  }
}
