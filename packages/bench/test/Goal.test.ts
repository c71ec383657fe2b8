import { assert, describe, it } from "@effect/vitest"
import { type Goal, isMet, median, table } from "../src/Goal.ts"
import { voidReason } from "../src/Recorded.ts"

const goal: Goal = { what: "creates", measured: "2/s", against: "1/s", figure: 2, atLeast: 1.3 }

describe("a goal", () => {
  it("is met on the right side of its bounds", () => {
    assert.isTrue(isMet(goal))
    assert.isFalse(isMet({ ...goal, figure: 1.29 }))
    assert.isFalse(isMet({ ...goal, atMost: 1.5 }))
  })

  it("is neither met nor missed by a void run, or without a figure", () => {
    assert.isUndefined(isMet({ ...goal, void: "the limit was held up" }))
    assert.isUndefined(isMet({ ...goal, figure: Number.NaN }))
    assert.include(table([{ ...goal, void: "the limit was held up" }]), "void: the limit was held up")
  })

  it("shows what was measured, against what", () => {
    assert.include(table([goal]), "| creates | 2.00x | >= 1.3x | met | 2/s | 1/s |")
  })
})

describe("a median", () => {
  it("is the middle of an odd number of figures, and between the middle two of an even one", () => {
    assert.strictEqual(median([3, 1, 2]), 2)
    assert.strictEqual(median([4, 1, 3, 2]), 2.5)
    assert.isNaN(median([]))
  })
})

describe("a run", () => {
  it("is void when the limit cost more than a quarter above its recorded cost", () => {
    assert.isUndefined(voidReason(200, 250))
    assert.include(voidReason(200, 251) ?? "", "0.80x of its recorded cost")
  })

  it("is not void where nothing is recorded for the machine", () => {
    assert.isUndefined(voidReason(undefined, 1_000))
  })
})
