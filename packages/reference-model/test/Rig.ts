import { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { Feed } from "@g-store/order-notification-service/Feed.ts"
import { LiveTail } from "@g-store/order-notification-service/LiveTail.ts"
import { NotificationWorkers } from "@g-store/order-notification-service/NotificationService.ts"
import { NotificationStoreMemory } from "@g-store/order-notification-service/NotificationStoreMemory.ts"
import { NotificationStorePostgres } from "@g-store/order-notification-service/NotificationStorePostgres.ts"
import { OrderRepository } from "@g-store/order-service/application/OrderRepository.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts"
import { OrderWorkers } from "@g-store/order-service/OrderService.ts"
import { OrderStoreMemory } from "@g-store/order-service/OrderStoreMemory.ts"
import { OrderStorePostgres } from "@g-store/order-service/OrderStorePostgres.ts"
import { AccountRepository } from "@g-store/payment-service/application/AccountRepository.ts"
import { Accounts } from "@g-store/payment-service/application/Accounts.ts"
import { PaymentRepository } from "@g-store/payment-service/application/PaymentRepository.ts"
import { PaymentWorkers } from "@g-store/payment-service/PaymentService.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { PaymentStorePostgres } from "@g-store/payment-service/PaymentStorePostgres.ts"
import { TestDatabase } from "@g-store/postgres/TestPostgres.ts"
import { Context, Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import { makeHeldBus } from "./HeldBus.ts"

const Common = Layer.mergeAll(
  MessagingHealth.layer,
  SecureRandom.layerWebCrypto,
  Layer.succeed(References.MinimumLogLevel, "None")
)
const inMemory = <A, E, R>(store: Layer.Layer<A, E, R>) =>
  store.pipe(Layer.provide(MemoryDatabase.layer), Layer.provide(SecureRandom.layerWebCrypto))
const onPostgres = <A, E, R>(store: Layer.Layer<A, E, R>) =>
  store.pipe(Layer.provide(TestDatabase), Layer.provide(Common))

const stores = {
  memory: {
    orders: inMemory(OrderStoreMemory),
    payments: inMemory(PaymentStoreMemory),
    notifications: inMemory(NotificationStoreMemory)
  },
  postgres: {
    orders: onPostgres(OrderStorePostgres),
    payments: onPostgres(PaymentStorePostgres),
    notifications: onPostgres(NotificationStorePostgres)
  }
}
export const ADAPTERS = ["memory", "postgres"] as const
export type Adapter = (typeof ADAPTERS)[number]

const contextOf = <A, E, R>(layer: Layer.Layer<A, E, R>) => Layer.build(Layer.fresh(layer))

/** The three services with their consumers and relays at work, each on a store of its own, around a bus that holds. */
export const makeRig = Effect.fnUntraced(function*(adapter: Adapter) {
  const bus = yield* makeHeldBus
  const store: (typeof stores)["memory"] | (typeof stores)["postgres"] = stores[adapter]
  const orders = yield* contextOf(Orders.layer.pipe(Layer.provideMerge(store.orders), Layer.provideMerge(Common)))
  const payments = yield* contextOf(Accounts.layer.pipe(Layer.provideMerge(store.payments), Layer.provideMerge(Common)))
  const notifications = yield* contextOf(
    LiveTail.layer.pipe(Layer.provideMerge(store.notifications), Layer.provideMerge(Common))
  )
  const relay = OutboxRelay.layer({ leases: "exclusive" })
  yield* contextOf(
    Layer.mergeAll(OrderWorkers, relay).pipe(Layer.provide(Layer.merge(Layer.succeedContext(orders), bus.layer)))
  )
  yield* contextOf(
    Layer.mergeAll(PaymentWorkers, relay).pipe(Layer.provide(Layer.merge(Layer.succeedContext(payments), bus.layer)))
  )
  yield* contextOf(
    NotificationWorkers("g-store.order-notification-service").pipe(
      Layer.provide(Layer.merge(Layer.succeedContext(notifications), bus.layer))
    )
  )
  return {
    bus,
    orders: Context.get(orders, Orders),
    orderRows: Context.get(orders, OrderRepository),
    accounts: Context.get(payments, Accounts),
    accountRows: Context.get(payments, AccountRepository),
    paymentRows: Context.get(payments, PaymentRepository),
    feed: Context.get(notifications, Feed),
    tail: Context.get(notifications, LiveTail),
    outboxes: [Context.get(orders, OutboxStore), Context.get(payments, OutboxStore)],
    letters: [
      Context.get(orders, DeadLetters),
      Context.get(payments, DeadLetters),
      Context.get(notifications, DeadLetters)
    ]
  }
})

export type Rig = Effect.Success<ReturnType<typeof makeRig>>
