import { ORDER_EVENTS, type OrderCancelled, type OrderCreated } from "@g-store/contracts/OrderEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { Consumer, Decoded } from "@g-store/messaging/Consumer.ts"
import { EVENT_TYPE, type IncomingMessage } from "@g-store/messaging/Message.ts"
import { Effect, Result } from "effect"
import { Payments } from "../application/Payments.ts"

/** An order's later life is nobody's money: those events are passed by unread, so a broken one holds up no refund. */
const decode = ({ headers, payload }: IncomingMessage): Decoded<OrderCreated | OrderCancelled> =>
  headers[EVENT_TYPE] === "OrderStatusChanged"
    ? Result.succeed(undefined)
    : Result.map(
      decodeEvent(headers[EVENT_TYPE], payload),
      (event) => event?._tag === "OrderCreated" || event?._tag === "OrderCancelled" ? event : undefined
    )

/** What happens to orders, as far as money is concerned: their creation and their cancel, a batch at a time. */
export const makeOrdersConsumer = Effect.map(Payments, (payments): Consumer<OrderCreated | OrderCancelled> => ({
  name: "g-store.payment-service",
  topics: [ORDER_EVENTS],
  decode,
  handle: payments.settle
}))
