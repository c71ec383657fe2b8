import { Idempotency } from "@g-store/messaging/Idempotency.ts"
import { EventBus } from "@g-store/messaging/EventBus.ts"
import { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import { Feed } from "@g-store/order-notification-service/Feed.ts"
import { LiveTail } from "@g-store/order-notification-service/LiveTail.ts"
import { NotificationWorkers } from "@g-store/order-notification-service/NotificationService.ts"
import { NotificationStoreMemory } from "@g-store/order-notification-service/NotificationStoreMemory.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts"
import { OrderWorkers } from "@g-store/order-service/OrderService.ts"
import { OrderStoreMemory } from "@g-store/order-service/OrderStoreMemory.ts"
import { Accounts } from "@g-store/payment-service/application/Accounts.ts"
import { PaymentWorkers } from "@g-store/payment-service/PaymentService.ts"
import { PaymentStoreMemory } from "@g-store/payment-service/PaymentStoreMemory.ts"
import { Layer } from "effect"
import type { Surroundings } from "../engine/Process.ts"

/** What a process reaches outside of itself: its database and the bus. */
export type Outside = MemoryDatabase | EventBus

/** What callers enter by. */
export type OrderDoor = Orders | Idempotency
export type PaymentDoor = Accounts | Idempotency
export type NotificationDoor = Feed | LiveTail

/** Layers of the services over the outside; a mutant is a function from one to the other. */
export interface Services {
  readonly orders: Layer.Layer<OrderDoor, never, Outside | Surroundings>
  readonly payments: Layer.Layer<PaymentDoor, never, Outside | Surroundings>
  readonly notifications: (replica: string) => Layer.Layer<NotificationDoor, never, Outside | Surroundings>
}

// As in each service's main.ts, without its HTTP. Looking for other processes' rows is all that the relays poll for.
const relay = (service: string) => OutboxRelay.layer({ service, polling: { shortest: 50, longest: 400 } })

export const orders = Layer.mergeAll(Orders.layer, OrderWorkers, relay("order-service")).pipe(
  Layer.provideMerge(OrderStoreMemory),
  Layer.provide(MessagingHealth.layer)
)

export const payments = Layer.mergeAll(Accounts.layer, PaymentWorkers, relay("payment-service")).pipe(
  Layer.provideMerge(PaymentStoreMemory),
  Layer.provide(MessagingHealth.layer)
)

export const notifications = (replica: string) =>
  NotificationWorkers(`g-store.order-notification-service.${replica}`).pipe(
    Layer.provideMerge(LiveTail.layer),
    Layer.provideMerge(NotificationStoreMemory),
    Layer.provide(MessagingHealth.layer)
  )

/** The store as it is. */
export const realServices: Services = { orders, payments, notifications }
