import { Schema } from "effect"
import { Amount } from "./Amount.ts"
import { OrderId, UserId } from "./Ids.ts"
import { CancellationReason, CancelSource, OrderStatus, OrderVersion, Timestamp } from "./Order.ts"

/** The topic of everything that happens to orders, keyed by order id. */
export const ORDER_EVENTS = "order.events"

/** The order's version after the event. Absent only in messages of other systems, which know no versions. */
const version = Schema.optionalKey(OrderVersion)

export const OrderCreated = Schema.TaggedStruct("OrderCreated", {
  orderId: OrderId,
  userId: UserId,
  amount: Amount,
  occurredAt: Timestamp,
  version
})
export type OrderCreated = typeof OrderCreated.Type

export const OrderStatusChanged = Schema.TaggedStruct("OrderStatusChanged", {
  orderId: OrderId,
  userId: UserId,
  status: OrderStatus,
  occurredAt: Timestamp,
  version
})
export type OrderStatusChanged = typeof OrderStatusChanged.Type

export const OrderCancelled = Schema.TaggedStruct("OrderCancelled", {
  orderId: OrderId,
  userId: UserId,
  reason: CancellationReason,
  source: CancelSource,
  occurredAt: Timestamp,
  version
})
export type OrderCancelled = typeof OrderCancelled.Type

/** Everything order-service publishes on `order.events`. */
export const OrderEvent = Schema.Union([OrderCreated, OrderStatusChanged, OrderCancelled])
export type OrderEvent = typeof OrderEvent.Type
