import { Schema } from "effect"
import { Amount } from "./Amount.ts"
import { OrderId, UserId } from "./Ids.ts"
import { Timestamp } from "./Order.ts"

/** The topic of every decision about an order's payment, keyed by order id. */
export const PAYMENT_EVENTS = "payment.events"

export const PaymentFailureReason = Schema.Literals(["NO_ACCOUNT", "INSUFFICIENT_FUNDS", "INTERNAL_ERROR"])
  .annotate({ identifier: "PaymentFailureReason" })
export type PaymentFailureReason = typeof PaymentFailureReason.Type

/** An order's payment was decided. A FAILED one of another system may name no reason: that counts as INTERNAL_ERROR. */
export const PaymentProcessed = Schema.TaggedStruct("PaymentProcessed", {
  orderId: OrderId,
  userId: UserId,
  amount: Amount,
  status: Schema.Literals(["SUCCESS", "FAILED"]),
  failureReason: Schema.optionalKey(PaymentFailureReason),
  occurredAt: Timestamp
})
export type PaymentProcessed = typeof PaymentProcessed.Type

/** Everything payment-service publishes on `payment.events`. */
export const PaymentEvent = PaymentProcessed
export type PaymentEvent = typeof PaymentEvent.Type
