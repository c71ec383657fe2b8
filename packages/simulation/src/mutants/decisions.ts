import { Idempotency } from "@g-store/messaging/Idempotency.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { Feed } from "@g-store/order-notification-service/Feed.ts"
import { type Listener, LiveTail } from "@g-store/order-notification-service/LiveTail.ts"
import { NotificationStoreMemory } from "@g-store/order-notification-service/NotificationStoreMemory.ts"
import { OrderRepository } from "@g-store/order-service/application/OrderRepository.ts"
import { OrderStoreMemory } from "@g-store/order-service/OrderStoreMemory.ts"
import { PaymentRepository } from "@g-store/payment-service/application/PaymentRepository.ts"
import type { PaymentCommand } from "@g-store/payment-service/domain/Payment.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { Clock, Effect, Layer, Result } from "effect"
import { ordersTakingAll, paymentsTakingAll } from "./delivery.ts"

const isCreation = ({ event }: PaymentCommand) => event._tag === "OrderCreated"

/** Charges without a look at whether the order has a payment already. */
const chargeBlindly = Layer.effect(
  PaymentRepository,
  Effect.map(PaymentRepository, (repository) =>
    PaymentRepository.of({
      ...repository,
      settle: (commands, decide) => {
        const created = new Set(commands.filter(isCreation).map(({ event }) => event.orderId))
        return repository.settle(commands, (book) =>
          decide({
            ...book,
            payments: new Map([...book.payments].filter(([orderId]) => !created.has(orderId)))
          }))
      }
    }))
)

/** A payment finds every order that is paid as it was before. */
const payAgain = Layer.effect(
  OrderRepository,
  Effect.map(OrderRepository, (repository) =>
    OrderRepository.of({
      ...repository,
      updateMany: (ids, decide) =>
        repository.updateMany(ids, (orders) =>
          decide(
            new Map(Array.from(orders, ([id, order]) => [
              id,
              order.status === "PAID" ? { ...order, status: "PENDING" } : order
            ]))
          ))
    }))
)

/** A cancel that comes before its order leaves nothing behind. */
const forgetEarlyCancels = Layer.effect(
  PaymentRepository,
  Effect.map(PaymentRepository, (repository) =>
    PaymentRepository.of({
      ...repository,
      settle: (commands, decide) =>
        repository.settle(commands, (book) =>
          Result.map(decide(book), (settlement) => ({
            ...settlement,
            decided: settlement.decided.filter(({ state }) => state !== "VOIDED")
          })))
    }))
)

/** The key is written after the effect, in a transaction of its own. */
const keyAfterwards = Layer.effect(
  Idempotency,
  Effect.map(Idempotency, ({ once }) =>
    Idempotency.of({
      once: (key, effect) => Effect.flatMap(effect, (answer) => once(key, Effect.succeed(answer)))
    }))
)

/** Rows are read without locking them. */
const lockNothing = Layer.effect(
  MemoryDatabase,
  Effect.map(
    MemoryDatabase,
    (database) => MemoryDatabase.of({ ...database, statement: (label, _, f) => database.statement(label, [], f) })
  )
)

/** Who resumes is sent what comes after the version behind the one that they named. */
const skipOne = Layer.effect(
  Feed,
  Effect.map(
    Feed,
    (feed) => Feed.of({ ...feed, updates: (id, after) => feed.updates(id, after === 0 ? 0 : after + 1) })
  )
)

const LATE_MILLIS = 150

/** Who subscribes is shown the snapshot first, and listened for a moment later. */
export const listenLate = Layer.effect(
  LiveTail,
  Effect.gen(function*() {
    const tail = yield* Effect.provide(LiveTail, Layer.fresh(LiveTail.layer))
    const clock = yield* Clock.Clock
    const late = (listener: Listener): Listener => {
      const from = clock.currentTimeMillisUnsafe() + LATE_MILLIS
      return (event) => clock.currentTimeMillisUnsafe() < from ? undefined : listener(event)
    }
    return LiveTail.of({
      ...tail,
      listenToOrder: (id, listener) => tail.listenToOrder(id, late(listener)),
      listenToUser: (id, listener) => tail.listenToUser(id, late(listener)),
      listenToAll: (listener) => tail.listenToAll(late(listener))
    })
  })
)

export const chargingBlindly = Layer.provideMerge(chargeBlindly, PaymentStoreMemory)
export const chargingBlindlyWithoutInbox = Layer.provideMerge(chargeBlindly, paymentsTakingAll)
export const ordersPayingAgain = Layer.provideMerge(payAgain, OrderStoreMemory)
export const ordersPayingAgainWithoutInbox = Layer.provideMerge(payAgain, ordersTakingAll)
export const forgettingEarlyCancels = Layer.provideMerge(forgetEarlyCancels, PaymentStoreMemory)
export const paymentsKeyedAfterwards = Layer.provideMerge(keyAfterwards, PaymentStoreMemory)
export const paymentsLockingNothing = Layer.provide(PaymentStoreMemory, lockNothing)
export const ordersLockingNothing = Layer.provide(OrderStoreMemory, lockNothing)
export const feedSkippingOne = Layer.provideMerge(skipOne, NotificationStoreMemory)
