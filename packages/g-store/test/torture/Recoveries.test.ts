import { assert, describe, it } from "@effect/vitest"
import { recoveries } from "./Recoveries.ts"

describe("Recoveries", () => {
  it("are told by kind, with the median, so that one that took long shows beside the others", () => {
    const told = recoveries()
    for (const millis of [400, 30_000, 600]) told.add("Kafka killed", millis)
    told.add("cuts", 1_000)
    assert.deepStrictEqual(told.figures(), [
      ["cuts", "median 1.0 s, longest 1.0 s of 1"],
      ["Kafka killed", "median 0.6 s, longest 30.0 s of 3"]
    ])
  })
})
