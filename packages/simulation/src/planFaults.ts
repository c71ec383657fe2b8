import type { Fault } from "./engine/Fault.ts"
import { type Prng, prng } from "./engine/Prng.ts"

export interface Plan {
  readonly count: number
  /** Virtual ms within which they strike. */
  readonly horizon: number
}

/** Processes that can die and start again. */
export const PROCESSES = ["orders-1", "orders-2", "payments-1", "payments-2", "notify-1", "notify-2"] as const
const databases = { orders: "ordersDb", payments: "paymentsDb", notify: "feedDb" } as const
const SUBSCRIBERS = ["s1", "s2", "s3"] as const
const GROUPS = [
  "g-store.order-service",
  "g-store.payment-service",
  "g-store.payment-service",
  "g-store.order-notification-service.1",
  "g-store.order-notification-service.2"
] as const

const databaseOf = (process: string): string => {
  if (process.startsWith("orders")) return databases.orders
  return process.startsWith("payments") ? databases.payments : databases.notify
}

/** A long tail: mostly short, now and then longer than every timeout of the store. */
const duration = (random: Prng): number => 100 + Math.floor(10_000 * random.float() ** 2.5)

const jump = (random: Prng): number => (random.chance(0.5) ? 1 : -1) * random.below(60_000)

const draw = (random: Prng, horizon: number): Fault => {
  const process = random.pick(PROCESSES)
  // Most of what is asked is asked early, while the orders are placed.
  const io = 1 + Math.floor(150 * random.float() ** 1.5)
  // So do times, for as long as there is work; a few come when all is quiet.
  const at = Math.floor((horizon - 1_000) * random.float() ** 2)
  const server = random.chance(0.5) ? databaseOf(process) : "bus"
  switch (random.below(18)) {
    case 0:
    case 1:
    case 2:
    case 3:
      return { _tag: "CrashAtRequest", process, io, applied: random.chance(0.5), down: duration(random) }
    case 4:
      return { _tag: "LostRequest", process, io }
    case 5:
    case 6:
      return { _tag: "LostReply", process, io }
    case 7:
      return { _tag: "Slow", process, io, ms: duration(random) }
    case 8:
      return { _tag: "Duplicate", process, io }
    case 9:
      return { _tag: "PartialPublish", process, io }
    case 10:
      return { _tag: "CrashAtTime", process, at, down: duration(random) }
    case 11:
      return { _tag: "Pause", process, at, ms: duration(random) }
    case 12:
      return { _tag: "Outage", server, at, ms: duration(random) }
    case 13:
      return random.chance(0.5)
        ? { _tag: "SlowServer", server, at, ms: duration(random), delay: 50 + random.below(1_500) }
        : { _tag: "Stop", process, at, down: duration(random) }
    case 14:
      return { _tag: "Partition", process, server, at, ms: duration(random) }
    case 15:
      return { _tag: "Rebalance", group: random.pick(GROUPS), at }
    case 16:
      return { _tag: "SocketDrop", process: random.pick(SUBSCRIBERS), at, told: random.chance(0.5) }
    default:
      return { _tag: "ClockJump", process, at, ms: jump(random) }
  }
}

export const planFaults = (seed: number, { count, horizon }: Plan): ReadonlyArray<Fault> => {
  const random = prng(seed, "faults")
  return Array.from({ length: count }, () => draw(random, horizon))
}
