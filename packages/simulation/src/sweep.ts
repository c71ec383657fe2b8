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
/** The same with dead letters in each service, of its own making and of others', and what waits behind them. */
export const parked: Scenario = {
  ...calm,
  workload: [
    { _tag: "Order", name: "o1", at: 300, user: 0, amount: 60, replica: 0, steps: [{ wait: 400, ask: "cancel" }] },
    { _tag: "Order", name: "o2", at: 350, user: 1, amount: 60, replica: 1, steps: [{ wait: 900, ask: "ASSEMBLING" }] },
    { _tag: "Flaw", name: "x1", service: "payments", of: "o1", until: 1_500 },
    { _tag: "Flaw", name: "x2", service: "orders", of: "o2", until: 1_000 },
    { _tag: "Flaw", name: "x3", service: "notify", of: "o2", until: 1_500 },
    { _tag: "Foreign", name: "x4", at: 400, kind: "undecodable", of: "o1", to: "payments", amount: 1 },
    { _tag: "Foreign", name: "x5", at: 500, kind: "another amount", of: "o1", to: "orders", amount: 1 }
  ]
}

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
  { every = 1, most = Infinity, scenario = calm }: {
    readonly every?: number
    readonly most?: number
    readonly scenario?: Scenario
  } = {}
): Generator<Report> {
  const requests = simulate(scenario, services).requests
  for (const process of PROCESSES) {
    const last = Math.min(most, requests.get(process) ?? 0)
    for (let io = 1; io <= last; io += every) {
      for (const fault of faultsAt(process, io)) yield simulate({ ...scenario, faults: [fault] }, services)
    }
  }
}
