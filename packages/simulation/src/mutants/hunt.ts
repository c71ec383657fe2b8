import { type Scenario, scenarioOf, type ScenarioOptions } from "../Scenario.ts"
import { type Report, simulate } from "../simulate.ts"
import type { Services } from "../store/services.ts"

export interface Found {
  readonly seed: number
  readonly scenario: Scenario
  readonly report: Report
}

/** The first seed, from `from` on, under which something breaks; undefined after `most` of them. */
export const hunt = (
  services: Services,
  from: number,
  most: number,
  options: ScenarioOptions = {}
): Found | undefined => {
  for (let seed = from; seed < from + most; seed++) {
    const scenario = scenarioOf(seed, options)
    const report = simulate(scenario, services)
    if (report.violations.length > 0) return { seed, scenario, report }
  }
  return undefined
}
