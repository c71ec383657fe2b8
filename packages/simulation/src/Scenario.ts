import type { Fault } from "./engine/Fault.ts"
import { prng } from "./engine/Prng.ts"
import { type Plan, planFaults } from "./planFaults.ts"
import type { Following } from "./store/Subscriber.ts"
import { type Errand, planWorkload } from "./store/Workload.ts"

/** All that a run depends on besides the code: data, so that it can be printed, replayed and shrunk. */
export interface Scenario {
  /** Latencies, and what the processes draw. */
  readonly seed: number
  readonly preemption: number
  /** The longest that a packet usually takes, ms. */
  readonly latency: number
  readonly partitions: number
  readonly followings: ReadonlyArray<Following>
  readonly workload: ReadonlyArray<Errand>
  readonly faults: ReadonlyArray<Fault>
}

/** The faults strike within this many virtual ms; from then on the store has to settle. */
export const HORIZON = 9_000

export interface ScenarioOptions {
  /** How many faults; drawn if absent. */
  readonly faults?: number
  readonly orders?: number
  /** False for one without foreign messages and flaws, and so without dead letters. */
  readonly trouble?: boolean
}

/** What a seed stands for. */
export const scenarioOf = (seed: number, options: ScenarioOptions = {}): Scenario => {
  const random = prng(seed, "scenario")
  const preemption = random.chance(0.5) ? 0 : 0.02 + random.float() * 0.2
  const latency = random.pick([6, 6, 25, 120])
  const partitions = 1 + random.below(3)
  const followings = [
    random.pick<Following>(["from the beginning", "from now"]),
    random.pick<Following>(["mine", "from the beginning"]),
    ...(random.chance(0.3) ? ["all" as const] : [])
  ]
  const plan: Plan = { count: options.faults ?? 2 + random.below(8), horizon: HORIZON }
  return {
    seed,
    preemption,
    latency,
    partitions,
    followings,
    workload: planWorkload(seed, options.orders ?? 2 + random.below(4), options.trouble ?? true),
    faults: planFaults(seed, plan)
  }
}
