import { Effect, Layer } from "effect"
import { SecureRandom } from "effect/crypto"
import { EventBus } from "./EventBus.ts"
import { MessagingHealth } from "./MessagingHealth.ts"
import { OutboxStore } from "./OutboxStore.ts"
import { type Dispatcher, makeDispatcher } from "./relay/Dispatcher.ts"
import { measure, type RelayMetrics, relayMetrics } from "./relay/RelayMetrics.ts"
import { type RelayReport, relayReport } from "./relay/RelayReport.ts"
import { RENEWAL_MILLIS, type ShardLeases, shardLeases } from "./relay/ShardLeases.ts"
import { shardPublisher } from "./relay/ShardPublisher.ts"
import { supervised } from "./Supervisor.ts"

export interface OutboxRelayOptions {
  /** Whose outbox it is, for logs, metrics and health, where one process holds several. */
  readonly service?: string | undefined
  /**
   * `shared` (if absent): any number of relays, in any number of processes, divide the shards. `exclusive`: this process
   * alone can reach the database (embedded); it takes all shards at start, without waiting for a dead one's leases.
   */
  readonly leases?: "shared" | "exclusive" | undefined
  /** The most messages of a shard in one publish; 500 if absent. */
  readonly batch?: number | undefined
  /**
   * Milliseconds between two looks at the outbox that nobody asked for. Commits of this process announce themselves;
   * others do not, so a shared relay looks every 10 to 250 ms, an exclusive one every 5 s.
   */
  readonly polling?: { readonly shortest: number; readonly longest: number } | undefined
}

const STATUS_MILLIS = 15_000
const DRAIN_MILLIS = 1_000

const make = Effect.fnUntraced(function*(options: OutboxRelayOptions) {
  const store = yield* OutboxStore
  const bus = yield* EventBus
  const health = yield* MessagingHealth
  const { service } = options
  const exclusive = options.leases === "exclusive"
  const component = service === undefined ? "outbox relay" : `${service}, outbox relay`
  const metrics = relayMetrics(service)
  // A name for this start alone: what a predecessor of the same process name left under way must not pass for ours.
  const owner = yield* (yield* SecureRandom.SecureRandom).uuidV4()

  const relay = Effect.gen(function*() {
    const report = relayReport(component, health, metrics)
    const leases = shardLeases(store, owner, exclusive, metrics)
    const dispatcher = yield* makeDispatcher({
      store,
      leases,
      report,
      publish: shardPublisher(bus, leases, report),
      batch: options.batch ?? 500,
      polling: options.polling ?? (exclusive ? { shortest: 1_000, longest: 5_000 } : { shortest: 10, longest: 250 })
    })
    // An exclusive relay's bus and consumers are stopping too: there is nothing to wait for.
    yield* Effect.addFinalizer(() =>
      (exclusive ? dispatcher.flush : dispatcher.drain).pipe(
        Effect.timeout(DRAIN_MILLIS),
        Effect.ignore({ log: "Debug" })
      )
    )
    const awaitRows = yield* store.wakeups
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(awaitRows, dispatcher.look)))
    yield* Effect.forkScoped(watchDepth(store, leases, metrics))
    return yield* Effect.raceFirst(keepLeases(leases, report, dispatcher), dispatcher.run)
  })

  // Speeds up the next one's start; if it does not happen, the leases run out.
  yield* Effect.addFinalizer(() =>
    store.release(owner).pipe(Effect.timeout(DRAIN_MILLIS), Effect.ignore({ log: "Debug" }))
  )
  yield* supervised(component, Effect.scoped(relay)).pipe(
    Effect.annotateLogs({ module: "messaging.relay", ...(service === undefined ? {} : { service }) }),
    Effect.forkScoped
  )
})

const keepLeases = (leases: ShardLeases, report: RelayReport, dispatcher: Dispatcher): Effect.Effect<never> =>
  leases.renew.pipe(
    Effect.tap(({ lost }) => Effect.forEach(lost, report.shardFlows, { discard: true })),
    Effect.flatMap(({ gained }) => gained.length > 0 ? dispatcher.look : dispatcher.resume),
    Effect.andThen(report.databaseAnswers("renew the relay's leases")),
    Effect.catchTag("DatabaseUnavailable", (error) => report.databaseFailed("renew the relay's leases", error)),
    Effect.andThen(Effect.sleep(RENEWAL_MILLIS)),
    Effect.forever
  )

/** Counting reads the whole outbox: seldom, and not by relays that stand by. */
const watchDepth = (store: OutboxStore["Service"], leases: ShardLeases, metrics: RelayMetrics) => {
  const known = new Set<string>()
  return Effect.suspend(() => leases.count() === 0 ? Effect.void : measure(store, metrics, known)).pipe(
    Effect.timeout(STATUS_MILLIS),
    Effect.ignoreCause({ log: "Debug", message: "the outbox was not measured" }),
    Effect.andThen(Effect.sleep(STATUS_MILLIS)),
    Effect.forever
  )
}

/** Everything in an outbox, to the bus: at least once, in order per key. */
export const OutboxRelay = {
  layer: (
    options: OutboxRelayOptions = {}
  ): Layer.Layer<never, never, OutboxStore | EventBus | MessagingHealth | SecureRandom.SecureRandom> =>
    Layer.effectDiscard(make(options))
}
