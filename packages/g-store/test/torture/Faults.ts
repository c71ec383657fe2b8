import { type TestProxy } from "@g-store/postgres/TestProxy.ts"
import { Clock, DateTime, Duration, Effect, Random, Schedule, Semaphore } from "effect"
import type { Cluster } from "../chaos/Cluster.ts"
import { NotKept } from "../chaos/NotKept.ts"
import type { Probe } from "../chaos/Probe.ts"
import type { Replica } from "../chaos/Replica.ts"
import type { Recoveries } from "./Recoveries.ts"
import type { Fault, Server } from "./Schedule.ts"
import type { Supervision } from "./Supervision.ts"

/** How long an order may take to be paid after a fault is over, with everything else that goes wrong meanwhile. */
const RECOVERY = "3 minutes"

export interface Stage {
  readonly store: Cluster
  readonly processes: ReadonlyArray<Replica>
  readonly supervision: Supervision
  readonly networks: Readonly<Record<Server, TestProxy>>
  readonly customer: Probe
  readonly recoveries: Recoveries
  /** Hears processes once more that are about to be killed. */
  readonly lastWords: (victims: ReadonlyArray<Replica>) => Effect.Effect<void>
  readonly corrupt: (kind: Extract<Fault, { _tag: "Corrupt" }>["kind"]) => Effect.Effect<void, NotKept>
}

/**
 * Carries out what was planned, counts it, and measures how long the store took to recover. Writes a line for each fault
 * into the trail.
 */
export const faults = Effect.fnUntraced(function*(
  { corrupt, customer, lastWords, networks, processes, recoveries, store, supervision }: Stage,
  trail: Array<string>
) {
  const servers = { PostgreSQL: store.postgres, Kafka: store.kafka }
  // One thing at a time is done to a server: a frozen one is not stopped.
  const turns = { PostgreSQL: yield* Semaphore.make(1), Kafka: yield* Semaphore.make(1) }
  const counts = new Map<string, number>()
  const began = yield* Clock.currentTimeMillis
  // The services' logs have times of the day.
  trail.push(`    0.0 s  ${yield* DateTime.now.pipe(Effect.map(DateTime.formatIso))}`)

  const noted = (what: string) =>
    Effect.map(Clock.currentTimeMillis, (now) => {
      trail.push(`${((now - began) / 1000).toFixed(1).padStart(7)} s  ${what}`)
    })
  const said = Effect.fnUntraced(function*(kind: string, what = kind) {
    yield* noted(what)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  })
  const processOf = (index: number): Effect.Effect<Replica> => {
    const found = processes[index]
    return found === undefined ? Effect.die(new Error(`there is no process ${index}`)) : Effect.succeed(found)
  }
  const patiently = Effect.retry(Schedule.spaced("250 millis"))

  /** From now, when the fault is over, until an order that is placed after this is paid. */
  const recovered = Effect.fnUntraced(function*(from: string) {
    const since = yield* Clock.currentTimeMillis
    const passed = Effect.map(Clock.currentTimeMillis, (now) => now - since)
    let accepted = 0
    yield* customer.order.pipe(
      patiently,
      Effect.tap(() => Effect.map(passed, (millis) => void (accepted = millis))),
      Effect.flatMap((orderId) => patiently(customer.paid(orderId))),
      Effect.timeoutOrElse({
        duration: RECOVERY,
        orElse: () => Effect.fail(new NotKept({ reason: `no order was paid within ${RECOVERY} after: ${from}` }))
      })
    )
    const took = yield* passed
    recoveries.add(`until paid after: ${from}`, took)
    yield* noted(`an order is accepted ${accepted} ms and paid ${took} ms after: ${from}`)
  })

  const carryOut = Effect.fnUntraced(function*(fault: Fault) {
    switch (fault._tag) {
      case "Kill": {
        const victims = yield* Effect.forEach(fault.victims, processOf)
        const kind = victims.length > 1 ? "kills of two at once" : "kills of one"
        yield* lastWords(victims)
        yield* said(
          kind,
          `SIGKILL ${victims.map(({ name }) => name).join(" and ")}`
        )
        yield* Effect.forEach(victims, supervision.kill, { discard: true })
        const [first] = victims
        if (fault.againAfter === undefined || first === undefined) return yield* recovered(kind)
        yield* Effect.sleep(Duration.millis(fault.againAfter))
        yield* said("kills while starting", `SIGKILL ${first.name} again`)
        yield* supervision.kill(first)
        return yield* recovered("kills while starting")
      }
      case "Pause": {
        if (typeof fault.of === "number") {
          const process = yield* processOf(fault.of)
          yield* said("pauses of a service", `SIGSTOP ${process.name} for ${fault.millis} ms`)
          yield* process.signal("SIGSTOP")
          yield* Effect.sleep(Duration.millis(fault.millis))
          yield* process.signal("SIGCONT")
          return yield* recovered("pauses of a service")
        }
        const { of } = fault
        yield* turns[of].withPermits(1)(Effect.gen(function*() {
          yield* said(`pauses of ${of}`, `SIGSTOP ${of} for ${fault.millis} ms`)
          yield* servers[of].pause
          yield* Effect.sleep(Duration.millis(fault.millis))
          yield* servers[of].resume
          yield* noted(`${of} goes on`)
        }))
        return yield* recovered(`pauses of ${of}`)
      }
      case "Outage": {
        const { hard, millis, of } = fault
        const how = hard ? "killed" : "stopped"
        yield* turns[of].withPermits(1)(Effect.gen(function*() {
          yield* said(`${of} ${how} and started`, `${of} ${how}`)
          yield* hard ? servers[of].kill : servers[of].stop
          yield* Effect.sleep(Duration.millis(millis))
          yield* servers[of].start
          yield* noted(`${of} is back`)
        }))
        return yield* recovered(`${of} ${how} and started`)
      }
      case "Cut": {
        const network = networks[fault.of]
        if (fault.how === "slow") {
          yield* said(`${fault.of} slowed`, `${fault.of} ${fault.delay} ms away for ${fault.millis} ms`)
          yield* network.delay(fault.delay)
          yield* Effect.sleep(Duration.millis(fault.millis))
          return yield* network.delay(0)
        }
        const phase = yield* Random.next
        const struck = (nth: number) => (nth * 0.618 + phase) % 1 < fault.share
        const number = yield* fault.how === "reset" ? network.reset(struck) : network.silence(struck)
        const how = fault.how === "reset" ? "cut with RST" : "fallen silent"
        yield* said(`cuts: to ${fault.of}, ${how}`, `${number} connections to ${fault.of} ${how}`)
        return yield* recovered(`cuts: to ${fault.of}, ${how}`)
      }
      case "Corrupt":
        yield* said("corrupt messages", `a corrupt message: ${fault.kind}`)
        return yield* corrupt(fault.kind)
    }
  })

  return { carryOut, counts }
})
