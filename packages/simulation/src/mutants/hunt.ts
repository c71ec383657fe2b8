import { type Scenario, scenarioOf } from "../Scenario.ts"
import { type Report, simulate } from "../simulate.ts"
import type { Services } from "../store/services.ts"

export interface Found {
  readonly seed: number
  readonly scenario: Scenario
  readonly report: Report
}

/** The first seed, from `from` on, under which something breaks; undefined after `most` of them. */
export const hunt = (services: Services, from: number, most: number): Found | undefined => {
  for (let seed = from; seed < from + most; seed++) {
    const scenario = scenarioOf(seed)
    const report = simulate(scenario, services)
    if (report.violations.length > 0) return { seed, scenario, report }
  }
  return undefined
}
