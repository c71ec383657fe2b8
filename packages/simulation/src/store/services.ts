import type { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import { EventBus } from "@g-store/messaging/EventBus.ts"
import type { Idempotency } from "@g-store/messaging/Idempotency.ts"
import type { MemoryDatabase } from "@g-store/messaging/memory/MemoryDatabase.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { OutboxRelay } from "@g-store/messaging/OutboxRelay.ts"
import type { Feed } from "@g-store/order-notification-service/Feed.ts"
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
import { FlawedFeed, FlawedOrders, FlawedPayments } from "./Flaws.ts"

/** What a process reaches outside of itself: its database and the bus. */
export type Outside = MemoryDatabase | EventBus

/** What callers enter by. */
export type OrderDoor = Orders | Idempotency | DeadLetters
export type PaymentDoor = Accounts | Idempotency | DeadLetters
export type NotificationDoor = Feed | LiveTail | DeadLetters

/** Layers of the services over the outside. */
export interface Services {
  readonly orders: Layer.Layer<OrderDoor, never, Outside | Surroundings>
  readonly payments: Layer.Layer<PaymentDoor, never, Outside | Surroundings>
  readonly notifications: (replica: string) => Layer.Layer<NotificationDoor, never, Outside | Surroundings>
}

type Surrounded<L> = L extends Layer.Layer<infer A, infer E, infer R> ? Layer.Layer<A, E, R | Outside | Surroundings>
  : never

/** What can be exchanged for something faulty, to see whether it is noticed. Each is put over the real one. */
export interface Adapters {
  readonly orderStore: Surrounded<typeof OrderStoreMemory>
  readonly paymentStore: Surrounded<typeof PaymentStoreMemory>
  readonly notificationStore: Surrounded<typeof NotificationStoreMemory>
  readonly liveTail: Layer.Layer<LiveTail>
  readonly bus: Layer.Layer<EventBus, never, Outside>
  /** The bus as payment-service has it, if another one. */
  readonly paymentBus: Layer.Layer<EventBus, never, Outside>
}

// As in each service's main.ts, without its HTTP. Looking for other processes' rows is all that the relays poll for.
const relay = (service: string) => OutboxRelay.layer({ service, polling: { shortest: 50, longest: 400 } })

/** The services as they are, over these adapters. */
export const servicesOver = (adapters: Partial<Adapters> = {}): Services => {
  const bus = adapters.bus ?? Layer.effect(EventBus, EventBus)
  return {
    orders: Layer.mergeAll(Orders.layer, OrderWorkers, relay("order-service")).pipe(
      Layer.provideMerge(FlawedOrders),
      Layer.provideMerge(adapters.orderStore ?? OrderStoreMemory),
      Layer.provide([MessagingHealth.layer, bus]),
      Layer.orDie
    ),
    payments: Layer.mergeAll(Accounts.layer, PaymentWorkers, relay("payment-service")).pipe(
      Layer.provideMerge(FlawedPayments),
      Layer.provideMerge(adapters.paymentStore ?? PaymentStoreMemory),
      Layer.provide([MessagingHealth.layer, adapters.paymentBus ?? bus]),
      Layer.orDie
    ),
    notifications: (replica) =>
      NotificationWorkers(`g-store.order-notification-service.${replica}`).pipe(
        Layer.provideMerge(adapters.liveTail ?? LiveTail.layer),
        Layer.provideMerge(FlawedFeed),
        Layer.provideMerge(adapters.notificationStore ?? NotificationStoreMemory),
        Layer.provide([MessagingHealth.layer, bus]),
        Layer.orDie
      )
  }
}

/** The store as it is. */
export const realServices: Services = servicesOver()
