import type { Actor } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { Order as OrderState } from "@g-store/contracts/Order.ts"
import type { PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import { Poison, type Received } from "@g-store/messaging/Consumer.ts"
import { TRACEPARENT } from "@g-store/messaging/Message.ts"
import { Array, Context, DateTime, Effect, Layer, Result } from "effect"
import * as Order from "../domain/Order.ts"
import { type Caused, OrderRepository } from "./OrderRepository.ts"

const payment: Actor = { _tag: "Payment" }

/** What decided payments do to orders. */
export class Payments extends Context.Service<Payments>()("@g-store/order-service/Payments", {
  make: Effect.gen(function*() {
    const repository = yield* OrderRepository

    /**
     * Settles orders by their payments, in the order of the messages. A payment that comes too late or again changes
     * nothing. Poison names every payment of an unknown order or that does not fit its order; then nothing is stored.
     */
    const settle = Effect.fn("Payments.settle")(function*(messages: ReadonlyArray<Received<PaymentProcessed>>) {
      const now = yield* DateTime.now
      yield* repository.updateMany(
        messages.map((message) => message.value.orderId),
        (orders) => decideAll(orders, messages, now)
      )
    })

    return { settle }
  })
}) {
  static readonly layer = Layer.effect(this, this.make)
}

const decideAll = (
  orders: ReadonlyMap<OrderId, OrderState>,
  messages: ReadonlyArray<Received<PaymentProcessed>>,
  now: DateTime.Utc
): Result.Result<ReadonlyArray<Caused>, Poison> => {
  const decided = new Map<OrderId, Caused>()
  const refused: Array<{ readonly id: string; readonly reason: string }> = []
  for (const { id, message, value } of messages) {
    const before = decided.get(value.orderId)
    const order = before?.decision.order ?? orders.get(value.orderId)
    const decision = order === undefined
      ? Result.fail({ reason: `there is no order ${value.orderId} that it could pay` })
      : (value.status === "SUCCESS" ? Order.pay : Order.decline)(order, value, payment, now)
    if (Result.isFailure(decision)) {
      refused.push({ id, reason: decision.failure.reason })
    } else if (decision.success.events.length > 0) {
      decided.set(value.orderId, {
        decision: before === undefined ? decision.success : Order.followedBy(before.decision, decision.success),
        traceparent: message.headers[TRACEPARENT]
      })
    }
  }
  return Array.isArrayNonEmpty(refused)
    ? Result.fail(new Poison({ messages: refused }))
    : Result.succeed([...decided.values()])
}
