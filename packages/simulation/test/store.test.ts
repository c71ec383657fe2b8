import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { randomInt } from "node:crypto"
import { fileURLToPath } from "node:url"
import { showReport } from "../src/printing.ts"
import { regressions } from "../src/regressions.ts"
import { scenarioOf } from "../src/Scenario.ts"
import { type Report, simulate } from "../src/simulate.ts"
import { parked, sweep } from "../src/sweep.ts"

const seeds = (from: number, count: number) => Array.from({ length: count }, (_, nth) => from + nth)
const run = (all: ReadonlyArray<number>) => all.map((seed) => simulate(scenarioOf(seed)))
const broken = (reports: ReadonlyArray<Report>) =>
  reports.filter(({ violations }) => violations.length > 0)
    .map((report) => `npm run simulate -- --seed ${report.scenario.seed} --shrink: ${showReport(report)}`)

/** A seed under which something of everything happens; another one may have to take its place when plans change. */
const ANYTHING = 12

/** Some seconds of work; a busy machine must not fail it. */
const timeout = 240_000

describe("the whole store on virtual time", { timeout }, () => {
  it("keeps its promises under a hundred seeds, each of which is another story", () => {
    const reports = run(seeds(1, 100))
    assert.deepStrictEqual(broken(reports), [])
    assert.strictEqual(new Set(reports.map(({ digest }) => digest)).size, 100)
  })

  it("keeps them under seeds that nobody has seen", () => {
    assert.deepStrictEqual(broken(run(seeds(randomInt(1_000_000, 1_000_000_000), 20))), [])
  })

  it("keeps them when any process dies at any of its requests, or misses the answer (some of them)", () => {
    const reports = [...sweep(undefined, { every: 9 }), ...sweep(undefined, { every: 29, scenario: parked })]
    assert.isAbove(reports.length, 100)
    assert.deepStrictEqual(reports.filter(({ violations }) => violations.length > 0).map(showReport), [])
  })

  it("has not fallen back to what was broken once", () => {
    for (const { broke, scenario } of regressions) {
      assert.deepStrictEqual(simulate(scenario).violations, [], broke)
    }
  })

  it("does the same under the same seed, whatever ran before, and in another process", () => {
    const scenario = scenarioOf(ANYTHING)
    const first = simulate(scenario)
    // Of everything something: processes that die, fibers that are preempted, letters that an operator deals with.
    assert.isAbove(scenario.preemption, 0)
    for (const event of ["KILL", "operator replays", "operator discards"]) {
      assert.isTrue(first.lines.some((line) => line.includes(event)), event)
    }
    assert.notStrictEqual(simulate(scenarioOf(ANYTHING + 1)).digest, first.digest)
    const again = simulate(scenario)
    assert.deepStrictEqual(again.lines, first.lines)
    assert.strictEqual(again.digest, first.digest)
    const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
    const inAnother = () =>
      execFileSync(process.execPath, [main, "--seed", `${ANYTHING}`, "--log"], { encoding: "utf8" })
    const [one, other] = [inAnother(), inAnother()]
    assert.strictEqual(one, other)
    assert.include(one, first.lines.join("\n"))
    assert.include(one, first.digest)
  })
})
