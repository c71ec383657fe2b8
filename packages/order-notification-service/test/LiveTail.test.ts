import { assert, describe, it } from "@effect/vitest"
import { Amount } from "@g-store/contracts/Amount.ts"
import { ORDER_EVENTS, type OrderEvent } from "@g-store/contracts/OrderEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { EventBus, type Subscription } from "@g-store/messaging/EventBus.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { EVENT_TYPE, MESSAGE_ID, type WireMessage } from "@g-store/messaging/Message.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { ConfigProvider, Context, Effect, Exit, Latch, Layer, Queue, References, Scope } from "effect"
import { SecureRandom } from "effect/crypto"
import { Feed } from "../src/Feed.ts"
import { type LiveEvent, LiveTail } from "../src/LiveTail.ts"
import { NotificationWorkers } from "../src/NotificationService.ts"
import { NotificationStoreMemory } from "../src/NotificationStoreMemory.ts"
import { ada, at, orderId } from "./fixtures.ts"
import { settled } from "./replica.ts"

const created = (n: number, version?: number): OrderEvent => ({
  _tag: "OrderCreated",
  orderId: orderId(n),
  userId: ada,
  amount: Amount.make(100),
  occurredAt: at,
  ...(version === undefined ? {} : { version })
})
const paid = (n: number, version: number): OrderEvent => ({
  _tag: "OrderStatusChanged",
  orderId: orderId(n),
  userId: ada,
  status: "PAID",
  occurredAt: at,
  version
})
const message = (event: OrderEvent): WireMessage => {
  const { eventType, payload } = encodeEvent(event)
  const id = `${event.orderId} ${event.version ?? "none"}`
  return { topic: ORDER_EVENTS, key: event.orderId, headers: { [MESSAGE_ID]: id, [EVENT_TYPE]: eventType }, payload }
}

/** Everything that replicas share: the bus and the database. `open` lets appends through. */
const makeShared = Effect.gen(function*() {
  const open = Latch.makeUnsafe(true)
  const appending = Latch.makeUnsafe(false)
  const groups = ["one", "two"].map((group) => ({ group, topics: [ORDER_EVENTS] }))
  const context = yield* Layer.build(
    Layer.mergeAll(NotificationStoreMemory, EventBusMemory.layer({ groups })).pipe(
      Layer.provideMerge(MemoryDatabase.layer)
    )
  )
  const feed = Context.get(context, Feed)
  const bus = Context.get(context, EventBus)
  const subscriptions: Array<Subscription> = []
  const noting = EventBus.of({
    ...bus,
    subscribe: (subscription) => {
      subscriptions.push(subscription)
      return bus.subscribe(subscription)
    }
  })
  /** Versions that the feed cannot take, for as long as they are here. */
  const poisonous = new Set<number>()
  const held = Feed.of({
    ...feed,
    append: (events) =>
      events.some(({ version }) => version !== undefined && poisonous.has(version))
        ? Effect.die(new Error("poison"))
        : Effect.andThen(Effect.andThen(appending.open, open.await), feed.append(events))
  })

  /** A replica's workers, and what its sockets would be told. */
  const replica = (group: string) =>
    Effect.gen(function*() {
      const told = yield* Queue.unbounded<LiveEvent>()
      const workers = yield* Layer.build(
        NotificationWorkers(group).pipe(
          Layer.provideMerge(LiveTail.layer),
          Layer.provide([
            Layer.succeedContext(context.pipe(Context.add(Feed, held), Context.add(EventBus, noting))),
            MessagingHealth.layer,
            SecureRandom.layerWebCrypto,
            ConfigProvider.layer(ConfigProvider.fromEnv({ env: { RETENTION_FEED: "36500d" } })),
            Layer.succeed(References.MinimumLogLevel, "None")
          ]),
          Layer.fresh
        )
      )
      Context.get(workers, LiveTail).listenToAll((event) => void Queue.offerUnsafe(told, event))
      return told
    })
  const letters = Context.get(context, DeadLetters)
  return { poisonous, letters, appending: appending.await, bus, feed, open, replica, subscriptions }
})

const version = ({ update }: LiveEvent) => update?.data.version

describe("a replica's workers", () => {
  it.live("tell sockets of an event once the feed has it, and not before", () =>
    Effect.gen(function*() {
      const { appending, bus, feed, open, replica } = yield* makeShared
      const [one, two] = yield* Effect.all([replica("one"), replica("two")])
      open.closeUnsafe()
      yield* Effect.forkScoped(bus.publish([message(created(1, 1)), message(paid(1, 2))]))
      yield* Effect.andThen(appending, settled)
      assert.strictEqual((yield* Queue.size(one)) + (yield* Queue.size(two)), 0)
      assert.isUndefined(yield* feed.order(orderId(1)))
      open.openUnsafe()
      for (const told of [one, two]) {
        assert.strictEqual(version(yield* Queue.take(told)), 1)
        assert.strictEqual((yield* feed.order(orderId(1)))?.version, 2)
        assert.strictEqual(version(yield* Queue.take(told)), 2)
      }
    }).pipe(Effect.scoped))

  it.live("store an event of another system once, however many replicas there are", () =>
    Effect.gen(function*() {
      const { bus, feed, replica } = yield* makeShared
      const all = yield* Effect.all([replica("one"), replica("two")])
      yield* bus.publish([message(created(1))])
      for (const told of all) assert.isUndefined(version(yield* Queue.take(told)))
      assert.strictEqual((yield* feed.order(orderId(1)))?.version, 1)
    }).pipe(Effect.scoped))

  it.live("read in a group that goes when the replica stops, since nobody else will ever use it", () =>
    Effect.gen(function*() {
      const { bus, replica, subscriptions } = yield* makeShared
      const told = yield* replica("one")
      yield* Effect.forkScoped(bus.publish([message(created(1, 1))]))
      yield* Queue.take(told)
      assert.deepStrictEqual(subscriptions.map(({ group, temporary }) => [group, temporary]), [["one", true]])
    }).pipe(Effect.scoped))

  it.live("tell nobody of what waits behind a dead letter, and tell all sockets once it is replayed, by whomever", () =>
    Effect.gen(function*() {
      const { bus, feed, letters, poisonous, replica } = yield* makeShared
      const scope = yield* Scope.make()
      const [one, two] = yield* Effect.all([Scope.provide(replica("one"), scope), replica("two")])
      const all = [one, two]
      yield* bus.publish([message(created(1, 1))])
      for (const told of all) assert.strictEqual(version(yield* Queue.take(told)), 1)
      poisonous.add(2)
      // Done when both replicas have acknowledged, and so have told what they tell.
      yield* bus.publish([message(paid(1, 2)), message(paid(1, 3)), message(created(2, 1))])
      for (const told of all) {
        const other = yield* Queue.take(told)
        assert.deepStrictEqual([other.orderId, version(other)], [orderId(2), 1])
        assert.strictEqual(yield* Queue.size(told), 0)
      }
      assert.strictEqual((yield* feed.order(orderId(1)))?.version, 1)
      // One that comes to life now begins behind those messages and never has them.
      yield* Scope.close(scope, Exit.void)
      const late = yield* replica("one")
      poisonous.clear()
      assert.strictEqual(yield* letters.replayAll(), 1)
      for (const told of [two, late]) {
        // One that knows no place in some partition cannot know what its sockets were told of, and tells of all.
        if (told === late) assert.strictEqual(version(yield* Queue.take(told)), 1)
        assert.strictEqual(version(yield* Queue.take(told)), 2)
        assert.strictEqual(version(yield* Queue.take(told)), 3)
        assert.strictEqual(yield* Queue.size(told), 0)
      }
    }).pipe(Effect.scoped))

  it.live("tell again of nothing that their sockets are shown when they come back to where they know their places", () =>
    Effect.gen(function*() {
      const { bus, feed, letters, poisonous, replica } = yield* makeShared
      const two = yield* replica("two")
      const scope = yield* Scope.make()
      const one = yield* Scope.provide(replica("one"), scope)
      yield* bus.publish([message(created(1, 1))])
      for (const told of [one, two]) assert.strictEqual(version(yield* Queue.take(told)), 1)
      poisonous.add(2)
      yield* bus.publish([message(paid(1, 2))])
      yield* Scope.close(scope, Exit.void)
      yield* feed.advance([0, 1, 2, 3, 4, 5].map((partition) => ({ topic: ORDER_EVENTS, partition, next: 0n })))
      const late = yield* replica("one")
      poisonous.clear()
      assert.strictEqual(yield* letters.replayAll(), 1)
      assert.strictEqual(version(yield* Queue.take(late)), 2)
    }).pipe(Effect.scoped))

  it.live("tell of what was released from behind a dead letter before they tell of what comes after it", () =>
    Effect.gen(function*() {
      const { bus, feed, letters, poisonous, replica } = yield* makeShared
      const told = yield* replica("one")
      yield* Effect.forkScoped(replica("two"))
      poisonous.add(1)
      yield* bus.publish([message(created(1, 1))])
      poisonous.clear()
      yield* letters.replayAll()
      yield* Effect.repeat(Effect.delay(feed.order(orderId(1)), "1 millis"), { until: (order) => order !== undefined })
      yield* bus.publish([message(paid(1, 2))])
      assert.strictEqual(version(yield* Queue.take(told)), 1)
      assert.strictEqual(version(yield* Queue.take(told)), 2)
    }).pipe(Effect.scoped))

  it.live("tell of an order that a message nobody can read was set aside of, once it is dropped", () =>
    Effect.gen(function*() {
      const { bus, feed, letters, replica } = yield* makeShared
      const told = yield* replica("one")
      yield* Effect.forkScoped(replica("two"))
      const unreadable = { ...message(paid(1, 2)), payload: new Uint8Array([255]) }
      yield* bus.publish([message(created(1, 1)), unreadable, message(paid(1, 3))])
      assert.strictEqual(version(yield* Queue.take(told)), 1)
      assert.strictEqual((yield* feed.order(orderId(1)))?.version, 1)
      const [letter] = yield* letters.list()
      yield* letters.discard(letter?.id ?? "", "a test")
      assert.strictEqual(version(yield* Queue.take(told)), 3)
      assert.strictEqual((yield* feed.order(orderId(1)))?.version, 3)
    }).pipe(Effect.scoped))

  it.live("go on from where they began, as long as they were given nothing, however far others have come since", () =>
    Effect.gen(function*() {
      const { feed, replica, subscriptions } = yield* makeShared
      const write = (partition: number, next: bigint) => feed.advance([{ topic: ORDER_EVENTS, partition, next }])
      yield* write(1, 7n)
      yield* Effect.andThen(replica("one"), settled)
      const startAt = (partition: number) => subscriptions[0]?.startAt?.(ORDER_EVENTS, partition) ?? Effect.die("no")
      assert.strictEqual(yield* startAt(1), 7n)
      assert.isUndefined(yield* startAt(0))
      yield* Effect.andThen(write(0, 5n), write(1, 9n))
      assert.strictEqual(yield* startAt(1), 7n)
      assert.isUndefined(yield* startAt(0))
    }).pipe(Effect.scoped))

  it.live("write down how far the feed goes when they stop", () =>
    Effect.gen(function*() {
      const { bus, feed, replica } = yield* makeShared
      const scope = yield* Scope.make()
      const told = yield* Scope.provide(replica("one"), scope)
      const other = yield* replica("two")
      yield* bus.publish([message(created(1, 1)), message(paid(1, 2))])
      yield* Effect.all([Queue.take(told), Queue.take(other)])
      const positions = Effect.map(
        Effect.forEach([0, 1, 2, 3, 4, 5], (partition) => feed.position(ORDER_EVENTS, partition)),
        (all) => all.filter((position) => position !== undefined)
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* positions).length, 1)
    }).pipe(Effect.scoped))
})
