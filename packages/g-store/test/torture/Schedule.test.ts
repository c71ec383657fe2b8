import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import { schedule } from "./Schedule.ts"

const options = { processes: 7, window: 60_000, kills: 50, pauses: 9, postgres: 5, kafka: 4, cuts: 12, corrupt: 7 }
const drawn = (seed: string) => schedule(options).pipe(Random.withSeed(seed))

describe("A schedule of faults", () => {
  it.effect("is the same for the same seed, and another one for another", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* drawn("1"), yield* drawn("1"))
      assert.notDeepEqual(yield* drawn("1"), yield* drawn("2"))
    }))

  it.effect("has as many faults of each kind as were asked for, in the order of their time", () =>
    Effect.gen(function*() {
      const planned = yield* drawn("1")
      const count = (tag: string) => planned.filter(({ fault }) => fault._tag === tag).length
      const struck = planned.map(({ fault }) =>
        fault._tag === "Kill" ? fault.victims.length + (fault.againAfter === undefined ? 0 : 1) : 0
      )
      assert.strictEqual(struck.reduce((sum, one) => sum + one, 0), 50)
      assert.deepStrictEqual(["Outage", "Pause", "Cut", "Corrupt"].map(count), [9, 9, 12, 7])
      const times = planned.map(({ at }) => at)
      assert.deepStrictEqual(times, times.toSorted((one, other) => one - other))
      assert.isBelow(Math.max(...times), 60_001)
      for (const { fault } of planned) {
        if (fault._tag === "Kill") assert.strictEqual(new Set(fault.victims).size, fault.victims.length)
      }
    }))
})
