import type { Verified } from "./TokenVerifier.ts"

/** Verdicts on tokens, kept for a while, so that a caller's many requests cost one verification. */
export interface TokenCache {
  /** The verdict, if it is there and has not run out at `now` (milliseconds). */
  readonly get: (token: string, now: number) => Verified | undefined
  /** Keeps a verdict for `millis` and never past the token's own end; the oldest one goes when there are too many. */
  readonly set: (token: string, verified: Verified, now: number) => void
}

/**
 * Bounded in number and in time. Not Effect's Cache: callers of that share one lookup, so one who leaves early would
 * interrupt the others' verification, and tokens that do not verify would take room from those that do.
 */
export const makeTokenCache = (capacity: number, millis: number): TokenCache => {
  const held = new Map<string, { readonly verified: Verified; readonly until: number }>()
  return {
    get: (token, now) => {
      const hit = held.get(token)
      if (hit === undefined || now < hit.until) return hit?.verified
      held.delete(token)
      return undefined
    },
    set: (token, verified, now) => {
      // A Map keeps the order of insertion; a token verified anew is young again.
      held.delete(token)
      const [oldest] = held.size >= capacity ? held.keys() : []
      if (oldest !== undefined) held.delete(oldest)
      held.set(token, { verified, until: Math.min(verified.expiresAt, now + millis) })
    }
  }
}
