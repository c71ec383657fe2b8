import { Schema } from "effect"
import { Amount } from "./Amount.ts"
import { OrderId, UserId } from "./Ids.ts"

/** PENDING -> PAID -> ASSEMBLING -> ASSEMBLED -> DELIVERING -> ISSUED; all but ISSUED may become CANCELLED. */
export const OrderStatus = Schema.Literals([
  "PENDING",
  "PAID",
  "ASSEMBLING",
  "ASSEMBLED",
  "DELIVERING",
  "ISSUED",
  "CANCELLED"
]).annotate({ identifier: "OrderStatus" })
export type OrderStatus = typeof OrderStatus.Type

export const CustomerCancellationReason = Schema.Literals(["CHANGED_MIND"])
export type CustomerCancellationReason = typeof CustomerCancellationReason.Type

export const StaffCancellationReason = Schema.Literals(["OUT_OF_STOCK", "DELIVERY_UNAVAILABLE"])
export type StaffCancellationReason = typeof StaffCancellationReason.Type

export const PaymentCancellationReason = Schema.Literals([
  "NO_PAYMENT_ACCOUNT",
  "INSUFFICIENT_FUNDS",
  "PAYMENT_INTERNAL_ERROR"
])
export type PaymentCancellationReason = typeof PaymentCancellationReason.Type

export const CancellationReason = Schema.Literals([
  ...CustomerCancellationReason.literals,
  ...StaffCancellationReason.literals,
  ...PaymentCancellationReason.literals
]).annotate({ identifier: "CancellationReason" })
export type CancellationReason = typeof CancellationReason.Type

/** Who stopped an order, as its event says it. A failed payment counts as STORE. */
export const CancelSource = Schema.Literals(["STORE", "CUSTOMER"]).annotate({ identifier: "CancelSource" })
export type CancelSource = typeof CancelSource.Type

/** Counts an order's transitions, from 1 at its creation; the one number that orders everything about an order. */
export const OrderVersion = Schema.Int
  .check(Schema.isGreaterThanOrEqualTo(1))
  .annotate({ description: "Grows by one with every transition, from 1", examples: [1] })
export type OrderVersion = typeof OrderVersion.Type

/** A moment as RFC 3339 in UTC. */
export const Timestamp = Schema.DateTimeUtcFromString.pipe(
  Schema.annotateEncoded({ format: "date-time", description: "RFC 3339, UTC", examples: ["2026-01-31T12:00:00.000Z"] })
)

/** No database holds U+0000 or half a surrogate pair: the one would be refused late, the other silently replaced. */
const isStorable = Schema.makeFilter<string>((text) =>
  text.isWellFormed() && !text.includes("\0") ||
  "Expected text without the character U+0000 and without halves of characters (lone surrogates)"
)

export const Description = Schema.String
  .check(Schema.isMaxCodePoints(500), isStorable)
  .annotate({ description: "What was ordered, in the customer's words", examples: ["Two books"] })

export const Order = Schema.Struct({
  id: OrderId,
  userId: UserId,
  amount: Amount,
  status: OrderStatus,
  description: Schema.optionalKey(Description),
  cancellationReason: Schema.optionalKey(CancellationReason),
  version: OrderVersion,
  createdAt: Timestamp,
  updatedAt: Timestamp
}).annotate({ identifier: "Order" })
export type Order = typeof Order.Type

/** Who made a transition, as an order's history shows it: `id` is a user's UUID or `staff-key`. */
export const HistoryActor = Schema.Struct({
  type: Schema.Literals(["CUSTOMER", "STAFF", "PAYMENT"]),
  id: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "HistoryActor" })
export type HistoryActor = typeof HistoryActor.Type

/** One transition of an order. */
export const HistoryEntry = Schema.Struct({
  version: OrderVersion,
  status: OrderStatus,
  actor: HistoryActor,
  reason: Schema.optionalKey(CancellationReason),
  occurredAt: Timestamp
}).annotate({ identifier: "HistoryEntry" })
export type HistoryEntry = typeof HistoryEntry.Type
