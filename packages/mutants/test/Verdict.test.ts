import { assert, describe, it } from "@effect/vitest"
import { edited } from "../src/Mutant.ts"
import { judge, unfit, type VitestReport } from "../src/Verdict.ts"

const witness = { file: "packages/a/test/A.test.ts", test: "keeps its word" }

const report = (status: string, ...failureMessages: ReadonlyArray<string>): VitestReport => ({
  testResults: [{
    name: `/copy/${witness.file}`,
    assertionResults: [{ fullName: `a thing ${witness.test}`, status, failureMessages }]
  }]
})

describe("a mutant", () => {
  it("is caught by an assertion of its witness alone", () => {
    assert.deepStrictEqual(judge(report("failed", "AssertionError: expected 1 to be 2"), [witness]), {
      _tag: "Caught",
      by: [witness.test]
    })
    assert.strictEqual(judge(report("passed"), [witness])._tag, "Survived")
    assert.strictEqual(judge(report("failed", "Error: Test timed out in 30000ms."), [witness])._tag, "Error")
    assert.strictEqual(judge(report("failed", "TypeError: x is not a function"), [witness])._tag, "Error")
    assert.strictEqual(judge({ testResults: [] }, [witness])._tag, "Error")
  })

  it("may be caught by a guard whose words are known", () => {
    const guarded = { ...witness, says: "violates check constraint" }
    assert.strictEqual(judge(report("failed", "SqlError: violates check constraint"), [guarded])._tag, "Caught")
    assert.strictEqual(judge(report("failed", "SqlError: connection lost"), [guarded])._tag, "Error")
  })

  it("has to be caught by all of its witnesses", () => {
    const other = { file: "packages/a/test/B.test.ts", test: "keeps another word" }
    assert.strictEqual(judge(report("failed", "AssertionError: no"), [witness, other])._tag, "Error")
  })

  it("has no verdict where a witness is missing, skipped or red by itself", () => {
    assert.isUndefined(unfit(report("passed"), [witness]))
    assert.match(unfit(report("failed", "AssertionError: no"), [witness]) ?? "", /is failed/)
    assert.match(unfit(report("skipped"), [witness]) ?? "", /is skipped/)
    assert.match(unfit({ testResults: [] }, [witness]) ?? "", /has no test/)
  })

  it("fits where its edit stands exactly once", () => {
    const edit = { file: "a.ts", find: "lock", put: "$&" }
    assert.deepStrictEqual(edited("the lock", edit), { text: "the $&" })
    assert.deepStrictEqual(edited("no", edit), { fault: "a.ts holds this 0 times, not once: lock" })
    assert.deepStrictEqual(edited("lock lock", edit), { fault: "a.ts holds this 2 times, not once: lock" })
  })
})
