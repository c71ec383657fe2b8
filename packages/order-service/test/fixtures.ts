import type { Actor, Caller } from "@g-store/contracts/Actor.ts"
import { Amount } from "@g-store/contracts/Amount.ts"
import { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { Order as OrderState, OrderStatus } from "@g-store/contracts/Order.ts"
import type { PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import { DateTime, Result } from "effect"
import * as Order from "../src/domain/Order.ts"

export const ada = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a10")
export const bob = UserId.make("0191f3a2-7b1c-7c33-9d52-5c1a7d3f1a20")

export const customer = (userId: UserId): Caller & { readonly _tag: "Customer" } => ({ _tag: "Customer", userId })
export const staff: Caller & { readonly _tag: "Staff" } = { _tag: "Staff", id: "staff-key" }
export const payment: Actor = { _tag: "Payment" }

export const at = DateTime.makeUnsafe("2026-01-01T00:00:00Z")
export const later = (milliseconds: number) => DateTime.add(at, { milliseconds })

/** The n-th order, newer than all before it. */
export const orderId = (n: number) => OrderId.make(`0191f3a2-7b1c-7000-8000-${n.toString(16).padStart(12, "0")}`)

export const created = (n = 1, userId = ada, input: { readonly description?: string } = {}) =>
  Result.getOrThrow(Order.create(orderId(n), { amount: Amount.make(100), ...input }, customer(userId), at))

/** What payment-service would say of this order. */
export const paymentOf = (order: OrderState, change: Partial<PaymentProcessed> = {}): PaymentProcessed => ({
  _tag: "PaymentProcessed",
  orderId: order.id,
  userId: order.userId,
  amount: order.amount,
  status: "SUCCESS",
  occurredAt: at,
  ...change
})

/** An order of every status, each as the state machine leads to it. */
export const orderIn = (status: OrderStatus): OrderState => {
  const { order } = created()
  if (status === "PENDING") return order
  if (status === "CANCELLED") {
    return Result.getOrThrow(Order.cancel(order, { reason: "CHANGED_MIND" }, customer(ada), later(1))).order
  }
  let now = Result.getOrThrow(Order.pay(order, paymentOf(order), payment, later(1))).order
  for (const to of ["ASSEMBLING", "ASSEMBLED", "DELIVERING", "ISSUED"] as const) {
    if (now.status === status) return now
    now = Result.getOrThrow(Order.move(now, { to }, staff, later(now.version))).order
  }
  return now
}
