import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { numberingFault, schemaVersion } from "../src/Migrations.ts"

const record = (...names: ReadonlyArray<string>) => Object.fromEntries(names.map((name) => [name, Effect.void]))

describe("The numbers of migrations", () => {
  it("begin at 1 and grow by one, since a late lower one would be skipped without a word", () => {
    assert.isUndefined(numberingFault(record("0001_orders", "0002_history", "0003_more")))
    assert.isUndefined(numberingFault(record()))
    assert.strictEqual(schemaVersion(record("0001_a", "0002_b")), 2)
    for (
      const [wrong, expected] of [
        [["0002_orders"], 1],
        [["0001_orders", "0003_more"], 2],
        [["0001_orders", "0001_again"], 2],
        [["0002_b", "0001_a"], 1],
        [["0001_a", "more"], 2]
      ] as const
    ) {
      assert.include(numberingFault(record(...wrong)), `must have the number ${expected}`)
    }
  })
})
