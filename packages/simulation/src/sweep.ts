import type { Fault } from "./engine/Fault.ts"
import { PROCESSES } from "./planFaults.ts"
import { type Scenario, scenarioOf } from "./Scenario.ts"
import { type Report, simulate } from "./simulate.ts"
import { realServices, type Services } from "./store/services.ts"

/** One scenario in which nothing goes wrong and something of everything happens. */
export const calm: Scenario = {
  ...scenarioOf(1),
  preemption: 0,
  latency: 6,
  partitions: 2,
  followings: ["from the beginning", "mine"],
  workload: [
    { _tag: "Order", name: "o1", at: 300, user: 0, amount: 60, replica: 0, steps: [{ wait: 400, ask: "ASSEMBLING" }] },
    { _tag: "Order", name: "o2", at: 350, user: 1, amount: 60, replica: 1, steps: [{ wait: 10, ask: "cancel" }] },
    { _tag: "Order", name: "o3", at: 500, user: 0, amount: 90, replica: 1, steps: [] },
    { _tag: "TopUp", name: "t1", at: 400, user: 1, amount: 20 }
  ],
  faults: []
}

/** What is done at each point of the sweep. */
const faultsAt = (process: string, io: number): ReadonlyArray<Fault> => [
  { _tag: "CrashAtRequest", process, io, applied: false, down: 700 },
  { _tag: "CrashAtRequest", process, io, applied: true, down: 700 },
  { _tag: "LostReply", process, io }
]

/**
 * Every process dies before, and after, the server does what it asks for, and loses the answer, at each of its requests in
 * turn: nothing else that a process does can be seen from outside. Needs no luck.
 */
export function* sweep(
  services: Services = realServices,
  { every = 1, most = Infinity }: { readonly every?: number; readonly most?: number } = {}
): Generator<Report> {
  const requests = simulate(calm, services).requests
  for (const process of PROCESSES) {
    const last = Math.min(most, requests.get(process) ?? 0)
    for (let io = 1; io <= last; io += every) {
      for (const fault of faultsAt(process, io)) yield simulate({ ...calm, faults: [fault] }, services)
    }
  }
}
