import { Clock, Console, Effect, Fiber } from "effect"
import { Command } from "effect/cli"
import { count, runCommand } from "../command.ts"
import { cluster } from "./Cluster.ts"
import { ground } from "./Ground.ts"
import { NotKept } from "./NotKept.ts"
import { shopper } from "./Shopper.ts"

/**
 * SIGTERM to one of two replicas under load, as at a rolling update, then the same for the other services. Through the
 * gateway no call with an idempotency key fails for good, none without a key fails at all, and no effect repeats.
 */

/** How long there is load before each stop and after it. */
const AROUND = "2 seconds"

const program = Effect.fnUntraced(function*(options: {
  readonly runs: number
  readonly customers: number
}) {
  const store = yield* cluster(2, yield* ground)
  yield* Console.log("ready")
  const gateways = [["connections for one request", store.url], [
    "keep-alive connections",
    yield* store.keepAliveGateway
  ]] as const
  const stopped = store.services.filter(({ service }) => service !== "order-notification-service")
  for (let run = 1; run <= options.runs; run++) {
    for (const [kind, url] of gateways) {
      const shoppers = yield* Effect.forEach(Array.from({ length: options.customers }), () => shopper(url))
      let open = true
      const load = yield* Effect.forkChild(Effect.forEach(
        shoppers,
        ({ shop }) => Effect.repeat(shop, { while: () => open }),
        { concurrency: "unbounded", discard: true }
      ))
      let longest = 0
      for (const replica of stopped.filter((_, nth) => nth % 2 === run % 2)) {
        yield* Effect.sleep(AROUND)
        const began = yield* Clock.currentTimeMillis
        const code = yield* replica.end("SIGTERM")
        const took = (yield* Clock.currentTimeMillis) - began
        longest = Math.max(longest, took)
        if (code !== 0 || took >= 10_000) {
          return yield* new NotKept({ reason: `${replica.name} ended with ${code} after ${took} ms` })
        }
        yield* Effect.sleep(AROUND)
        yield* replica.start
      }
      open = false
      yield* Fiber.join(load)
      const failed = shoppers.flatMap(({ done }) => done.failed)
      const sum = (of: (done: typeof shoppers[number]["done"]) => number) =>
        shoppers.reduce((total, { done }) => total + of(done), 0)
      yield* Console.log(
        `run ${run}, ${kind}: ${sum(({ orders }) => orders)} orders, ${sum(({ toppedUp }) => toppedUp)} top-ups, ` +
          `${sum(({ repeated }) => repeated)} repeated with their key, ${failed.length} failed without, ` +
          `longest stop ${longest} ms`
      )
      if (failed.length > 0) return yield* new NotKept({ reason: failed.slice(0, 10).join("\n") })
      yield* Effect.forEach(shoppers, ({ check }) => check, { discard: true })
    }
  }
  const audit = yield* store.gstore("audit")
  const code = yield* audit.ended
  yield* Console.log(yield* audit.output)
  if (code !== 0) return yield* new NotKept({ reason: `the audit ended with ${code}` })
}, Effect.scoped)

const handover = Command.make("handover", {
  runs: count("runs", "Each stops one replica of two services, through two kinds of gateway", 3),
  customers: count("customers", "How many call at the same time", 8)
}, program)

runCommand(handover)
