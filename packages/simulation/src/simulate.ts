import { EventBus } from "@g-store/messaging/EventBus.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Layer } from "effect"
import { type Fault, isTimed, showFault } from "./engine/Fault.ts"
import { Network } from "./engine/Network.ts"
import type { Process, Surroundings } from "./engine/Process.ts"
import { withTripwires } from "./engine/Tripwires.ts"
import { type Ending, World } from "./engine/World.ts"
import { checkBus } from "./rules/bus.ts"
import { checkHistory } from "./rules/history.ts"
import { checkMoney } from "./rules/money.ts"
import { checkSettled, type Everything, unsettled } from "./rules/settled.ts"
import { makeViolations } from "./rules/Violations.ts"
import { HORIZON, type Scenario } from "./Scenario.ts"
import { Broker } from "./servers/Broker.ts"
import { DatabaseServer } from "./servers/DatabaseServer.ts"
import { simulatedBus } from "./servers/SimulatedBus.ts"
import { simulatedDatabase } from "./servers/SimulatedDatabase.ts"
import { openAccounts } from "./store/accounts.ts"
import { runErrand } from "./store/Customers.ts"
import { Flawed } from "./store/Flaws.ts"
import { runForeign } from "./store/Foreign.ts"
import { Host } from "./store/Host.ts"
import { makeJournal } from "./store/Journal.ts"
import { Names } from "./store/Names.ts"
import { runOperator } from "./store/Operator.ts"
import { type Outside, realServices, type Services } from "./store/services.ts"
import { Subscriber } from "./store/Subscriber.ts"

/** What came of a run. */
export interface Report {
  readonly scenario: Scenario
  readonly ending: Ending
  /** Empty when everything held. */
  readonly violations: ReadonlyArray<string>
  /** SHA-256 of the log, in hex. */
  readonly digest: string
  readonly lines: ReadonlyArray<string>
  readonly steps: number
  readonly virtualMillis: number
  /** The faults that struck, aimed by name; those that never did are left out. */
  readonly struck: ReadonlyArray<Fault>
  /** When each of `struck` did, virtual ms. */
  readonly struckAt: ReadonlyArray<number>
  /** How many requests each process sent. */
  readonly requests: ReadonlyMap<string, number>
}

const SETTLE_MILLIS = 120_000
const CHECK_MILLIS = 200

/** Runs the whole store through a scenario, from nothing to where all is settled. Pure: the same again gives the same. */
export const simulate = (scenario: Scenario, services: Services = realServices): Report => {
  const { trips, value } = withTripwires(() => run(scenario, services))
  return trips.size === 0
    ? value
    : { ...value, violations: [...value.violations, `something looked outside: ${[...trips].join(", ")}`] }
}

const run = (scenario: Scenario, services: Services): Report => {
  const world = new World(scenario)
  const violations = makeViolations((line) => world.log(line))
  const names = new Names()
  const journal = makeJournal()
  const hosts = new Map<
    string,
    {
      readonly crash: (down: number) => void
      readonly stop: (down: number) => void
      readonly jump: (ms: number) => void
      readonly process: Process
    }
  >()
  const network = new Network(world, {
    latency: scenario.latency,
    faults: scenario.faults,
    crash: (process, down) => hosts.get(process.name)?.crash(down)
  })

  const ordersDb = new DatabaseServer(world, "ordersDb")
  const paymentsDb = new DatabaseServer(world, "paymentsDb")
  const feedDb = new DatabaseServer(world, "feedDb")
  const databases = [ordersDb, paymentsDb, feedDb]
  const broker = new Broker(world, scenario.partitions)
  openAccounts(paymentsDb)
  const history = checkHistory(ordersDb, names, violations)
  ordersDb.onCommit = (writes) => {
    names.committed(writes)
    history(writes)
  }
  const money = checkMoney(paymentsDb, names, violations)
  paymentsDb.onCommit = (writes) => {
    names.committed(writes)
    money(writes)
  }
  broker.onAppend = checkBus(names, violations)

  const flaws = scenario.workload.filter((errand) => errand._tag === "Flaw")
  const isFlawed = (process: string) => (orderId: string) =>
    flaws.some(({ of, service, until }) =>
      process.startsWith(service) && world.elapsed < until && names.of(orderId) === of
    )

  const start = <S>(name: string, database: DatabaseServer, layer: Layer.Layer<S, never, Outside | Surroundings>) => {
    const host = new Host<S>(
      world,
      name,
      (process) =>
        Layer.provide(
          layer,
          Layer.merge(
            Layer.succeed(MemoryDatabase, simulatedDatabase(network, database, process, names.statement)),
            Layer.succeed(EventBus, simulatedBus(network, broker, process, names.publish))
          ).pipe(Layer.merge(Layer.succeed(Flawed, isFlawed(name))))
        ),
      violations.report
    )
    hosts.set(name, host)
    host.boot()
    return host
  }
  const orders = [start("orders-1", ordersDb, services.orders), start("orders-2", ordersDb, services.orders)] as const
  const payments = [
    start("payments-1", paymentsDb, services.payments),
    start("payments-2", paymentsDb, services.payments)
  ] as const
  const replicas = [
    start("notify-1", feedDb, services.notifications("1")),
    start("notify-2", feedDb, services.notifications("2"))
  ] as const

  const subscribers = scenario.followings.map((following, nth) =>
    new Subscriber({ name: `s${nth + 1}`, user: nth % 2, following, network, hosts: replicas, names, violations })
  )
  let open = scenario.workload.length - flaws.length
  if (scenario.workload.some(({ _tag }) => _tag === "Foreign" || _tag === "Flaw")) {
    runOperator({ network, names, journal, services: [orders, payments, replicas] })
  }
  for (const errand of scenario.workload) {
    if (errand._tag === "Foreign") runForeign({ broker, journal, network }, errand, () => open--)
    else if (errand._tag !== "Flaw") {
      runErrand(
        {
          network,
          orders,
          payments,
          journal,
          onPlaced: (order) => {
            const id = journal.placed.get(order.name)
            if (id !== undefined) { for (const subscriber of subscribers) subscriber.placed(id, order) }
          }
        },
        errand,
        () => open--
      )
    }
  }

  const strike = (fault: Fault): void => {
    if (!isTimed(fault)) return
    world.log(`FAULT ${showFault(fault)}`)
    switch (fault._tag) {
      case "CrashAtTime":
        return hosts.get(fault.process)?.crash(fault.down)
      case "Stop":
        return hosts.get(fault.process)?.stop(fault.down)
      case "Pause": {
        const process = hosts.get(fault.process)?.process
        if (process === undefined) return
        process.pausedUntil = world.now + fault.ms
        return broker.silent(process, fault.ms)
      }
      case "Outage":
        network.outage(fault.server, fault.ms)
        if (fault.server === broker.name) return broker.breakConnections()
        return databases.find(({ name }) => name === fault.server)?.abortAll()
      case "SlowServer":
        return network.slowServer(fault.server, fault.ms, fault.delay)
      case "Partition": {
        network.cut(fault.process, fault.server, fault.ms)
        const process = hosts.get(fault.process)?.process
        if (fault.server === broker.name && process !== undefined) broker.silent(process, fault.ms)
        return
      }
      case "Rebalance": {
        const group = broker.groups.get(fault.group)
        return group === undefined ? undefined : broker.rebalance(group, 1)
      }
      case "SocketDrop":
        return subscribers.find(({ name }) => name === fault.process)?.drop(fault.told)
      case "ClockJump":
        return hosts.get(fault.process)?.jump(fault.ms)
    }
  }
  const timed = scenario.faults.filter(isTimed)
  for (const fault of timed) world.after(fault.at, world.ground, () => strike(fault))

  const all: Everything = {
    workload: scenario.workload,
    ordersDb,
    paymentsDb,
    feedDb,
    broker,
    subscribers,
    journal,
    names,
    open: () => open
  }
  const lastFault = Math.max(0, ...timed.map(({ at }) => at))
  let nextLook = world.start + Math.min(HORIZON, lastFault + 500)
  const ending = world.run(() => {
    if (violations.found.length > 0) return true
    if (world.now < nextLook) return false
    nextLook = world.now + CHECK_MILLIS
    return unsettled(all) === undefined
  }, HORIZON + SETTLE_MILLIS)
  if (ending !== "done") violations.report(`${ending}: ${unsettled(all) ?? "all is settled"}`)
  else if (violations.found.length === 0) checkSettled(all, violations)
  return {
    scenario,
    ending,
    violations: violations.found,
    digest: world.digest(),
    lines: world.lines,
    steps: world.steps,
    virtualMillis: world.elapsed,
    struck: [...network.hits.map(({ fault }) => fault), ...timed],
    struckAt: [...network.hits.map(({ at }) => at), ...timed.map(({ at }) => at)],
    requests: network.sent
  }
}
