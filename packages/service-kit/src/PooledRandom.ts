import { Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { randomFillSync } from "node:crypto"

/** As many as a few hundred ids take. */
const POOL_BYTES = 4_096
/** More than this at once is drawn by itself: it would use the pool up, and one call for much is cheap. */
const LARGE_BYTES = 256

/** Gives bytes out of a pool, each once; they are wiped from it, so that memory does not keep what became a secret. */
export const pooled = (fill: (pool: Uint8Array) => void) => {
  const pool = new Uint8Array(POOL_BYTES)
  let next = POOL_BYTES
  return (size: number): Uint8Array => {
    if (size > LARGE_BYTES) {
      const drawn = new Uint8Array(size)
      fill(drawn)
      return drawn
    }
    if (next + size > POOL_BYTES) {
      fill(pool)
      next = 0
    }
    const drawn = pool.slice(next, next + size)
    pool.fill(0, next, next + size)
    next += size
    return drawn
  }
}

/**
 * The operating system's random bytes, drawn many at a time, as `randomUUID` of Node does: a draw costs far more than
 * the bytes that it brings, and every order takes two ids.
 */
export const PooledRandom: Layer.Layer<SecureRandom.SecureRandom> = Layer.sync(
  SecureRandom.SecureRandom,
  () => SecureRandom.make(pooled((bytes) => void randomFillSync(bytes)))
)
