import { PAYMENT_EVENTS, type PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import { decodeEvent } from "@g-store/contracts/wire/EventCodec.ts"
import type { Consumer, Decoded } from "@g-store/messaging/Consumer.ts"
import { EVENT_TYPE, type IncomingMessage } from "@g-store/messaging/Message.ts"
import { Effect, Result } from "effect"
import { Payments } from "../application/Payments.ts"

const decode = ({ headers, payload }: IncomingMessage): Decoded<PaymentProcessed> =>
  Result.map(
    decodeEvent(headers[EVENT_TYPE], payload),
    (event) => event?._tag === "PaymentProcessed" ? event : undefined
  )

/** What payments do to orders, a batch at a time. */
export const makePaymentsConsumer = Effect.map(Payments, (payments): Consumer<PaymentProcessed> => ({
  name: "g-store.order-service",
  topics: [PAYMENT_EVENTS],
  decode,
  handle: payments.settle
}))
