import { Clock, Effect, Fiber } from "effect"
import { LEASE_MILLIS, type OutboxStore } from "../OutboxStore.ts"
import { DatabaseUnavailable } from "../Transactions.ts"
import type { RelayMetrics } from "./RelayMetrics.ts"

/** A third of the lease: two renewals may be refused before it runs out, or one left without an answer. */
export const RENEWAL_MILLIS = LEASE_MILLIS / 3

/** The shards that this relay may publish from, and for how long yet. */
export interface ShardLeases {
  /** Renews what is held and claims what is free, once. */
  readonly renew: Effect.Effect<
    { readonly gained: ReadonlyArray<number>; readonly lost: ReadonlyArray<number> },
    DatabaseUnavailable
  >
  readonly count: () => number
  /** The epochs of the shards that are surely ours for more than so many milliseconds yet. */
  readonly lasting: (millis: number) => Effect.Effect<ReadonlyMap<number, bigint>>
  /** Milliseconds that the shard is surely still ours, by this process's monotonic clock; 0 or less: it is not. */
  readonly remaining: (shard: number) => Effect.Effect<number>
}

interface Held {
  readonly epoch: bigint
  /** Milliseconds on the monotonic clock. */
  readonly until: number
}

const now = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

/**
 * A database that does not answer is unavailable: nothing here waits without end. Nor for the end of the query itself:
 * cancelling one on a frozen server takes the driver seconds in which the lease runs out.
 */
export const answered = <A, R>(
  effect: Effect.Effect<A, DatabaseUnavailable, R>,
  millis: number
): Effect.Effect<A, DatabaseUnavailable, R> =>
  Effect.flatMap(Effect.forkChild(effect), (asking) =>
    Effect.timeoutOrElse(Fiber.join(asking), {
      duration: millis,
      orElse: () =>
        Effect.suspend(() => {
          asking.interruptUnsafe()
          const cause = new Error(`no answer within ${Math.round(millis)} ms`)
          return Effect.fail(new DatabaseUnavailable({ cause }))
        })
    }))

export const shardLeases = (
  store: OutboxStore["Service"],
  owner: string,
  exclusive: boolean,
  metrics: RelayMetrics
): ShardLeases => {
  const held = new Map<number, Held>()
  let takeAll = exclusive

  const renew = Effect.gen(function*() {
    // Counted from before the question, the database's answer can only have more left than we think.
    const asked = yield* now
    const leases = yield* answered(store.claim({ owner, exclusive: takeAll }), RENEWAL_MILLIS)
    takeAll = false
    const gained: Array<number> = []
    const lost = new Set(held.keys())
    for (const { epoch, remaining, shard } of leases) {
      if (held.get(shard)?.epoch !== epoch) gained.push(shard)
      lost.delete(shard)
      held.set(shard, { epoch, until: asked + remaining })
    }
    for (const shard of lost) held.delete(shard)
    if (gained.length + lost.size > 0) {
      yield* metrics.gained(gained.length)
      yield* metrics.lost(lost.size)
      yield* metrics.shards(held.size)
      yield* Effect.logInfo(`relays ${held.size} shards`).pipe(Effect.annotateLogs({ owner }))
    }
    return { gained, lost: [...lost] }
  })

  return {
    renew,
    count: () => held.size,
    lasting: (millis) =>
      Effect.map(now, (at) => {
        const lasting = new Map<number, bigint>()
        for (const [shard, { epoch, until }] of held) if (until - at > millis) lasting.set(shard, epoch)
        return lasting
      }),
    remaining: (shard) => Effect.map(now, (at) => (held.get(shard)?.until ?? -Infinity) - at)
  }
}
