import { type Fault, isTimed } from "./engine/Fault.ts"
import { minimise } from "./minimise.ts"
import type { Scenario } from "./Scenario.ts"
import { type Report, simulate } from "./simulate.ts"
import { realServices, type Services } from "./store/services.ts"
import type { Errand } from "./store/Workload.ts"

export interface Shrunk {
  /** The smallest scenario found that fails in the same way. */
  readonly scenario: Scenario
  readonly report: Report
  readonly runs: number
}

const MOST_RUNS = 600
const SHORTEST = 100

/** The same kind of failure, whatever its numbers: another bug must not take the first one's place. */
const kindOf = ({ violations }: Report): string => (violations[0] ?? "").replaceAll(/\d+/g, "n")

const shorter = (fault: Fault): ReadonlyArray<Fault> => {
  if ("down" in fault && fault.down > SHORTEST) return [{ ...fault, down: Math.max(SHORTEST, fault.down >> 1) }]
  if ("ms" in fault && fault.ms > SHORTEST) return [{ ...fault, ms: Math.max(SHORTEST, fault.ms >> 1) }]
  return []
}

const lessOf = (errand: Errand): ReadonlyArray<Errand> =>
  errand._tag === "Order" && errand.steps.length > 0 ? [{ ...errand, steps: errand.steps.slice(0, -1) }] : []

/** A crash by its time does not depend on what else its process asks for. */
const byTime = (fault: Fault, at: number | undefined): Fault =>
  !isTimed(fault) && fault._tag === "CrashAtRequest" && at !== undefined
    ? { _tag: "CrashAtTime", process: fault.process, at, down: fault.down }
    : fault

/** Makes a failing scenario smaller: fewer faults, then fewer errands and subscribers, then shorter ones, to the end. */
export const shrink = (failing: Scenario, services: Services = realServices): Shrunk => {
  let runs = 0
  let best = failing
  let report = simulate(failing, services)
  const wanted = kindOf(report)

  const attempt = (candidate: Scenario): boolean => {
    // A smaller scenario shifts the schedule; under a few others it may fail as before. Then that one is kept.
    for (const seed of [best.seed, best.seed + 1, best.seed + 2, best.seed + 3]) {
      if (runs >= MOST_RUNS) return false
      runs++
      const tried = simulate({ ...candidate, seed }, services)
      if (kindOf(tried) !== wanted) continue
      best = { ...candidate, seed }
      report = tried
      return true
    }
    return false
  }
  /** Makes each element less, for as long as that goes. */
  const each = <A>(
    list: () => ReadonlyArray<A>,
    less: (one: A) => ReadonlyArray<A>,
    put: (list: ReadonlyArray<A>) => Scenario
  ) => {
    const isLess = (nth: number): boolean => {
      const one = list()[nth]
      return one !== undefined && less(one).some((smaller) => attempt(put(list().with(nth, smaller))))
    }
    for (let nth = 0; nth < list().length;) if (!isLess(nth)) nth++
  }
  const size = () => best.faults.length + best.workload.length + best.followings.length

  attempt({ ...best, faults: report.struck })
  attempt({ ...best, preemption: 0 })
  attempt({ ...best, latency: 6 })
  attempt({ ...best, partitions: 1 })
  for (let before = Infinity; size() < before;) {
    before = size()
    minimise(best.faults, (faults) => attempt({ ...best, faults }))
    minimise(best.workload, (workload) => attempt({ ...best, workload }))
    minimise(best.followings, (followings) => attempt({ ...best, followings }))
    const { struck, struckAt } = report
    struck.forEach((fault, nth) => {
      const timed = byTime(fault, struckAt[nth])
      if (timed !== fault) attempt({ ...best, faults: best.faults.map((one) => sameFault(one, fault) ? timed : one) })
    })
  }
  each(() => best.workload, lessOf, (workload) => ({ ...best, workload }))
  each(() => best.faults, shorter, (faults) => ({ ...best, faults }))
  return { scenario: best, report, runs }
}

const sameFault = (a: Fault, b: Fault): boolean => JSON.stringify(a) === JSON.stringify(b)
