import { Clock, Console, Duration, Effect, FiberSet, Random } from "effect"
import { Command } from "effect/cli"
import { cluster } from "../chaos/Cluster.ts"
import { ground } from "../chaos/Ground.ts"
import { NotKept } from "../chaos/NotKept.ts"
import { count, flags, runCommand, seeded } from "../command.ts"
import { followerProcess } from "./FollowerProcess.ts"
import { type Order, shoppers } from "./Shoppers.ts"

/**
 * Follows orders over many sockets while replicas of order-notification-service are killed with -9, one every few
 * seconds. At the end what every client was told must equal the feed, and that the history: versions 1 to n, once, in
 * order, after the version that a client was shown of an order that was placed while it was away. Clients in two
 * processes; half follow the scope `mine`, half each order by name.
 */

/** Below what a replica lets one user have, also when all sockets have come to one. */
const SOCKETS_OF_USER = 40
const PROCESSES = 2

const program = Effect.fnUntraced(function*(options: {
  readonly clients: number
  readonly replicas: number
  readonly minutes: number
  readonly every: number
  readonly rate: number
  readonly seed: string
}) {
  const { clients, every, minutes, rate, replicas, seed } = options
  yield* Console.log(
    `seed ${seed}: ${clients} clients at ${replicas} replicas, ${minutes} minutes, ${rate} orders a second`
  )
  const store = yield* cluster(replicas, yield* ground)
  const victims = store.services.filter(({ service }) => service === "order-notification-service")
  const people = yield* shoppers(store.url, Math.ceil(clients / SOCKETS_OF_USER))

  const followers = yield* Effect.all(Array.from({ length: PROCESSES }, () => followerProcess))
  const ports = victims.map(({ port }) => port)
  yield* Effect.forEach(followers, ({ following, tell }, which) => {
    const own = Array.from({ length: clients }, (_, nth) => nth).filter((nth) => nth % PROCESSES === which)
    const start = own.flatMap((nth) => {
      const who = people.all[nth % people.all.length]
      const by: "scope" | "name" = Math.floor(nth / PROCESSES) % 2 === 0 ? "scope" : "name"
      return who === undefined ? [] : [{ userId: who.userId, token: who.token, by }]
    })
    return Effect.andThen(tell({ type: "start", ports, clients: start }), following)
  }, { concurrency: "unbounded" })
  yield* Console.log(`${clients} clients are connected`)

  const orders: Array<Order> = []
  const placed = (order: Order) =>
    Effect.suspend(() => {
      orders.push(order)
      return Effect.forEach(followers, ({ tell }) => tell({ type: "placed", ...order }), { discard: true })
    })
  const began = yield* Clock.currentTimeMillis
  const until = began + minutes * 60_000
  const walks = yield* FiberSet.make<void, NotKept>()
  const shop = Effect.gen(function*() {
    yield* FiberSet.run(walks, people.order(placed))
    yield* Effect.sleep(Duration.millis(1_000 / rate))
  }).pipe(Effect.repeat({ until: () => Effect.map(Clock.currentTimeMillis, (now) => now >= until) }))
  const kill = Effect.gen(function*() {
    let kills = 0
    for (let busy = 0;;) {
      yield* Effect.sleep(Duration.millis(Math.max(0, every * 1_000 - busy)))
      if ((yield* Clock.currentTimeMillis) >= until) return kills
      const victim = victims[yield* Random.nextIntBetween(0, victims.length, { halfOpen: true })]
      if (victim === undefined) return kills
      const from = yield* Clock.currentTimeMillis
      yield* victim.end("SIGKILL")
      yield* victim.start
      busy = (yield* Clock.currentTimeMillis) - from
      kills++
      yield* Console.log(`kill ${kills}: ${victim.name}, ${orders.length} orders`)
    }
  })
  const [kills] = yield* Effect.raceFirst(
    Effect.all([kill, Effect.andThen(shop, FiberSet.awaitEmpty(walks))], { concurrency: 2 }),
    FiberSet.join(walks).pipe(Effect.andThen(Effect.never))
  )

  const truth = yield* Effect.forEach(orders, people.happened, { concurrency: 8 })
  const versions = truth.reduce((sum, { happened }) => sum + happened.length, 0)
  yield* Console.log(`${orders.length} orders with ${versions} versions: history and feed are equal`)
  yield* Effect.forEach(followers, ({ tell }) => tell({ type: "truth", orders: truth }), { discard: true })
  const judged = yield* Effect.forEach(followers, (own) => own.judged, { concurrency: "unbounded" })
  const sum = (of: "updates" | "reconnects" | "refusals") => judged.reduce((total, one) => total + one[of], 0)
  yield* Console.log(`kills ${kills}, connections anew ${sum("reconnects")}, updates told ${sum("updates")}`)
  yield* Console.log(`${sum("refusals")} subscriptions were held in vain and made again`)
  const differences = judged.flatMap((one) => one.differences)
  if (differences.length > 0) return yield* new NotKept({ reason: differences.join("\n") })
  yield* Console.log("every client was told every version once, in order")
}, Effect.scoped)

const sockets = Command.make("sockets", {
  clients: count("clients", "Sockets that follow orders", 1_000),
  replicas: flags.replicas(3),
  minutes: flags.minutes(3),
  every: flags.every(10),
  rate: flags.rate(5),
  seed: flags.seed
}, seeded(program))

runCommand(sockets)
