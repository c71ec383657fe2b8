import type { Caller } from "@g-store/contracts/Actor.ts"
import { Amount } from "@g-store/contracts/Amount.ts"
import { type OrderId, UserId } from "@g-store/contracts/Ids.ts"
import { DeadLetters } from "@g-store/messaging/DeadLetters.ts"
import type { EventBus } from "@g-store/messaging/EventBus.ts"
import { MESSAGE_ID, type WireMessage } from "@g-store/messaging/Message.ts"
import { MessagingHealth } from "@g-store/messaging/MessagingHealth.ts"
import { shardOf, SHARDS } from "@g-store/messaging/Outbox.ts"
import { OutboxRelay, type OutboxRelayOptions } from "@g-store/messaging/OutboxRelay.ts"
import { OutboxStore } from "@g-store/messaging/OutboxStore.ts"
import { LiveTail } from "@g-store/order-notification-service/LiveTail.ts"
import { NotificationWorkers } from "@g-store/order-notification-service/NotificationService.ts"
import { Orders } from "@g-store/order-service/application/Orders.ts"
import { OrderWorkers } from "@g-store/order-service/OrderService.ts"
import { Accounts } from "@g-store/payment-service/application/Accounts.ts"
import { PaymentWorkers } from "@g-store/payment-service/PaymentService.ts"
import { Array as Arr, Context, Effect, Layer, References } from "effect"
import { SecureRandom } from "effect/crypto"
import type { HeldBus } from "./heldBus.ts"
import { ForgetInbox, type StoreLayers } from "./stores.ts"

const Common = Layer.mergeAll(
  MessagingHealth.layer,
  SecureRandom.layerWebCrypto,
  Layer.succeed(References.MinimumLogLevel, "None")
)

const contextOf = <A, E, R>(layer: Layer.Layer<A, E, R>) => Layer.build(Layer.fresh(layer))

/** The three services as far as they last: what they keep, what they can be asked, and the bus. Nothing works by itself. */
export const makeWorld = Effect.fnUntraced(function*(bus: HeldBus, stores: StoreLayers) {
  // The outbox is watched, so that tests can wait for it to be empty.
  const watched = <A, E>(store: Layer.Layer<A | OutboxStore, E>) =>
    Layer.effect(
      OutboxStore,
      Effect.map(OutboxStore, (outbox) =>
        OutboxStore.of({
          ...outbox,
          exchange: (asked) => Effect.tap(outbox.exchange(asked), asked.removals.length > 0 ? bus.moved : Effect.void)
        }))
    ).pipe(Layer.provideMerge(store))
  const orders = yield* contextOf(
    Orders.layer.pipe(Layer.provideMerge(watched(stores.orders)), Layer.provideMerge(Common))
  )
  const payments = yield* contextOf(
    Accounts.layer.pipe(Layer.provideMerge(watched(stores.payments)), Layer.provideMerge(Common))
  )
  const notifications = yield* contextOf(stores.notifications.pipe(Layer.provideMerge(Common)))
  return {
    bus,
    orders,
    payments,
    notifications,
    outboxes: { orders: Context.get(orders, OutboxStore), payments: Context.get(payments, OutboxStore) },
    letters: [
      Context.get(orders, DeadLetters),
      Context.get(payments, DeadLetters),
      Context.get(notifications, DeadLetters)
    ],
    forget: Effect.all([
      Context.get(orders, ForgetInbox),
      Context.get(payments, ForgetInbox),
      Context.get(notifications, ForgetInbox)
    ])
  }
})

export type World = Effect.Success<ReturnType<typeof makeWorld>>

/** Each runs until its scope ends, which is the end of that process. */
export const start = {
  orderWorkers: ({ bus, orders }: World) =>
    contextOf(OrderWorkers.pipe(Layer.provide(Layer.merge(Layer.succeedContext(orders), bus.layer)))),
  paymentWorkers: ({ bus, payments }: World) =>
    contextOf(PaymentWorkers.pipe(Layer.provide(Layer.merge(Layer.succeedContext(payments), bus.layer)))),
  notificationWorkers: ({ bus, notifications }: World) =>
    contextOf(
      NotificationWorkers("g-store.order-notification-service").pipe(
        Layer.provide(LiveTail.layer),
        Layer.provide(Layer.merge(Layer.succeedContext(notifications), bus.layer))
      )
    ),
  relay: (
    outbox: OutboxStore["Service"],
    bus: Layer.Layer<EventBus>,
    options: OutboxRelayOptions = { leases: "exclusive" }
  ) =>
    contextOf(
      OutboxRelay.layer(options).pipe(
        Layer.provide(Layer.succeed(OutboxStore, outbox)),
        Layer.provide(bus),
        Layer.provide(Common)
      )
    ),
  consumers: (world: World) =>
    Effect.all([start.orderWorkers(world), start.paymentWorkers(world), start.notificationWorkers(world)]),
  relays: (world: World) =>
    Effect.all([
      start.relay(world.outboxes.orders, world.bus.layer),
      start.relay(world.outboxes.payments, world.bus.layer)
    ]),
  everything: (world: World) => Effect.all([start.consumers(world), start.relays(world)])
}

export const userOf = (n: number) => UserId.make(`0191f3a2-7b1c-7002-8000-${n.toString(16).padStart(12, "0")}`)
export const customer = (userId: UserId): Caller => ({ _tag: "Customer", userId })

/** Opens an account that holds so much. */
export const fund = Effect.fnUntraced(function*({ payments }: World, userId: UserId, amount: number) {
  const accounts = Context.get(payments, Accounts)
  const { id } = yield* accounts.open(customer(userId))
  yield* accounts.topUp(customer(userId), id, Amount.make(amount))
})

export const place = ({ orders }: World, userId: UserId, amount: number) =>
  Effect.map(
    Context.get(orders, Orders).create(customer(userId), { amount: Amount.make(amount) }, undefined),
    ({ orderId }) => orderId
  )

/** True if the cancel was in time. */
export const cancel = ({ orders }: World, userId: UserId, id: OrderId) =>
  Context.get(orders, Orders).cancel(customer(userId), id, { reason: "CHANGED_MIND" }).pipe(
    Effect.as(true),
    Effect.catchTag("TransitionNotAllowed", () => Effect.succeed(false))
  )

export const idOf = ({ headers }: WireMessage) => headers[MESSAGE_ID] ?? ""

/** All that was committed to the outboxes about the order, once it has reached the gate; each message once, in order. */
export const heldOf = Effect.fnUntraced(function*({ bus, outboxes }: World, id: OrderId) {
  for (const outbox of [outboxes.orders, outboxes.payments]) {
    const rows = yield* outbox.exchange({ removals: [], shards: [shardOf(id)], limit: 100_000 })
    const awaited = rows.flatMap(({ message }) => message.key === id ? message.id : [])
    yield* bus.until(Effect.sync(() => awaited.every(bus.has)))
  }
  return bus.of(id)
})

/** Waits until nothing is left to be relayed, nor comes of what was. */
export const drained = ({ bus, outboxes }: World) => {
  const isEmpty = (outbox: OutboxStore["Service"]) =>
    Effect.map(
      outbox.exchange({ removals: [], shards: Arr.range(0, SHARDS - 1), limit: 1 }),
      (rows) => rows.length === 0
    )
  // Twice: what a payment leads to in the outbox of orders comes after the first look there.
  const looks = [outboxes.orders, outboxes.payments, outboxes.orders, outboxes.payments].map(isEmpty)
  return bus.until(Effect.map(Effect.all(looks), (empty) => empty.every(Boolean)))
}
