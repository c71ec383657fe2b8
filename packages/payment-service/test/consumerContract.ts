import { assert, describe, it } from "@effect/vitest"
import { ORDER_EVENTS, type OrderEvent } from "@g-store/contracts/OrderEvents.ts"
import { encodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { EventBus } from "@g-store/messaging/EventBus.ts"
import type { InboxStore } from "@g-store/messaging/InboxStore.ts"
import { EventBusMemory } from "@g-store/messaging/memory/EventBusMemory.ts"
import { EVENT_TYPE, MESSAGE_ID, TRACEPARENT, type WireMessage } from "@g-store/messaging/Message.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import type { Purge } from "@g-store/messaging/Purge.ts"
import type { ReplayStore } from "@g-store/messaging/ReplayStore.ts"
import { Array, Context, Effect, Layer, Logger, Queue, References, Schedule } from "effect"
import { SecureRandom } from "effect/crypto"
import { PaymentWorkers } from "../src/PaymentService.ts"
import { balanceOf, openAccounts, outbox, type PaymentStore, stateOf } from "./books.ts"
import { ada, bob, cancelled, created, orderId } from "./fixtures.ts"

type Stores = PaymentStore | DeadLetters | InboxStore | ReplayStore | Purge

/** What is logged as an error about refunds. */
class Alarms extends Context.Service<Alarms, Queue.Queue<string>>()("@g-store/payment-service/test/Alarms") {
  static readonly layer = Layer.unwrap(Effect.map(Queue.unbounded<string>(), (lines) =>
    Layer.mergeAll(
      Layer.succeed(Alarms, lines),
      Logger.layer([Logger.make(({ message }) => {
        if (String(message).startsWith("refund owed")) Queue.offerUnsafe(lines, String(message))
      })]),
      Layer.succeed(References.MinimumLogLevel, "Error")
    )))
}

/** An event as it lies on the topic; its message id is a UUID made of `n`. */
const message = (n: number, event: OrderEvent, headers: Record<string, string> = {}): WireMessage => {
  const { eventType, payload } = encodeEvent(event)
  return {
    topic: ORDER_EVENTS,
    key: event.orderId,
    headers: {
      [MESSAGE_ID]: `0191f3a2-7b1c-7009-8000-${String(n).padStart(12, "0")}`,
      [EVENT_TYPE]: eventType,
      ...headers
    },
    payload
  }
}

/** Returns when the consumer has acknowledged all of it. */
const publish = (...messages: ReadonlyArray<WireMessage>) => Effect.flatMap(EventBus, (bus) => bus.publish(messages))

const letters = Effect.gen(function*() {
  const found = yield* (yield* DeadLetters).list()
  return found.map(({ message: { key }, reason, waiting }) => ({ key, reason, waiting }))
})

/** What comes of the events of orders, whatever the store is made of. */
export const consumerContract = (name: string, layer: Layer.Layer<Stores, unknown>) => {
  const running = PaymentWorkers.pipe(
    Layer.provideMerge(
      EventBusMemory.layer({ groups: [{ group: "g-store.payment-service", topics: [ORDER_EVENTS] }] })
    ),
    Layer.provideMerge(layer),
    Layer.provide([MessagingHealth.layer, SecureRandom.layerWebCrypto]),
    Layer.provideMerge(Alarms.layer)
  )
  const test = (behaviour: string, body: Effect.Effect<void, unknown, Stores | EventBus | Alarms>) =>
    it.live(behaviour, () => Effect.provide(body, running))

  describe(`the consumer of orders on ${name}`, () => {
    test(
      "charges what is created and refunds what is cancelled",
      Effect.gen(function*() {
        yield* openAccounts(2, 100)
        // One after the other: orders may lie on different partitions, which are in no order among each other.
        yield* publish(message(1, created(1, 60)))
        yield* publish(message(2, created(2, 60)), message(3, created(3, 60, bob)))
        assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3], stateOf), ["CHARGED", "DECLINED", "CHARGED"])
        yield* publish(message(4, cancelled(1)), message(5, cancelled(2)))
        assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3], stateOf), ["REFUNDED", "DECLINED", "CHARGED"])
        assert.deepStrictEqual(yield* Effect.forEach([ada, bob], balanceOf), [100n, 40n])
        assert.lengthOf(yield* outbox, 3)
      })
    )

    test(
      "takes what comes again, as the same message or another, without any effect",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        yield* publish(message(1, created(1, 60)), message(1, created(1, 60)), message(2, created(1, 60)))
        yield* publish(message(1, created(1, 60)), message(3, created(1, 60)))
        assert.strictEqual(yield* balanceOf(ada), 40n)
        yield* publish(
          message(4, cancelled(1)),
          message(5, cancelled(1)),
          message(4, cancelled(1)),
          message(6, created(1, 60))
        )
        assert.strictEqual(yield* balanceOf(ada), 100n)
        assert.lengthOf(yield* outbox, 1)
        assert.deepStrictEqual(yield* letters, [])
      })
    )

    test(
      "comes to the same when foreign keys scatter an order's events over the partitions",
      Effect.gen(function*() {
        yield* openAccounts(1, 1000)
        const orders = Array.range(1, 30)
        yield* publish(
          ...orders.flatMap((n) =>
            [created(n, 10), cancelled(n), created(n, 10), cancelled(n)].map((event, index) => ({
              ...message(10 * n + index, event),
              key: `foreign ${n} ${index}`
            }))
          )
        )
        const states = yield* Effect.forEach(orders, stateOf)
        assert.deepStrictEqual(states.filter((state) => state !== "REFUNDED" && state !== "VOIDED"), [])
        assert.strictEqual(yield* balanceOf(ada), 1000n)
        assert.lengthOf(yield* outbox, states.filter((state) => state === "REFUNDED").length)
        assert.deepStrictEqual(yield* letters, [])
      })
    )

    test(
      "keeps what it tells in the trace of what it heard",
      Effect.gen(function*() {
        const trace = (n: number) => `00-0af7651916cd43dd8448eb211c8031${n}c-b7ad6b7169203331-01`
        yield* publish(
          message(1, created(1, 1), { [TRACEPARENT]: trace(1) }),
          message(2, created(2, 1), { [TRACEPARENT]: trace(2) }),
          message(3, created(3, 1))
        )
        assert.sameDeepMembers((yield* outbox).map(({ key, traceparent }) => [key, traceparent]), [
          [orderId(1), trace(1)],
          [orderId(2), trace(2)],
          [orderId(3), undefined]
        ])
      })
    )

    test(
      "passes by what concerns no money, even when it cannot be read, and so keeps refunds going",
      Effect.gen(function*() {
        yield* openAccounts(1, 100)
        const status = message(2, { ...created(1, 60), _tag: "OrderStatusChanged", status: "ASSEMBLING" })
        yield* publish(
          message(1, created(1, 60)),
          status,
          {
            ...message(3, created(1, 60)),
            headers: { ...status.headers, [MESSAGE_ID]: "3" },
            payload: new Uint8Array([255])
          },
          { ...status, headers: { [MESSAGE_ID]: "4", [EVENT_TYPE]: "OrderPraised" } },
          message(5, cancelled(1))
        )
        assert.deepStrictEqual(yield* letters, [])
        assert.strictEqual(yield* balanceOf(ada), 100n)
      })
    )

    test(
      "sets aside what contradicts a payment, with the reason; the order's next events wait, other orders do not",
      Effect.gen(function*() {
        yield* openAccounts(2, 100)
        yield* publish(
          message(1, created(1, 60)),
          message(2, created(1, 61)),
          message(3, cancelled(1)),
          message(4, created(2, 10)),
          message(5, created(3, 10)),
          message(6, created(3, 10, bob))
        )
        assert.deepStrictEqual(yield* Effect.forEach([1, 2, 3], stateOf), ["CHARGED", "CHARGED", "CHARGED"])
        assert.sameDeepMembers(yield* letters, [{
          key: orderId(1),
          reason: `OrderCreated of order ${orderId(1)} names the amount 61, but its payment (CHARGED) is of 60.`,
          waiting: 1
        }, {
          key: orderId(3),
          reason: `OrderCreated of order ${orderId(3)} names user ${bob}, but its payment (CHARGED) is of user ${ada}.`,
          waiting: 0
        }])
        assert.deepStrictEqual(yield* Effect.forEach([ada, bob], balanceOf), [20n, 100n])
      })
    )

    test(
      "raises the alarm when a dead letter holds a refund back, and refunds once the letter is discarded",
      Effect.gen(function*() {
        const deadLetters = yield* DeadLetters
        const alarms = yield* Alarms
        yield* openAccounts(1, 100)
        // Declined, so nothing is owed.
        yield* publish(message(1, created(2, 200)), message(2, created(2, 201)), message(3, cancelled(2)))
        yield* publish(
          message(4, created(1, 60)),
          message(5, created(1, 61)),
          message(6, cancelled(1)),
          message(7, cancelled(1))
        )
        const expected = `refund owed: order ${orderId(1)} is cancelled and charged`
        assert.isTrue((yield* Queue.take(alarms)).startsWith(expected))
        assert.strictEqual(yield* balanceOf(ada), 40n)
        const [letter] = yield* deadLetters.list({ key: orderId(1) })
        yield* deadLetters.discard(letter?.id ?? "", "no such amount was ever ordered")
        yield* stateOf(1).pipe(
          Effect.repeat({ until: (state) => state === "REFUNDED", schedule: Schedule.spaced("10 millis") })
        )
        assert.strictEqual(yield* balanceOf(ada), 100n)
      })
    )

    test(
      "sets aside what cannot be read",
      Effect.gen(function*() {
        const broken = message(1, created(1, 60))
        yield* publish(
          { ...broken, payload: new Uint8Array([255]) },
          { ...broken, key: null, headers: { [MESSAGE_ID]: "2" } },
          { ...broken, key: orderId(3), headers: { [MESSAGE_ID]: "3", [EVENT_TYPE]: "OrderCancelled" } }
        )
        const reasons = (yield* letters).map(({ key, reason }) => [key, reason.split(":")[0]])
        assert.sameDeepMembers(reasons, [
          [orderId(1), "OrderCreated"],
          [null, "the header event_type is missing, so the payload cannot be read"],
          [orderId(3), "OrderCancelled"]
        ])
      })
    )
  })
}
