import { OrderId } from "@g-store/contracts/Ids.ts"
import { ReplayStore } from "@g-store/messaging/ReplayStore.ts"
import { Effect, Schema } from "effect"
import { Feed } from "./Feed.ts"
import type { LiveEvent } from "./LiveTail.ts"

/** An order that something may wait for behind a dead letter, and the last version that sockets were told of. */
interface Watched {
  readonly told: number
}

const LOOK_EVERY = "500 millis"

const isOrderId = Schema.is(OrderId)

/**
 * Watches orders whose events are held back behind a dead letter of this consumer: once the feed has them, replayed by
 * whichever replica, this replica's sockets are told. Without such orders nothing is asked of the database.
 */
export const makeHeldBack = Effect.fnUntraced(function*(
  consumer: string,
  publish: (events: ReadonlyArray<LiveEvent>) => void
) {
  const feed = yield* Feed
  const store = yield* ReplayStore
  const watched = new Map<OrderId, Watched>()

  const watch = (orderId: OrderId, version: number): void => {
    watched.set(orderId, { told: watched.get(orderId)?.told ?? version })
  }

  const tell = Effect.fnUntraced(function*(orderId: OrderId, { told }: Watched) {
    const order = yield* feed.order(orderId)
    if (order === undefined || order.version <= told) return
    const updates = yield* feed.updates(orderId, told)
    publish(updates.map((update) => ({ orderId, userId: order.userId, update })))
    const now = updates.at(-1)?.data.version ?? order.version
    watched.set(orderId, { told: Math.max(now, watched.get(orderId)?.told ?? 0) })
  })

  const look = Effect.gen(function*() {
    if (watched.size === 0) return
    const before = [...watched]
    const ids = before.map(([orderId]) => orderId)
    // Where no gate is left by now all is in the feed, or was dropped: this look at the order is the last one.
    const gates = yield* store.closedGates(consumer, ids)
    const versions = yield* feed.versions(ids)
    for (const [orderId, entry] of before) {
      if ((versions.get(orderId) ?? 0) > entry.told) yield* tell(orderId, entry)
      // One that was watched or told of meanwhile may be held back by something that this look has not seen.
      if (!gates.has(orderId) && watched.get(orderId) === entry) watched.delete(orderId)
    }
  })

  const watchHeld = Effect.fnUntraced(function*(shown: boolean) {
    const orders = [...(yield* store.closedGates(consumer))].filter(isOrderId)
    if (orders.length === 0) return
    const versions = shown ? yield* feed.versions(orders) : new Map<OrderId, number>()
    for (const orderId of orders) {
      if (shown) watch(orderId, versions.get(orderId) ?? 0)
      else watched.set(orderId, { told: 0 })
    }
  })

  yield* look.pipe(
    Effect.catch((error) => Effect.logDebug("orders behind dead letters were not looked at; tried again", error)),
    Effect.delay(LOOK_EVERY),
    Effect.forever,
    Effect.forkScoped
  )
  return {
    watch,
    /**
     * Watches every order that something waits for by now: what was set aside before this replica reads will never come to
     * it by the bus. `shown` says that all sockets will be shown what the feed has by now; otherwise this replica may have
     * to read what is there already, and tell of it.
     */
    watchHeld,
    /** Whether something of the event's order may have been released that sockets were not told of. */
    isAhead: ({ orderId, update }: LiveEvent): boolean => {
      const entry = watched.get(orderId)
      return entry !== undefined && update !== undefined && update.data.version > entry.told
    },
    /** Tells of all that the feed has by now of an order that is watched. */
    tellNow: (orderId: OrderId) =>
      Effect.suspend(() => {
        const entry = watched.get(orderId)
        return entry === undefined ? Effect.void : tell(orderId, entry)
      })
  }
})
