import { assert, describe, it } from "@effect/vitest"
import { SmallMap } from "../src/SmallMap.ts"

describe("a small map", () => {
  it("holds what a Map would, whatever is put in and taken out", () => {
    const keys = ["a", "b", "c"]
    // Every sequence of six steps out of: put one of the keys, take one out.
    const steps = keys.flatMap((key) => [{ key, puts: true }, { key, puts: false }])
    for (let nth = 0; nth < steps.length ** 6; nth += 53) {
      const map = new Map<string, number>()
      const small = new SmallMap<string, number>()
      for (let step = 0, left = nth; step < 6; step++, left = Math.floor(left / steps.length)) {
        const next = steps[left % steps.length]
        if (next === undefined) continue
        if (next.puts) map.set(next.key, step)
        else map.delete(next.key)
        if (next.puts) small.set(next.key, step)
        else small.delete(next.key)
        assert.deepStrictEqual([...small.entries()], [...map])
        assert.strictEqual(small.size, map.size)
        for (const key of keys) assert.deepStrictEqual([small.get(key), small.has(key)], [map.get(key), map.has(key)])
      }
    }
  })

  it("lets entries be deleted while they are gone over, and all at once", () => {
    for (const count of [1, 3]) {
      const small = new SmallMap<number, string>()
      for (let key = 0; key < count; key++) small.set(key, `value ${key}`)
      assert.strictEqual([...small.values()].length, count)
      for (const [key] of small.entries()) small.delete(key)
      assert.strictEqual(small.size, 0)
      small.set(7, "again")
      small.clear()
      assert.deepStrictEqual([...small.entries()], [])
    }
  })
})
