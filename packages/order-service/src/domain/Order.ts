import type { Actor, Caller } from "@g-store/contracts/Actor.ts"
import type { OrderId } from "@g-store/contracts/Ids.ts"
import type { CancellationReason, HistoryActor, HistoryEntry, Order, OrderStatus } from "@g-store/contracts/Order.ts"
import type { TransitionNotAllowed } from "@g-store/contracts/OrderErrors.ts"
import type { OrderEvent } from "@g-store/contracts/OrderEvents.ts"
import type { CreateOrder } from "@g-store/contracts/OrdersApi.ts"
import type { PaymentProcessed } from "@g-store/contracts/PaymentEvents.ts"
import type { Forbidden, VersionMismatch } from "@g-store/contracts/Problems.ts"
import { DateTime, Result, Schema } from "effect"
import * as OrderPolicy from "./OrderPolicy.ts"

/**
 * What a decision yields: the order as it now is, what its history gains, and the facts to publish; the latter two are
 * empty when nothing changed. An order's decisions follow one another without a gap in `version`.
 */
export interface Decision {
  readonly order: Order
  readonly entries: ReadonlyArray<HistoryEntry>
  readonly events: ReadonlyArray<OrderEvent>
}

/** A payment names another amount or user than its order has: another system's, or a fault that people must look at. */
export class PaymentMismatch extends Schema.TaggedError<PaymentMismatch>()("PaymentMismatch", {
  reason: Schema.String
}) {}

/** A change that a caller asks for, if they wish only of an order at one of the versions `expected`. */
export interface Change {
  readonly expected?: ReadonlyArray<number> | undefined
}

/** The birth of an order: version 1, PENDING until its payment. */
export const create = (
  id: OrderId,
  input: CreateOrder,
  caller: Caller,
  now: DateTime.Utc
): Result.Result<Decision, Forbidden> =>
  Result.map(OrderPolicy.mayOrder(caller), ({ userId }) => ({
    order: { id, userId, ...input, status: "PENDING", version: 1, createdAt: now, updatedAt: now },
    entries: [{ version: 1, status: "PENDING", actor: historyActor(caller), occurredAt: now }],
    events: [{ _tag: "OrderCreated", orderId: id, userId, amount: input.amount, occurredAt: now, version: 1 }]
  }))

/** The payment succeeded. Too late for a cancelled order, whose refund follows from its cancellation: no change. */
export const pay = (
  order: Order,
  payment: PaymentProcessed,
  actor: Actor,
  now: DateTime.Utc
): Result.Result<Decision, PaymentMismatch> =>
  Result.map(
    fits(order, payment),
    () => order.status === "PENDING" ? step(order, actor, "PAID", now) : unchanged(order)
  )

/** The payment failed. Only a pending order minds: one that is paid was paid, whatever is said later. */
export const decline = (
  order: Order,
  payment: PaymentProcessed,
  actor: Actor,
  now: DateTime.Utc
): Result.Result<Decision, PaymentMismatch> =>
  Result.map(fits(order, payment), () =>
    order.status === "PENDING"
      ? stop(order, actor, OrderPolicy.reasonOfFailure[payment.failureReason ?? "INTERNAL_ERROR"], now)
      : unchanged(order))

export const cancel = (
  order: Order,
  { expected, reason }: Change & { readonly reason: CancellationReason },
  caller: Caller,
  now: DateTime.Utc
): Result.Result<Decision, Forbidden | VersionMismatch | TransitionNotAllowed> =>
  Result.gen(function*() {
    yield* OrderPolicy.mayCancel(caller, reason)
    yield* OrderPolicy.canSee(order, caller)
    yield* OrderPolicy.isAt(order, expected)
    yield* OrderPolicy.canCancel(order)
    return stop(order, caller, reason, now)
  })

/** One step on, by staff. */
export const move = (
  order: Order,
  { expected, to }: Change & { readonly to: OrderStatus },
  caller: Caller,
  now: DateTime.Utc
): Result.Result<Decision, Forbidden | VersionMismatch | TransitionNotAllowed> =>
  Result.gen(function*() {
    yield* OrderPolicy.mayMove(caller)
    yield* OrderPolicy.canSee(order, caller)
    yield* OrderPolicy.isAt(order, expected)
    yield* OrderPolicy.canMove(order, caller, to)
    return step(order, caller, to, now)
  })

export const unchanged = (order: Order): Decision => ({ order, entries: [], events: [] })

/** Both decisions as one; `next` was taken upon the order that `first` left. */
export const followedBy = (first: Decision, next: Decision): Decision => ({
  order: next.order,
  entries: [...first.entries, ...next.entries],
  events: [...first.events, ...next.events]
})

const fits = (order: Order, payment: PaymentProcessed): Result.Result<void, PaymentMismatch> => {
  const differences = [
    ...(payment.amount === order.amount ? [] : [`amount ${payment.amount} in place of ${order.amount}`]),
    ...(payment.userId === order.userId ? [] : [`user ${payment.userId} in place of ${order.userId}`])
  ]
  return differences.length === 0
    ? Result.void
    : Result.fail(
      new PaymentMismatch({ reason: `the payment of order ${order.id} names ${differences.join(" and ")}` })
    )
}

const step = (order: Order, actor: Actor, status: OrderStatus, now: DateTime.Utc): Decision => {
  const { occurredAt, version } = next(order, now)
  return {
    order: { ...order, status, version, updatedAt: occurredAt },
    entries: [{ version, status, actor: historyActor(actor), occurredAt }],
    events: [{
      _tag: "OrderStatusChanged",
      orderId: order.id,
      userId: order.userId,
      status,
      occurredAt,
      version
    }]
  }
}

const stop = (order: Order, actor: Actor, reason: CancellationReason, now: DateTime.Utc): Decision => {
  const { occurredAt, version } = next(order, now)
  return {
    order: { ...order, status: "CANCELLED", cancellationReason: reason, version, updatedAt: occurredAt },
    entries: [{ version, status: "CANCELLED", actor: historyActor(actor), reason, occurredAt }],
    events: [{
      _tag: "OrderCancelled",
      orderId: order.id,
      userId: order.userId,
      reason,
      source: OrderPolicy.sources[actor._tag],
      occurredAt,
      version
    }]
  }
}

/** Clocks of replicas differ and are set back; an order's history never is. */
const next = (order: Order, now: DateTime.Utc) => ({
  occurredAt: DateTime.max(order.updatedAt, now),
  version: order.version + 1
})

const historyActor = (actor: Actor): HistoryActor => {
  switch (actor._tag) {
    case "Customer":
      return { type: "CUSTOMER", id: actor.userId }
    case "Staff":
      return { type: "STAFF", id: actor.id }
    case "Payment":
      return { type: "PAYMENT" }
  }
}
