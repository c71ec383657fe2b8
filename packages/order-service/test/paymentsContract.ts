import { assert, describe, it } from "@effect/vitest"
import { Amount } from "@g-store/contracts/Amount.ts"
import { PAYMENT_EVENTS, type PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { EventBus } from "@g-store/messaging/EventBus.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { EVENT_TYPE, MESSAGE_ID, TRACEPARENT, type WireMessage } from "@g-store/messaging/Message.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { Array, Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { OrderRepository } from "../src/application/OrderRepository.ts"
import * as Order from "../src/domain/Order.ts"
import { OrderWorkers } from "../src/OrderService.ts"
import type { OrderStoreMemory } from "../src/OrderStoreMemory.ts"
import { ada, bob, created, customer, later, orderId, paymentOf, staff } from "./fixtures.ts"
import { outbox } from "./stores.ts"

type Stores = Layer.Success<typeof OrderStoreMemory>

/** A payment's event as it lies on the topic; its message id is made of `n`. */
const message = (n: number, event: PaymentProcessed, headers: Record<string, string> = {}): WireMessage => {
  const { eventType, payload } = encodeEvent(event)
  return {
    topic: PAYMENT_EVENTS,
    key: event.orderId,
    headers: { [MESSAGE_ID]: `message ${n}`, [EVENT_TYPE]: eventType, ...headers },
    payload
  }
}
const success = (n: number, change: Partial<PaymentProcessed> = {}) => paymentOf(created(n).order, change)
const failure = (n: number, change: Partial<PaymentProcessed> = {}) => success(n, { status: "FAILED", ...change })

/** Returns when the consumer has acknowledged all of it. */
const publish = (...messages: ReadonlyArray<WireMessage>) => Effect.flatMap(EventBus, (bus) => bus.publish(messages))

const orders = (...numbers: ReadonlyArray<number>) =>
  Effect.flatMap(OrderRepository, (repository) => Effect.forEach(numbers, (n) => repository.add(created(n))))
const orderOf = (n: number) => Effect.flatMap(OrderRepository, (repository) => repository.byId(orderId(n)))
const statusOf = (n: number) => Effect.map(orderOf(n), ({ status }) => status)
const letters = Effect.gen(function*() {
  const found = yield* (yield* DeadLetters).list()
  return found.map(({ message: { key }, reason, waiting }) => ({ key, reason, waiting }))
})

/** What comes of the events of payments, whatever the store is made of. */
export const paymentsContract = (name: string, layer: Layer.Layer<Stores, unknown>) => {
  const running = OrderWorkers.pipe(
    Layer.provideMerge(
      EventBusMemory.layer({ groups: [{ group: "g-store.order-service", topics: [PAYMENT_EVENTS] }] })
    ),
    Layer.provideMerge(layer),
    Layer.provide([MessagingHealth.layer, SecureRandom.layerWebCrypto]),
    Layer.provideMerge(Layer.succeed(References.MinimumLogLevel, "None"))
  )
  const test = (behaviour: string, body: Effect.Effect<void, unknown, Stores | EventBus>) =>
    it.live(behaviour, () => Effect.provide(body, running))

  describe(`the consumer of payments on ${name}`, () => {
    test(
      "pays and cancels orders, and says so in their events",
      Effect.gen(function*() {
        yield* orders(1, 2, 3, 4)
        yield* publish(
          message(1, success(1)),
          message(2, failure(2, { failureReason: "INSUFFICIENT_FUNDS" })),
          message(3, failure(3))
        )
        assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3, 4], statusOf), [
          "PAID",
          "CANCELLED",
          "CANCELLED",
          "PENDING"
        ])
        assert.strictEqual((yield* orderOf(2)).cancellationReason, "INSUFFICIENT_FUNDS")
        assert.strictEqual((yield* orderOf(3)).cancellationReason, "PAYMENT_INTERNAL_ERROR")
        const types = (yield* outbox).map(({ message: { eventType, key } }) => [key, eventType])
        assert.sameDeepMembers(types, [
          ...[1, 2, 3, 4].map((n) => [orderId(n), "OrderCreated"]),
          [orderId(1), "OrderStatusChanged"],
          [orderId(2), "OrderCancelled"],
          [orderId(3), "OrderCancelled"]
        ])
        assert.deepStrictEqual(yield* letters, [])
      })
    )

    test(
      "takes what comes again, as the same message or another, without any effect",
      Effect.gen(function*() {
        yield* orders(1)
        yield* publish(message(1, success(1)), message(1, success(1)), message(2, success(1)))
        yield* publish(message(1, success(1)), message(3, success(1)))
        assert.deepInclude(yield* orderOf(1), { status: "PAID", version: 2 })
        assert.lengthOf(yield* outbox, 2)
      })
    )

    test(
      "leaves a cancelled order cancelled when its payment succeeds late",
      Effect.gen(function*() {
        const repository = yield* OrderRepository
        yield* orders(1)
        yield* repository.update(
          orderId(1),
          (order) => Order.cancel(order, { reason: "CHANGED_MIND" }, customer(ada), later(1))
        )
        yield* publish(message(1, success(1)))
        assert.deepInclude(yield* orderOf(1), { status: "CANCELLED", cancellationReason: "CHANGED_MIND", version: 2 })
        assert.lengthOf(yield* outbox, 2)
        assert.deepStrictEqual(yield* letters, [])
      })
    )

    test(
      "leaves a paid order as it is when a failure comes late, in the same batch or after staff went on",
      Effect.gen(function*() {
        const repository = yield* OrderRepository
        yield* orders(1, 2)
        yield* publish(message(1, success(1)), message(2, failure(1)), message(3, success(2)))
        yield* repository.update(orderId(2), (order) => Order.move(order, { to: "ASSEMBLING" }, staff, later(9)))
        yield* publish(message(4, failure(2)))
        assert.deepStrictEqual(yield* Effect.forEach([1, 2], statusOf), ["PAID", "ASSEMBLING"])
        assert.deepStrictEqual(yield* letters, [])
      })
    )

    test(
      "sees the messages of one order in their order",
      Effect.gen(function*() {
        yield* orders(1, 2)
        yield* publish(
          message(1, failure(1)),
          message(2, success(2)),
          message(3, success(1)),
          message(4, failure(2))
        )
        assert.deepStrictEqual(yield* Effect.forEach([1, 2], statusOf), ["CANCELLED", "PAID"])
      })
    )

    test(
      "sets payments aside that fit no order, each with its reason, and settles the others",
      Effect.gen(function*() {
        yield* orders(1, 2, 3)
        yield* publish(
          message(1, success(1, { amount: Amount.make(99) })),
          message(2, failure(2, { userId: bob })),
          message(3, success(3)),
          message(4, success(9)),
          message(5, success(1))
        )
        assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3], statusOf), ["PENDING", "PENDING", "PAID"])
        const found = yield* letters
        assert.sameMembers(found.map(({ key }) => key), [orderId(1), orderId(2), orderId(9)])
        const reasonOf = (n: number) => found.find(({ key }) => key === orderId(n))?.reason
        assert.include(reasonOf(1), "names amount 99 in place of 100")
        assert.include(reasonOf(2), `names user ${bob} in place of ${ada}`)
        assert.include(reasonOf(9), `there is no order ${orderId(9)}`)
        // The right payment of order 1 waits behind the wrong one, until somebody decides about that.
        assert.strictEqual(found.find(({ key }) => key === orderId(1))?.waiting, 1)
      })
    )

    test(
      "sets aside what cannot be read, and passes by what is none of its business",
      Effect.gen(function*() {
        yield* orders(1)
        const unnamed = message(2, success(7))
        yield* publish(
          { ...unnamed, headers: { [MESSAGE_ID]: "message 2" } },
          { ...message(3, success(8)), payload: new Uint8Array([255, 255, 255]) },
          message(4, success(5), { [EVENT_TYPE]: "SomethingElse" }),
          message(1, success(1))
        )
        assert.strictEqual(yield* statusOf(1), "PAID")
        const found = yield* letters
        assert.sameMembers(found.map(({ key }) => key), [orderId(7), orderId(8)])
        assert.include(found.find(({ key }) => key === orderId(7))?.reason, "event_type is missing")
      })
    )

    test(
      "carries the trace of each payment on into the order's next event",
      Effect.gen(function*() {
        yield* orders(1, 2)
        const traceOf = (n: number) => `00-0af7651916cd43dd8448eb211c80319${n}-b7ad6b7169203331-01`
        yield* publish(...[1, 2].map((n) => message(n, success(n), { [TRACEPARENT]: traceOf(n) })))
        const changes = (yield* outbox).filter((row) => row.message.eventType === "OrderStatusChanged")
        assert.sameDeepMembers(
          changes.map((row) => [row.message.key, row.message.traceparent]),
          [1, 2].map((n) => [orderId(n), traceOf(n)])
        )
      })
    )

    test(
      "settles a great many at once",
      Effect.gen(function*() {
        const numbers = Array.makeBy(300, (n) => n + 1)
        yield* orders(...numbers)
        yield* publish(...numbers.map((n) => message(n, n % 3 === 0 ? failure(n) : success(n))))
        for (const n of numbers) assert.strictEqual(yield* statusOf(n), n % 3 === 0 ? "CANCELLED" : "PAID")
        assert.lengthOf(yield* outbox, 600)
      })
    )
  })
}
