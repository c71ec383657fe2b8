import { Clock, Console, Duration, Effect, Random } from "effect"
import { Command } from "effect/cli"
import { count, flags, runCommand, seeded } from "../command.ts"
import { cluster } from "./Cluster.ts"
import { drained } from "./Drained.ts"
import { ground } from "./Ground.ts"
import { NotKept } from "./NotKept.ts"
import { probe } from "./Probe.ts"
import { judge } from "./Verdict.ts"

/**
 * Takes Kafka and PostgreSQL away in turns under load, half of the time by SIGKILL, and gives them back. Without Kafka
 * orders are accepted, and paid once it is back; without PostgreSQL every service answers 503 with Retry-After.
 */

/** How long the backlog may last after the last recovery. */
const BACKLOG = "60 seconds"
/** How much longer the load lasts for every round, since recoveries take time as well. */
const RECOVERY_SECONDS = 15

const program = Effect.fnUntraced(function*(options: {
  readonly replicas: number
  readonly minutes: number
  readonly rounds: number
  readonly rate: number
  readonly seed: string
}) {
  yield* Console.log(
    `seed ${options.seed}: ${options.rounds} outages each of Kafka and PostgreSQL, ${options.minutes} minutes`
  )
  const store = yield* cluster(options.replicas, yield* ground)
  yield* Console.log("ready")
  const customer = yield* probe(store.url)
  const seconds = options.minutes * 60
  // Four pauses a round, and time for what recovers: the load is to outlast the last outage.
  const pause = Duration.seconds(seconds / (options.rounds * 6))
  const demo = yield* store.demo(options.rate, options.rate * (seconds + options.rounds * RECOVERY_SECONDS))
  let loaded = true
  yield* Effect.forkChild(Effect.map(demo.ended, () => {
    loaded = false
  }))
  const paidAfter: Array<number> = []
  let refusals = 0
  let recovered = yield* Clock.currentTimeMillis

  const first = yield* Random.nextIntBetween(0, 2, { halfOpen: true })
  for (let nth = 1; nth <= options.rounds; nth++) {
    const hard = (nth + first) % 2 === 0
    const how = hard ? "killed" : "stopped"
    yield* Effect.sleep(pause)
    yield* hard ? store.kafka.kill : store.kafka.stop
    yield* Console.log(`outage ${nth} of Kafka: ${how}`)
    const accepted = [yield* customer.order]
    yield* Effect.sleep(pause)
    accepted.push(yield* customer.order)
    yield* store.kafka.start
    recovered = yield* Clock.currentTimeMillis
    yield* Effect.forEach(accepted, customer.paid, { discard: true }).pipe(
      Effect.timeoutOrElse({
        duration: BACKLOG,
        orElse: () => Effect.fail(new NotKept({ reason: `an order of the outage is not paid ${BACKLOG} after it` }))
      })
    )
    paidAfter.push((yield* Clock.currentTimeMillis) - recovered)

    yield* Effect.sleep(pause)
    yield* hard ? store.postgres.kill : store.postgres.stop
    yield* Console.log(`outage ${nth} of PostgreSQL: ${how}`)
    yield* customer.refused
    yield* Effect.sleep(pause)
    yield* customer.refused
    refusals += 6
    yield* store.postgres.start
    recovered = yield* Clock.currentTimeMillis
  }
  const last = recovered
  const loadedTillThen = loaded
  yield* drained(store).pipe(Effect.timeoutOrElse({
    duration: BACKLOG,
    orElse: () => Effect.fail(new NotKept({ reason: `a backlog is left ${BACKLOG} after the last outage` }))
  }))
  const backlog = (yield* Clock.currentTimeMillis) - last
  yield* judge(store, demo, [
    ["outages of Kafka", options.rounds],
    ["outages of PostgreSQL", options.rounds],
    ["accepted without Kafka", options.rounds * 2],
    ["longest until those were paid", `${Math.max(...paidAfter)} ms`],
    ["503 with Retry-After", refusals],
    ["load until the last recovery", loadedTillThen ? "yes" : "no: give it more --minutes or fewer --rounds"],
    ["backlog gone after", `${backlog} ms`]
  ])
}, Effect.scoped)

const outages = Command.make("outages", {
  replicas: flags.replicas(2),
  minutes: flags.minutes(4),
  rounds: count("rounds", "Outages of Kafka, and as many of PostgreSQL", 5),
  rate: flags.rate(10),
  seed: flags.seed
}, seeded(program))

runCommand(outages)
