import { assert, describe, it } from "@effect/vitest"
import { Amount } from "@g-store/contracts/Amount.ts"
import { ORDER_EVENTS, type OrderEvent } from "@g-store/contracts/OrderEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { EventBus } from "@g-store/messaging/EventBus.ts"
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
  const held = Feed.of({
    ...feed,
    append: (events) => Effect.andThen(Effect.andThen(appending.open, open.await), feed.append(events))
  })

  /** A replica's workers, and what its sockets would be told. */
  const replica = (group: string) =>
    Effect.gen(function*() {
      const told = yield* Queue.unbounded<LiveEvent>()
      const workers = yield* Layer.build(
        NotificationWorkers(group).pipe(
          Layer.provideMerge(LiveTail.layer),
          Layer.provide([
            Layer.succeedContext(Context.add(context, Feed, held)),
            MessagingHealth.layer,
            SecureRandom.layerWebCrypto,
            ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })),
            Layer.succeed(References.MinimumLogLevel, "None")
          ]),
          Layer.fresh
        )
      )
      Context.get(workers, LiveTail).listenToAll((event) => void Queue.offerUnsafe(told, event))
      return told
    })
  return { appending: appending.await, bus: Context.get(context, EventBus), feed, open, replica }
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
