import { Feed } from "@g-store/order-notification-service/Feed.ts"
import { OrderRepository } from "@g-store/order-service/application/OrderRepository.ts"
import { PaymentRepository } from "@g-store/payment-service/application/PaymentRepository.ts"
import { Context, Effect, Layer } from "effect"

/** Whether the service, as it is now, breaks down over events of this order: a bug that a later release mends. */
export const Flawed = Context.Reference<(orderId: string) => boolean>(
  "@g-store/simulation/Flawed",
  { defaultValue: () => () => false }
)

/** Breaks down before the effect when one of the orders is flawed. */
const guarded = Effect.map(
  Flawed,
  (isFlawed) => (ids: ReadonlyArray<string>) =>
    Effect.suspend(() => ids.some(isFlawed) ? Effect.die(new Error("a bug of this release")) : Effect.void)
)

// Only what consumers call: what breaks a consumer is poison, what breaks a call is a 500 and tells nothing new.

export const FlawedOrders = Layer.effect(
  OrderRepository,
  Effect.gen(function*() {
    const [repository, guard] = [yield* OrderRepository, yield* guarded]
    return OrderRepository.of({
      ...repository,
      updateMany: (ids, decide) => Effect.andThen(guard(ids), repository.updateMany(ids, decide))
    })
  })
)

export const FlawedPayments = Layer.effect(
  PaymentRepository,
  Effect.gen(function*() {
    const [repository, guard] = [yield* PaymentRepository, yield* guarded]
    return PaymentRepository.of({
      ...repository,
      settle: (commands, decide) =>
        Effect.andThen(guard(commands.map(({ event }) => event.orderId)), repository.settle(commands, decide))
    })
  })
)

export const FlawedFeed = Layer.effect(
  Feed,
  Effect.gen(function*() {
    const [feed, guard] = [yield* Feed, yield* guarded]
    return Feed.of({
      ...feed,
      append: (events) => Effect.andThen(guard(events.map(({ orderId }) => orderId)), feed.append(events))
    })
  })
)
