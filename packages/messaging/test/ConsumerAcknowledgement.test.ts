import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { behaves, processing } from "./fixtures/consumerContract.ts"
import { batchOf, Counter, counting, counts } from "./fixtures/Counting.ts"
import { StoresMemory } from "./fixtures/Stores.ts"

describe("a consumer's acknowledgement", () => {
  behaves(StoresMemory)(
    "comes once, when all effects of the batch are durable",
    Effect.fnUntraced(function*() {
      const { applied } = yield* Counter
      const process = yield* processing(counting())
      const durable: Array<ReadonlyArray<number>> = []
      const acknowledge = Effect.map(Effect.orDie(applied("a")), (now) => void durable.push(now))
      yield* process(batchOf(counts("a", 1, 3), acknowledge))
      assert.deepStrictEqual(durable, [[1, 2, 3]])
    })
  )
})
