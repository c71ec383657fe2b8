import { type Scenario, scenarioOf, type ScenarioOptions } from "./Scenario.ts"
import { simulate } from "./simulate.ts"

/** Which of the seeds from `first` on one worker takes: every `of`-th, beginning with its own number. */
export interface Share {
  readonly first: number
  readonly worker: number
  readonly of: number
  /** How many seeds all workers take together; Infinity for as long as it lasts. */
  readonly runs: number
  /** Wall-clock milliseconds (performance.now) at which to stop. */
  readonly until: number
}

/** What a worker has found; plain data, sent between processes. */
export interface Findings {
  readonly runs: number
  readonly digests: ReadonlyArray<string>
  readonly virtualMillis: number
  readonly steps: number
  readonly failures: ReadonlyArray<{ readonly scenario: Scenario; readonly violations: ReadonlyArray<string> }>
}

const MOST_FAILURES = 20

/** Runs one seed after the other. */
export const explore = (share: Share, options: ScenarioOptions = {}): Findings => {
  const digests: Array<string> = []
  const failures: Array<Findings["failures"][number]> = []
  let virtualMillis = 0
  let steps = 0
  for (let nth = share.worker; nth < share.runs && performance.now() < share.until; nth += share.of) {
    const report = simulate(scenarioOf(share.first + nth, options))
    digests.push(report.digest.slice(0, 16))
    virtualMillis += report.virtualMillis
    steps += report.steps
    const { scenario, violations } = report
    if (violations.length > 0 && failures.length < MOST_FAILURES) failures.push({ scenario, violations })
  }
  return { runs: digests.length, digests, virtualMillis, steps, failures }
}
