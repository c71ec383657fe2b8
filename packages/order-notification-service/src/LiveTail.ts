import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import { type Batch, EventBus } from "@g-store/messaging/EventBus.ts"
import { Context, Effect, Layer, Result, Schedule, Stream } from "effect"
import { Feed } from "./Feed.ts"
import { toUpdate } from "./FeedUpdates.ts"
import { makeHeldBack } from "./HeldBack.ts"
import { type DecodeOrderEvent, ORDERS_CONSUMER } from "./orders.ts"

/**
 * Something happened to an order, and the feed has it. Without an update (another system's event, numbered by the feed)
 * whoever cares reads what is new there.
 */
export interface LiveEvent {
  readonly orderId: OrderId
  readonly userId: UserId
  readonly update: OrderUpdate | undefined
}

/** Called in the turn in which events become known, in order per order; must not block or throw. */
export type Listener = (event: LiveEvent) => void

/** Listeners by what they listen to: mostly one each, which then stands alone, as a Set takes far more than it. */
const makeListeners = () => {
  const listeners = new Map<string, Listener | Set<Listener>>()
  return {
    add: (key: string, listener: Listener) => {
      const known = listeners.get(key)
      if (known === undefined) listeners.set(key, listener)
      else if (typeof known === "function") listeners.set(key, new Set([known, listener]))
      else known.add(listener)
      return () => {
        const now = listeners.get(key)
        if (now === undefined || typeof now === "function") {
          if (now === listener) listeners.delete(key)
        } else if (now.delete(listener) && now.size === 0) listeners.delete(key)
      }
    },
    tell: (key: string, event: LiveEvent) => {
      const told = listeners.get(key)
      if (told === undefined) return
      if (typeof told === "function") told(event)
      else for (const listener of told) listener(event)
    }
  }
}

/** What this replica's consumer has just seen into the feed, for the sockets of this replica. */
export class LiveTail extends Context.Service<LiveTail, {
  readonly publish: (events: ReadonlyArray<LiveEvent>) => void
  readonly listenToOrder: (orderId: OrderId, listener: Listener) => () => void
  readonly listenToUser: (userId: UserId, listener: Listener) => () => void
  readonly listenToAll: (listener: Listener) => () => void
  /**
   * Tells that this replica begins to read a partition at a place that other replicas have come to: what lies before it is
   * in the feed, but was not told here, and those who listened already may have read the feed before it was there.
   */
  readonly begin: () => void
  readonly listenToBeginnings: (listener: () => void) => () => void
}>()("@g-store/order-notification-service/LiveTail") {
  static readonly layer = Layer.sync(LiveTail, () => {
    const orders = makeListeners()
    const users = makeListeners()
    const all = new Set<Listener>()
    const beginnings = new Set<() => void>()
    return LiveTail.of({
      publish: (events) => {
        for (const event of events) {
          orders.tell(event.orderId, event)
          users.tell(event.userId, event)
          for (const listener of all) listener(event)
        }
      },
      listenToOrder: (orderId, listener) => orders.add(orderId, listener),
      listenToUser: (userId, listener) => users.add(userId, listener),
      listenToAll: (listener) => {
        all.add(listener)
        return () => void all.delete(listener)
      },
      begin: () => {
        for (const listener of beginnings) listener()
      },
      listenToBeginnings: (listener) => {
        beginnings.add(listener)
        return () => void beginnings.delete(listener)
      }
    })
  })
}

/** How often positions are written down, at most: they only spare a starting replica what the inbox would absorb. */
const ADVANCE_EVERY = "1 second"

/**
 * The bus as this replica reads it: in a group of its own that goes with it, from where the feed ends, and telling the
 * live tail of each batch once it is acknowledged, because then the feed has it: persist first, push then.
 *
 * What waits behind a dead letter is acknowledged but not in the feed: it is told of once it has been replayed.
 *
 * After a first look at the stored positions this replica goes on from where it was itself, also where it has not been
 * given anything since: another one may be further, and what lies between is in the feed but has not been pushed here.
 */
export const TailedBus = (group: string, decodeOrderEvent: DecodeOrderEvent) =>
  Layer.effect(
    EventBus,
    Effect.gen(function*() {
      const bus = yield* EventBus
      const feed = yield* Feed
      const tail = yield* LiveTail
      const { isAhead, tellNow, watch, watchHeld } = yield* makeHeldBack(ORDERS_CONSUMER, tail.publish)
      const reached = new Map<string, { readonly topic: string; readonly partition: number; readonly next: bigint }>()
      const begun = new Map<string, bigint | undefined>()
      let unwritten = false

      const eventsOf = (batch: Batch): ReadonlyArray<LiveEvent> =>
        batch.messages.flatMap((message) => {
          const decoded = decodeOrderEvent(message)
          const event = Result.isSuccess(decoded) ? decoded.success : undefined
          if (event === undefined) return []
          const { orderId, userId, version } = event
          return [{ orderId, userId, update: version === undefined ? undefined : toUpdate({ ...event, version }) }]
        })

      const advance = Effect.suspend(() => {
        if (!unwritten) return Effect.void
        unwritten = false
        return feed.advance([...reached.values()])
      }).pipe(Effect.catch((error) => {
        unwritten = true
        return Effect.logDebug("positions were not written down; the next round tries again", error)
      }))
      yield* advance.pipe(Effect.delay(ADVANCE_EVERY), Effect.forever, Effect.forkScoped)
      yield* Effect.addFinalizer(() => advance)

      const startAt = Effect.fnUntraced(function*(topic: string, partition: number) {
        const key = `${topic}/${partition}`
        const known = reached.get(key)
        if (known !== undefined) return known.next
        if (begun.has(key)) return begun.get(key)
        const stored = yield* feed.position(topic, partition).pipe(
          Effect.retry(Schedule.spaced("500 millis")),
          Effect.orDie
        )
        begun.set(key, stored)
        // Only now: since this replica was started others may have set something aside before this place. And also where
        // no place is stored: one that was killed goes on where its group was.
        yield* watchHeld(stored !== undefined).pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)
        if (stored !== undefined) tail.begin()
        return stored
      })
      const told = (batch: Batch): Batch => ({
        ...batch,
        acknowledge: Effect.gen(function*() {
          const { partition, topic } = batch
          const events = eventsOf(batch)
          const ids = [...new Set(events.map(({ orderId }) => orderId))]
          const versions = yield* feed.versions(ids).pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)
          const isStored = ({ orderId, update }: LiveEvent) =>
            update === undefined || update.data.version <= (versions.get(orderId) ?? 0)
          const stored = events.filter(isStored)
          // Who follows a scope begins with the first event that it hears of an order: what was released comes before.
          const ahead = new Set(stored.filter(isAhead).map(({ orderId }) => orderId))
          tail.publish(stored.filter(({ orderId }) => !ahead.has(orderId)))
          for (const orderId of ahead) {
            yield* tellNow(orderId).pipe(Effect.retry(Schedule.spaced("500 millis")), Effect.orDie)
          }
          // An event without a version may be held back as well: nothing tells until the feed is looked at.
          for (const event of events) {
            if (event.update === undefined || !isStored(event)) watch(event.orderId, versions.get(event.orderId) ?? 0)
          }
          const next = (batch.messages.at(-1) ?? batch.messages[0]).offset + 1n
          // The late end of a batch from before an assignment anew takes nothing back.
          if (next > (reached.get(`${topic}/${partition}`)?.next ?? -1n)) {
            reached.set(`${topic}/${partition}`, { topic, partition, next })
            unwritten = true
          }
          yield* batch.acknowledge
        })
      })
      return EventBus.of({
        publish: bus.publish,
        subscribe: (subscription) =>
          Stream.map(bus.subscribe({ ...subscription, group, startAt, temporary: true }), told)
      })
    })
  )
