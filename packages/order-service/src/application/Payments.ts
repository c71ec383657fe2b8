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
      const late: Array<OrderState> = []
      yield* repository.updateMany(
        messages.map((message) => message.value.orderId),
        (orders) => decideAll(orders, messages, now, (order) => late.push(order))
      )
      for (const { id, status, version } of late) {
        yield* Effect.logInfo(`the payment of order ${id} changes nothing: it is ${status} at version ${version}`).pipe(
          Effect.annotateLogs({ module: "orders.payments", orderId: id })
        )
      }
    })

    return { settle }
  })
}) {
  static readonly layer = Layer.effect(this, this.make)
}

const decideAll = (
  orders: ReadonlyMap<OrderId, OrderState>,
  messages: ReadonlyArray<Received<PaymentProcessed>>,
  now: DateTime.Utc,
  /** Told of each order that a payment came to too late or again. */
  onLate: (order: OrderState) => void
): Result.Result<ReadonlyArray<Caused>, Poison> => {
  const decided = new Map<OrderId, Caused>()
  const refused: Array<{ readonly id: string; readonly reason: string }> = []
  for (const { id, message, value } of messages) {
    const before = decided.get(value.orderId)
    const order = before?.decision.order ?? orders.get(value.orderId)
    const decision = order === undefined
      ? Result.fail({ reason: `there is no order ${value.orderId} that it could pay` })
      : (value.status === "SUCCESS" ? Order.pay : Order.decline)(order, value, payment, now)
    if (Result.isFailure(decision)) refused.push({ id, reason: decision.failure.reason })
    else if (decision.success.events.length === 0) onLate(decision.success.order)
    else {
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
