import * as PgClient from "@effect/sql-pg/PgClient"
import { Clock, Duration, Effect, FiberSet, Random, Redacted, Schedule } from "effect"
import { Reactivity } from "effect/reactivity"
import type { Cluster } from "./Cluster.ts"
import { metricsOf } from "./Metrics.ts"
import { NotKept } from "./NotKept.ts"
import { probe } from "./Probe.ts"
import type { Replica } from "./Replica.ts"
import type { Figures } from "./Verdict.ts"

/** In milliseconds: longer than the 5 s of a relay's lease and the time until another one looks. */
const SHORTEST = 7_000
const LONGEST = 9_000
/** How long after the pause orders that were placed during it may take to be paid. */
const AFTERWARDS = "10 seconds"
/** So much longer a run takes for each pause. */
export const PAUSE_SECONDS = 15

const databases = { "order-service": "orders", "payment-service": "payments" } as const

interface Lease {
  readonly shard: number
  readonly owner: string
  readonly epoch: bigint
}

const shardsOf = (replica: Replica) =>
  metricsOf(replica).pipe(
    Effect.timeoutOrElse({
      duration: "5 seconds",
      orElse: () => Effect.fail(new NotKept({ reason: `${replica.name} does not say its metrics` }))
    }),
    Effect.map((samples) => samples.find(({ name }) => name === "relay_shards")?.value ?? 0)
  )

/** Of a service's replicas the one that relays most shards of its outbox: what a pause puts to the test. */
const relaying = Effect.fnUntraced(function*(store: Cluster, service: keyof typeof databases) {
  let most: { readonly replica: Replica; readonly shards: number } | undefined
  for (const replica of store.services.filter((one) => one.service === service)) {
    const shards = yield* shardsOf(replica)
    if (shards > (most?.shards ?? 0)) most = { replica, shards }
  }
  return most ?? (yield* new NotKept({ reason: `no replica of ${service} relays` }))
}, Effect.retry({ schedule: Schedule.spaced("1 second"), times: 20 }))

const seconds = (millis: number) => `${(millis / 1000).toFixed(1)} s`

/**
 * Freezes a replica of order- or payment-service that relays, for longer than its leases last, and lets it go on as one
 * that still believes in them. Measures how long it took until its shards were another's, and what became of the orders
 * that were placed meanwhile: fails unless all of them are paid at the latest 10 s after the pause.
 */
export const pauses = (store: Cluster) => {
  const takeovers: Array<number> = []
  const paid: Array<{ readonly took: number; readonly meanwhile: boolean }> = []
  let most = 0

  const once = Effect.gen(function*() {
    const service = (yield* Random.nextBoolean) ? "order-service" : "payment-service"
    const { replica, shards } = yield* relaying(store, service)
    const millis = yield* Random.nextIntBetween(SHORTEST, LONGEST)
    const customer = yield* probe(yield* store.gatewayPast(replica))
    const sql = yield* PgClient.makeClient({
      url: Redacted.make(store.direct(databases[service])),
      applicationName: "g-store chaos"
    })
    const leases = sql<Lease>`SELECT shard, owner, epoch FROM relay_lease`
    const byOwner = Map.groupBy(yield* leases, ({ owner }) => owner)
    const own = [...byOwner.values()].find(({ length }) => length === shards)
    if (own === undefined) {
      return yield* new NotKept({
        reason: `${replica.name} relays ${shards} shards, says the replica, not its database`
      })
    }
    most = Math.max(most, shards)

    const began = yield* Clock.currentTimeMillis
    const passed = Effect.map(Clock.currentTimeMillis, (now) => now - began)
    const running = yield* FiberSet.make<void, NotKept>()
    let isPaused = true
    yield* replica.signal("SIGSTOP")
    const isTakenOver = (now: ReadonlyArray<Lease>) =>
      own.every((lost) => now.some(({ epoch, shard }) => shard === lost.shard && epoch > lost.epoch))
    const takeover = Effect.orDie(leases).pipe(
      Effect.repeat({ until: isTakenOver, schedule: Schedule.spaced("50 millis") }),
      Effect.andThen(passed),
      Effect.map((took) => void takeovers.push(took))
    )
    const order = Effect.gen(function*() {
      const since = yield* passed
      yield* customer.paid(yield* customer.order)
      paid.push({ took: (yield* passed) - since, meanwhile: isPaused })
    })
    yield* FiberSet.run(running, takeover)
    const load = FiberSet.run(running, order).pipe(
      Effect.andThen(Effect.sleep("250 millis")),
      Effect.forever,
      Effect.timeoutOption(Duration.millis(millis))
    )
    yield* Effect.raceFirst(load, FiberSet.join(running).pipe(Effect.andThen(Effect.never)))
    isPaused = false
    yield* replica.signal("SIGCONT")
    yield* FiberSet.awaitEmpty(running).pipe(
      Effect.raceFirst(FiberSet.join(running).pipe(Effect.andThen(Effect.never))),
      Effect.timeoutOrElse({
        duration: AFTERWARDS,
        orElse: () =>
          Effect.fail(
            new NotKept({
              reason:
                `${AFTERWARDS} after ${replica.name} had been frozen for ${millis} ms not all orders are paid that ` +
                "were placed meanwhile, or its shards have no new owner"
            })
          )
      })
    )
    return { name: replica.name, millis, shards, takeover: takeovers.at(-1) ?? 0 }
  }).pipe(Effect.scoped, Effect.provide(Reactivity.layer))

  return {
    once,
    /** One line for the summary. */
    figures: (): Figures =>
      takeovers.length === 0 ? [] : [[
        "relays frozen past their lease",
        `${takeovers.length}, up to ${most} shards another's after ${seconds(Math.min(...takeovers))} to ` +
        `${seconds(Math.max(...takeovers))}; ${paid.length} orders meanwhile, ${
          paid.filter((one) => one.meanwhile).length
        } ` +
        `of them paid before the end of it, the longest after ${seconds(Math.max(...paid.map(({ took }) => took)))}`
      ]]
  }
}
