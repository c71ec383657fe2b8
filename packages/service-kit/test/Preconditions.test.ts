import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { etag, expectedVersions, holds } from "../src/Preconditions.ts"

describe("If-Match", () => {
  it.effect("lets the versions through that it lists", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<[string | undefined, ReadonlyArray<number> | undefined]> = [
        [undefined, undefined],
        ["*", undefined],
        [" * ", undefined],
        ["\"3\"", [3]],
        ["W/\"3\"", [3]],
        ["\"1\", W/\"2\" ,\"30\"", [1, 2, 30]],
        ["\"1\",,\"2\"", [1, 2]],
        // Tags that none of our versions ever has: they hold for nothing.
        ["\"abc\"", []],
        ["\"0\"", []],
        ["\"03\"", []],
        ["\"\"", []],
        ["\"a,b\", \"4\"", [4]]
      ]
      for (const [header, versions] of cases) assert.deepStrictEqual(yield* expectedVersions(header), versions)
    }))

  it.effect("is malformed without quotation marks, and says so", () =>
    Effect.gen(function*() {
      for (const header of ["3", "", ",", "\"3", "*, \"3\"", "w/\"3\"", "\"1\" \"2\""]) {
        const problem = yield* Effect.flip(expectedVersions(header))
        assert.strictEqual(problem.status, 400)
        assert.include(problem.detail, "If-Match")
      }
    }))

  it("holds for any version when nothing is expected, and for none when the list is empty", () => {
    assert.isTrue(holds(undefined, 7))
    assert.isTrue(holds([6, 7], 7))
    assert.isFalse(holds([6], 7))
    assert.isFalse(holds([], 7))
    assert.strictEqual(etag(7), "\"7\"")
  })
})
