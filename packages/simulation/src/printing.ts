import { showFault } from "./engine/Fault.ts"
import type { Scenario } from "./Scenario.ts"
import type { Shrunk } from "./shrink.ts"
import type { Report } from "./simulate.ts"

export const showScenario = (
  { faults, followings, latency, partitions, preemption, seed, workload }: Scenario
): string =>
  [
    `seed ${seed}, latency ${latency} ms, ${partitions} partitions, preemption ${preemption.toFixed(2)}, ` +
    `subscribers: ${followings.join(", ")}`,
    ...workload.map((errand) => `  ${JSON.stringify(errand)}`),
    ...faults.map((fault) => `  FAULT ${showFault(fault)}`)
  ].join("\n")

export const showReport = ({ digest, ending, steps, violations, virtualMillis }: Report): string =>
  `${violations.length === 0 ? "all holds" : `VIOLATED: ${violations.join("; ")}`} (${ending} after ` +
  `${(virtualMillis / 1000).toFixed(1)} virtual s, ${steps} steps)\nlog ${digest}`

/** A failing run as somebody needs it: what broke, the smallest way there, and the same as data to keep. */
export const showShrunk = ({ report, runs, scenario }: Shrunk): string =>
  [
    `  shrunk in ${runs} runs to ${scenario.faults.length} faults, ${scenario.workload.length} errands: ` +
    `${report.violations.join("; ")}`,
    showScenario(scenario).replaceAll(/^/gm, "  "),
    "  to keep it, add this to packages/simulation/src/regressions.ts:",
    `  ${JSON.stringify(scenario)}`
  ].join("\n")
