import { assert, describe, it } from "@effect/vitest"
import { makeDocket } from "../src/audit/Docket.ts"
import type { Finding } from "../src/audit/Finding.ts"

const undecided = (id: string, detail = "is PENDING and undecided"): Finding => ({
  invariant: "one-decision",
  id,
  detail,
  inFlight: true
})
const broken = (id: string): Finding => ({ invariant: "history-is-a-path", id, detail: "has a gap", inFlight: false })

const docket = (limit = 10) => makeDocket({ settle: 30, remind: 600, limit })
const about = (...findings: ReadonlyArray<Finding>) => new Map(findings.map((finding) => [finding.id, [finding]]))

describe("a docket", () => {
  it("counts at once what cannot be in flight, and what may be once it has stayed", () => {
    const { counts, record } = docket()
    assert.deepStrictEqual(record("order", about(broken("a"), undecided("b")), 0).violations, [broken("a")])
    assert.deepStrictEqual(record("order", about(undecided("b")), 29).violations, [])
    assert.strictEqual(counts().suspicions, 1)
    assert.deepStrictEqual(record("order", about(undecided("b")), 30).violations, [undecided("b")])
    assert.strictEqual(counts().suspicions, 0)
    assert.deepStrictEqual([...counts().violations], [["history-is-a-path", 1], ["one-decision", 1]])
  })

  it("begins anew when something else is missing than before, also in between", () => {
    const { record } = docket()
    record("order", about(undecided("a")), 0)
    assert.deepStrictEqual(record("order", about(undecided("a", "is PAID and undecided")), 30).violations, [])
    record("order", new Map([["a", []]]), 31)
    assert.deepStrictEqual(record("order", about(undecided("a", "is PAID and undecided")), 61).violations, [])
  })

  it("tells a violation once, again when it still stands much later, and that it is mended", () => {
    const { record } = docket()
    assert.lengthOf(record("order", about(broken("a")), 0).violations, 1)
    assert.lengthOf(record("order", about(broken("a")), 599).violations, 0)
    assert.lengthOf(record("order", about(broken("a")), 600).violations, 1)
    assert.deepStrictEqual(record("order", new Map([["a", []]]), 700).mended, [broken("a")])
    // A suspicion that came to nothing was never told, so nothing is mended.
    record("order", about(undecided("b")), 700)
    assert.deepStrictEqual(record("order", new Map([["b", []]]), 701).mended, [])
  })

  it("keeps kinds apart, and gives the ones that were not checked for the longest time first", () => {
    const { due, record } = docket()
    record("order", about(broken("a"), broken("b")), 0)
    record("account", about(broken("a")), 1)
    record("order", about(broken("a")), 2)
    assert.deepStrictEqual(due("order", 10), ["b", "a"])
    assert.deepStrictEqual(due("order", 1), ["b"])
    assert.deepStrictEqual(due("account", 10), ["a"])
  })

  it("follows no more than it was told to, and says how many it let go", () => {
    const { counts, due, record } = docket(2)
    record("order", about(broken("a"), broken("b"), broken("c")), 0)
    assert.deepStrictEqual(due("order", 10), ["a", "b"])
    assert.strictEqual(counts().unfollowed, 1)
    // Those that are followed stay.
    record("order", about(broken("a"), broken("b")), 1)
    assert.deepStrictEqual(due("order", 10), ["a", "b"])
  })

  it("forgets with the next look how many it let go", () => {
    const { beginLook, counts, record } = docket(1)
    record("order", about(broken("a"), broken("b"), broken("c")), 0)
    beginLook()
    record("order", about(broken("c")), 1)
    assert.strictEqual(counts().unfollowed, 1)
    beginLook()
    record("order", new Map([["b", []], ["c", []]]), 2)
    assert.strictEqual(counts().unfollowed, 0)
  })
})
