import { Console, Effect, type Scope } from "effect"
import { Command } from "effect/cli"
import { loadavg } from "node:os"
import { cluster } from "../chaos/Cluster.ts"
import { ground } from "../chaos/Ground.ts"
import { NotKept } from "../chaos/NotKept.ts"
import { count, flags, runCommand } from "../command.ts"
import { demoFigures } from "../kills/DemoFigures.ts"
import { embeddedStore } from "../kills/EmbeddedStore.ts"
import type { Child } from "../kills/StoreProcess.ts"

/**
 * The same load on the store in one process and on the services as processes of their own with Kafka and PostgreSQL, one
 * after the other on one machine: what the demo measures of each, and an audit of all of it.
 */

interface Store {
  readonly demo: (rate: number, orders: number) => Effect.Effect<Child, never, Scope.Scope>
  readonly audit: Effect.Effect<Child, never, Scope.Scope>
}

const embedded = Effect.gen(function*() {
  const { gstore, journal, start } = yield* embeddedStore("modes", { RATE_LIMIT: "off" })
  yield* Effect.acquireRelease(start, ({ kill }) => kill("SIGTERM"), { interruptible: true })
  return {
    demo: (rate, orders) => gstore("demo", "--orders", String(orders), "--rate", String(rate), "--journal", journal),
    audit: gstore("audit", "--journal", journal)
  } satisfies Store
})

const distributed = Effect.fnUntraced(function*(replicas: number) {
  const store = yield* cluster(replicas, yield* ground)
  // As nginx does: a connection for each request would cost as much as the request.
  const gateway = yield* store.keepAliveGateway
  return { audit: store.audit, demo: (rate, orders) => store.demo(rate, orders, gateway) } satisfies Store
})

const ended = Effect.fnUntraced(function*(what: string, child: Child) {
  const code = yield* child.ended
  const output = yield* child.output
  if (code !== 0) return yield* new NotKept({ reason: `the ${what} ended with ${code}:\n${output}` })
  return output
})

const measured = Effect.fnUntraced(
  function*<E, R>(name: string, start: Effect.Effect<Store, E, R>, orders: number, rate: number) {
    const store = yield* start
    // Compiles what the load runs through, and lets every consumer find its place.
    yield* ended("warm-up", yield* store.demo(Math.min(rate, 50), 100))
    const load = loadavg().map((one) => one.toFixed(1)).join(" ")
    const output = yield* ended("demo", yield* store.demo(rate, orders))
    yield* Console.log(`${name} (machine's load before: ${load})`)
    for (const line of demoFigures(output)) yield* Console.log(`  ${line}`)
    yield* ended("audit", yield* store.audit)
    yield* Console.log("  audit              every invariant holds")
  },
  Effect.scoped
)

const modes = Command.make("modes", {
  orders: flags.orders(5_000),
  rate: flags.rate(200, "Orders a second, open loop"),
  rounds: count("rounds", "How often each of both takes its turn", 1),
  replicas: flags.replicas(1)
}, ({ orders, rate, replicas, rounds }) =>
  Effect.gen(function*() {
    for (let round = 0; round < rounds; round++) {
      yield* measured("one process", embedded, orders, rate)
      yield* measured(`Kafka, ${replicas} of each service`, distributed(replicas), orders, rate)
    }
  }))

runCommand(modes)
