import { Clock, Effect } from "effect"
import type { Rate } from "./ServiceConfig.ts"

/**
 * Token buckets by key, on Effect's Clock. A bucket that is full again says nothing, so it is forgotten: memory stays
 * in proportion to the callers of the last seconds, however many there ever were.
 */
export interface TokenBuckets {
  /** Takes one token. 0: it was there; else the milliseconds until the next one is, and nothing was taken. */
  readonly take: (key: string) => Effect.Effect<number>
  /** Whether a token is there, without taking it: as `take` otherwise. */
  readonly wait: (key: string) => Effect.Effect<number>
}

interface Bucket {
  tokens: number
  at: number
}

const SWEEP_AT = 10_000

export const makeTokenBuckets = ({ burst, perSecond }: Rate): TokenBuckets => {
  const buckets = new Map<string, Bucket>()
  const perMilli = perSecond / 1000
  let sweepAt = SWEEP_AT

  const sweep = (now: number) => {
    for (const [key, bucket] of buckets) if (bucket.tokens + (now - bucket.at) * perMilli >= burst) buckets.delete(key)
    // Where all of them are in use, look again only when there are twice as many: each sweep walks the whole map.
    sweepAt = Math.max(SWEEP_AT, buckets.size * 2)
  }

  const use = (key: string, now: number, cost: 0 | 1): number => {
    const bucket = buckets.get(key)
    // A clock set back must not take tokens away.
    const tokens = bucket === undefined
      ? burst
      : Math.min(burst, bucket.tokens + Math.max(0, now - bucket.at) * perMilli)
    if (tokens < 1) return Math.max(1, Math.ceil((1 - tokens) / perMilli))
    if (cost === 0) return 0
    if (bucket === undefined) {
      if (buckets.size >= sweepAt) sweep(now)
      buckets.set(key, { tokens: tokens - 1, at: now })
    } else {
      bucket.tokens = tokens - 1
      bucket.at = now
    }
    return 0
  }

  return {
    take: (key) => Effect.map(Clock.currentTimeMillis, (now) => use(key, now, 1)),
    wait: (key) => Effect.map(Clock.currentTimeMillis, (now) => use(key, now, 0))
  }
}

/** Milliseconds as the whole seconds of a Retry-After, at least one. */
export const retryAfterSeconds = (millis: number): number => Math.max(1, Math.ceil(millis / 1000))
