import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, Effect, type Scope } from "effect"
import { Command, Flag } from "effect/cli"
import * as fs from "node:fs/promises"
import { loadavg, tmpdir } from "node:os"
import * as path from "node:path"
import { cluster } from "../chaos/Cluster.ts"
import { ground } from "../chaos/Ground.ts"
import { NotKept } from "../chaos/NotKept.ts"
import { freePort } from "../freePort.ts"
import { type Child, run } from "../kills/StoreProcess.ts"

/**
 * The same load on the store in one process and on the services as processes of their own with Kafka and PostgreSQL, one
 * after the other on one machine: what the demo measures of each, and an audit of all of it.
 */

interface Store {
  readonly demo: (rate: number, orders: number) => Effect.Effect<Child, never, Scope.Scope>
  readonly audit: Effect.Effect<Child, never, Scope.Scope>
}

const embedded = Effect.gen(function*() {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), "g-store-modes-"))),
    (made) => Effect.promise(() => fs.rm(made, { recursive: true, force: true }))
  )
  const env = {
    GSTORE_DATA_DIR: folder,
    GATEWAY_PORT: String(yield* freePort),
    ADMIN_PORT: String(yield* freePort),
    WEB_PORT: String(yield* freePort),
    LOG_LEVEL: "warn",
    RATE_LIMIT: "off"
  }
  const journal = path.join(folder, "journal.jsonl")
  const store = yield* Effect.acquireRelease(run(["start"], env), ({ kill }) => kill("SIGTERM"))
  yield* store.printed("g-store is ready")
  return {
    demo: (rate, orders) =>
      run(["demo", "--orders", String(orders), "--rate", String(rate), "--journal", journal], env),
    audit: run(["audit", "--journal", journal], env)
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
    for (const line of output.split("\n").filter((text) => /^(orders|rate|POST|calls|failed)/.test(text))) {
      yield* Console.log(`  ${line}`)
    }
    yield* ended("audit", yield* store.audit)
    yield* Console.log("  audit              every invariant holds")
  },
  Effect.scoped
)

const modes = Command.make("modes", {
  orders: Flag.Int("orders").pipe(Flag.withDefault(5_000)),
  rate: Flag.Finite("rate").pipe(Flag.withDescription("Orders a second, open loop"), Flag.withDefault(200)),
  rounds: Flag.Int("rounds").pipe(Flag.withDescription("How often each of both takes its turn"), Flag.withDefault(1)),
  replicas: Flag.Int("replicas").pipe(Flag.withDescription("Of each distributed service"), Flag.withDefault(1))
}, ({ orders, rate, replicas, rounds }) =>
  Effect.gen(function*() {
    for (let round = 0; round < rounds; round++) {
      yield* measured("one process", embedded, orders, rate)
      yield* measured(`Kafka, ${replicas} of each service`, distributed(replicas), orders, rate)
    }
  }))

Command.run(modes, { version: "1.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
