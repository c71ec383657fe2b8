import { assert, describe, it } from "@effect/vitest"
import { groupsOf } from "../src/Compilation.ts"
import type { Mutant } from "../src/Mutant.ts"
import { tableOf, type Tried } from "../src/Report.ts"

const mutant = (name: string, ...files: ReadonlyArray<string>): Mutant => ({
  name,
  guarantee: `${name} holds`,
  edits: files.map((file) => ({ file, find: "a", put: "b" })),
  witnesses: [{ file: "A.test.ts", test: "sees it" }]
})

describe("a run of mutants", () => {
  it("compiles those together that touch different files", () => {
    const [one, two, three] = [mutant("one", "a.ts"), mutant("two", "b.ts", "c.ts"), mutant("three", "c.ts")]
    assert.deepStrictEqual(groupsOf([one, two, three]), [[one, two], [three]])
    const guarded = { ...mutant("four", "d.ts"), without: [{ file: "a.ts", find: "a", put: "b" }] }
    assert.deepStrictEqual(groupsOf([one, guarded]), [[one], [guarded]])
  })

  it("ends with a table of what caught each, and says what was not caught", () => {
    const tried: ReadonlyArray<Tried> = [
      { mutant: mutant("one", "a.ts"), verdict: { _tag: "Caught", by: ["sees it"] }, seconds: 3.2 },
      { mutant: mutant("two", "b.ts"), verdict: { _tag: "Survived", reason: "still green" }, seconds: 4 }
    ]
    assert.deepStrictEqual(tableOf(tried, 61).split("\n"), [
      "mutant | guarantee | caught by                         | seconds",
      "one    | one holds | sees it                           | 3",
      "two    | two holds | NOT CAUGHT, Survived: still green | 4",
      "1 of 2 mutants were caught, in 61 s"
    ])
  })
})
