import * as PgClient from "@effect/sql-pg/PgClient"
import { Cause, Clock, Console, Duration, Effect, Exit, Random, Redacted } from "effect"
import { Command, Flag } from "effect/cli"
import { SecureRandom } from "effect/crypto"
import { Reactivity } from "effect/reactivity"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import * as path from "node:path"
import { type Cluster, cluster } from "../chaos/Cluster.ts"
import { drained } from "../chaos/Drained.ts"
import { groundBehindProxies } from "../chaos/Ground.ts"
import { NotKept } from "../chaos/NotKept.ts"
import { postmortem } from "../chaos/Postmortem.ts"
import { probe } from "../chaos/Probe.ts"
import { judge } from "../chaos/Verdict.ts"
import { count, flags, runCommand } from "../command.ts"
import { corruption } from "./Corrupt.ts"
import { duplicates } from "./Duplicates.ts"
import { faults } from "./Faults.ts"
import { meters } from "./Meters.ts"
import { publisher } from "./Publisher.ts"
import { recoveries } from "./Recoveries.ts"
import { schedule, type ScheduleOptions } from "./Schedule.ts"
import { supervision } from "./Supervision.ts"

/** The share of the load's time in which faults begin, so that it outlasts them. */
const WINDOW = 0.93
/** How long everything that is under way may take once the last fault is over. */
const BACKLOG = "5 minutes"
/** In seconds: a call to a frozen replica is made anew, or its pause would count as the store's. */
const PATIENCE = 3
const PROGRESS = "30 seconds"
const LAST_FAULTS = 25

interface Options extends Omit<ScheduleOptions, "processes" | "window"> {
  readonly seed: string
  readonly orders: number
  readonly rate: number
  readonly replicas: number
  readonly duplicates: number
  readonly keep: boolean
}

/** Without these settings a crash of PostgreSQL may lose what it acknowledged, and the run would show nothing. */
const checkDurability = Effect.fnUntraced(function*(store: Cluster) {
  const sql = yield* PgClient.makeClient({ url: Redacted.make(store.direct("orders")) })
  for (const name of ["fsync", "full_page_writes", "synchronous_commit"]) {
    const [row] = yield* sql<{ value: string }>`SELECT current_setting(${name}) AS value`
    if (row?.value !== "on") {
      return yield* new NotKept({ reason: `PostgreSQL runs with ${name} = ${row?.value}: set it to on` })
    }
  }
}, Effect.scoped)

/** The run's folder with the logs: it stays when the run fails, or when it is to be kept. */
const logFolder = (keep: boolean) =>
  Effect.acquireRelease(
    Effect.promise(() => fs.mkdtemp(path.join(tmpdir(), "g-store-torture-"))),
    (folder, exit) =>
      Exit.isSuccess(exit) && !keep ? Effect.promise(() => fs.rm(folder, { recursive: true })) : Effect.void
  )

const run = Effect.fnUntraced(function*(options: Options, logs: string, trail: Array<string>) {
  const { ground, toKafka, toPostgres } = yield* groundBehindProxies
  const store = yield* cluster(options.replicas, ground, logs)
  yield* checkDurability(store)
  const processes = [...store.services, store.identity]
  const planned = yield* schedule({
    ...options,
    processes: processes.length,
    window: (options.orders / options.rate) * 1000 * WINDOW
  })
  const recovered = recoveries()
  const supervisor = supervision(recovered)
  const counters = yield* meters(store.services)
  const somebody = yield* publisher(store.kafka.brokers)
  const copies = yield* duplicates(somebody, options.duplicates, options.seed)
  const corrupt = yield* corruption(store, somebody)
  const making = yield* faults({
    store,
    processes,
    supervision: supervisor,
    networks: { PostgreSQL: toPostgres, Kafka: toKafka },
    customer: yield* probe(store.url, PATIENCE),
    recoveries: recovered,
    lastWords: counters.lastWords,
    corrupt: corrupt.publish
  }, trail)
  yield* Console.log("ready: fsync, full_page_writes and synchronous_commit are on")

  const demo = yield* store.demo(options.rate, options.orders)
  // Customers sign up first: a token's request has no key, so it is not repeated.
  yield* demo.printed(`/${options.orders} orders`)
  const began = yield* Clock.currentTimeMillis
  const progress = Effect.gen(function*() {
    const seconds = Math.round(((yield* Clock.currentTimeMillis) - began) / 1000)
    yield* Console.log(`${String(seconds).padStart(5)} s  ${trail.length} lines, the last: ${trail.at(-1)?.trim()}`)
  }).pipe(Effect.delay(PROGRESS), Effect.forever)
  const all = Effect.forEach(
    planned,
    ({ at, fault }) => Effect.delay(making.carryOut(fault), Duration.millis(at)),
    { concurrency: "unbounded", discard: true }
  )
  const load = Effect.gen(function*() {
    yield* all
    yield* Console.log(`every fault was made after ${Math.round(((yield* Clock.currentTimeMillis) - began) / 1000)} s`)
    yield* demo.ended
    yield* copies.settled
    yield* drained(store)
  })
  const kept = Effect.forEach(processes, supervisor.keep, { concurrency: "unbounded", discard: true })
  yield* load.pipe(
    Effect.timeoutOrElse({
      duration: Duration.sum(Duration.seconds(options.orders / options.rate), Duration.fromInputUnsafe(BACKLOG)),
      orElse: () => Effect.fail(new NotKept({ reason: `something is under way ${BACKLOG} after the load's time` }))
    }),
    Effect.raceFirst(kept),
    Effect.raceFirst(progress),
    // Asked while everything still runs: afterwards only the logs are left.
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.flatMap(postmortem(store), (text) =>
          Effect.promise(() => fs.writeFile(path.join(logs, "postmortem.log"), text)))
    )
  )

  const counted = yield* counters.report
  const { byThemselves, kills } = supervisor.tally()
  yield* judge(store, demo, [
    ...[...making.counts].toSorted(([one], [other]) => one.localeCompare(other)),
    ...[...kills].map(([service, times]) => [`SIGKILLs of ${service}`, times] as const),
    ["SIGKILLs of services", [...kills.values()].reduce((sum, times) => sum + times, 0)],
    ...recovered.figures(),
    ["processes that ended by themselves", byThemselves.length],
    ["corrupt messages skipped by rule", corrupt.skipped()],
    ["dead letters discarded by hand", corrupt.discarded()],
    ["duplicates forced", copies.forced()],
    ["minutes", (((yield* Clock.currentTimeMillis) - began) / 60_000).toFixed(1)]
  ], corrupt.ids)
  yield* Console.log(counted)
  if (byThemselves.length > 0) yield* Console.log(byThemselves.slice(0, 10).join("\n"))
}, Effect.scoped)

const program = Effect.fnUntraced(function*(options: Options) {
  yield* Console.log(`seed ${options.seed}: ${options.orders} orders at ${options.rate} a second`)
  const logs = yield* logFolder(options.keep)
  const trail: Array<string> = []
  yield* run(options, logs, trail).pipe(
    Random.withSeed(options.seed),
    Effect.ensuring(Effect.promise(() => fs.writeFile(path.join(logs, "faults.log"), trail.join("\n") + "\n"))),
    Effect.tapCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.gen(function*() {
        yield* Console.error(
          ["the last faults:", ...trail.slice(-LAST_FAULTS), `FAILED with seed ${options.seed}; logs in ${logs}`].join(
            "\n"
          )
        )
      })
    )
  )
  yield* Console.log(`everything held with seed ${options.seed}${options.keep ? `; logs in ${logs}` : ""}`)
}, Effect.scoped)

const torture = Command.make("torture", {
  seed: flags.seed,
  orders: flags.orders(10_000),
  rate: flags.rate(12, "Orders a second: orders / rate is how long the load lasts, and the faults with it"),
  replicas: flags.replicas(2),
  kills: count("kills", "SIGKILLs of services, some of them two at once", 200),
  pauses: count("pauses", "SIGSTOPs of PostgreSQL, Kafka and services in turns, for 0.5 to 8 s", 15),
  postgres: count("postgres", "Restarts of PostgreSQL, every other one by SIGKILL", 20),
  kafka: count("kafka", "Restarts of Kafka, every other one by SIGKILL", 20),
  cuts: count("cuts", "Network faults: connections cut with RST, fallen silent, or slowed for a while", 30),
  corrupt: count("corrupt", "Corrupt messages, each to be set aside and then discarded by hand", 14),
  duplicates: count("duplicates", "Percent of all messages that are published a second time, at once or late", 30),
  keep: Flag.Boolean("keep").pipe(
    Flag.withDescription("Leave the logs of every process and of the faults when all held, too"),
    Flag.withDefault(false)
  )
}, (options) => program(options).pipe(Effect.provide([Reactivity.layer, SecureRandom.layerWebCrypto]))).pipe(
  Command.withDescription(
    "The store as processes on a real PostgreSQL and a real Kafka, under load and under faults; audited at the end. " +
      "Exit 0 only if everything holds."
  )
)

runCommand(torture)
