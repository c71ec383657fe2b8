import type { OrderId } from "@g-store/contracts/Ids.ts"
import { ORDER_EVENTS, type OrderCancelled, type OrderCreated } from "@g-store/contracts/OrderEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { Consumer, Decoded, Received } from "@g-store/messaging/Consumer.ts"
import { EVENT_TYPE, type IncomingMessage } from "@g-store/messaging/Message.ts"
import { Effect, Metric, Result } from "effect"
import { Payments } from "../application/Payments.ts"

/** An order's later life is nobody's money: those events are passed by unread, so a broken one holds up no refund. */
const decode = ({ headers, payload }: IncomingMessage): Decoded<OrderCreated | OrderCancelled> =>
  headers[EVENT_TYPE] === "OrderStatusChanged"
    ? Result.succeed(undefined)
    : Result.map(
      decodeEvent(headers[EVENT_TYPE], payload),
      (event) => event?._tag === "OrderCreated" || event?._tag === "OrderCancelled" ? event : undefined
    )

const refundsOwed = Metric.counter("payment_refunds_owed_total", {
  description: "Alerts about cancelled orders whose refund is held back by a dead letter; repeated at every start",
  incremental: true
})

/** Money that is the customer's and does not move until an operator acts: the one thing that cannot wait to be found. */
const refundOwed = (orderId: OrderId) =>
  Effect.logError(
    `refund owed: order ${orderId} is cancelled and charged, but its cancel is held back by a dead letter; ` +
      "see `gstore dead-letters list`, then replay or discard the letter"
  ).pipe(
    Effect.annotateLogs({ module: "payments", orderId }),
    Effect.andThen(Metric.update(refundsOwed, 1))
  )

/** What happens to orders, as far as money is concerned: their creation and their cancel, a batch at a time. */
export const makeOrdersConsumer = Effect.map(Payments, (payments): Consumer<OrderCreated | OrderCancelled> => {
  const onParked = (messages: ReadonlyArray<Received<OrderCreated | OrderCancelled>>) => {
    const cancelled = messages.flatMap(({ value }) => value._tag === "OrderCancelled" ? value.orderId : [])
    return Effect.forEach(
      new Set(cancelled),
      (orderId) => Effect.flatMap(payments.isCharged(orderId), (owed) => owed ? refundOwed(orderId) : Effect.void),
      { discard: true }
    )
  }
  return { name: "g-store.payment-service", topics: [ORDER_EVENTS], decode, handle: payments.settle, onParked }
})
