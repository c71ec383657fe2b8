import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { SecureRandom } from "effect/crypto"
import { pooled, PooledRandom } from "../src/PooledRandom.ts"

/** A source that numbers its bytes: 1 to 250, over and over. */
const counting = () => {
  let last = 0
  return (bytes: Uint8Array) => {
    for (let i = 0; i < bytes.length; i++) {
      last = last % 250 + 1
      bytes[i] = last
    }
  }
}

describe("a pool of random bytes", () => {
  it("gives each of its source's bytes out once at most, also where a draw crosses its end", () => {
    let filled = 0
    let pool: Uint8Array = new Uint8Array()
    const draw = pooled((bytes) => {
      filled++
      pool = bytes
      bytes.fill(filled)
    })
    const drawn = Array.from({ length: 1_000 }, () => draw(10))
    for (const bytes of drawn) assert.strictEqual(new Set(bytes).size, 1, "one draw is of one filling")
    const ofFirst = drawn.filter(([byte]) => byte === 1)
    assert.strictEqual(ofFirst.length, Math.floor(pool.length / 10))
    assert.isAbove(filled, 1)
  })

  it("never gives the same memory out twice", () => {
    const draw = pooled(counting())
    const first = draw(16)
    const kept = first.slice()
    const second = draw(16)
    second.fill(0)
    assert.deepStrictEqual(first, kept)
    assert.notDeepEqual(first, second)
  })

  it("forgets what it gave out", () => {
    let pool: Uint8Array = new Uint8Array()
    const draw = pooled((bytes) => {
      pool = bytes
      counting()(bytes)
    })
    draw(16)
    assert.deepStrictEqual([...pool.subarray(0, 16)], Array.from({ length: 16 }, () => 0))
    assert.notStrictEqual(pool[16], 0)
  })

  it("draws much at once by itself", () => {
    const draw = pooled(counting())
    assert.deepStrictEqual([...draw(1_000).subarray(0, 3)], [1, 2, 3])
  })
})

it.effect("ids of the pooled source are all different and in order", () =>
  Effect.gen(function*() {
    const random = yield* SecureRandom.SecureRandom
    const ids = yield* Effect.forEach(Array.from({ length: 2_000 }), () => random.uuidV7())
    assert.strictEqual(new Set(ids).size, ids.length)
    assert.deepStrictEqual(ids, ids.toSorted())
  }).pipe(Effect.provide(PooledRandom)))
