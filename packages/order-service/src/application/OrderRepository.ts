import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { HistoryEntry, Order, OrderStatus } from "@g-store/contracts/Order.ts"
import type { OrderNotFound } from "@g-store/contracts/OrderErrors.ts"
import type { IdempotencyKey, KeyReused } from "@g-store/messaging/Idempotency.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Context, type Effect, type Result, Schema } from "effect"
import type { Decision } from "../domain/Order.ts"

/** More creates are waiting for the database than can be served soon: this one was not begun. Try again in a second. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  /** How many are waiting already. */
  waiting: Schema.Int
}) {}

/** What became of a create: under a known idempotency key it is the order of the first one. */
export interface Added {
  readonly orderId: OrderId
  readonly replayed: boolean
}

/** A decision of a batch, with the W3C traceparent of the message that led to it. */
export interface Caused {
  readonly decision: Decision
  readonly traceparent: string | undefined
}

/** Which orders a list shows; absent members narrow nothing. */
export interface OrderFilter {
  readonly userId?: UserId | undefined
  readonly status?: OrderStatus | undefined
}

/**
 * Where orders live. Every write stores the order, its history and its events together or not at all, so no caller
 * opens a transaction or touches the outbox; inside a transaction of messaging's `Transactions`, all but `add` join it.
 */
export class OrderRepository extends Context.Service<OrderRepository, {
  /**
   * Stores a new order, and its idempotency key with it. A key known with the same hash stores nothing and gives the
   * first order. The same decision may be added again after DatabaseUnavailable. It commits by itself, together with
   * whatever other orders are waiting: never call it inside a transaction.
   */
  readonly add: (
    decision: Decision,
    key?: IdempotencyKey
  ) => Effect.Effect<Added, KeyReused | Overloaded | DatabaseUnavailable>
  /** Locks the order, decides upon it as it then is, stores the outcome. A failed decision stores nothing. */
  readonly update: <E>(
    id: OrderId,
    decide: (order: Order) => Result.Result<Decision, E>
  ) => Effect.Effect<Order, E | OrderNotFound | DatabaseUnavailable>
  /**
   * The same for many at once: `decide` sees those that exist, all locked (in id order, so that batches cannot
   * deadlock), and gives at most one decision for each.
   */
  readonly updateMany: <E>(
    ids: ReadonlyArray<OrderId>,
    decide: (orders: ReadonlyMap<OrderId, Order>) => Result.Result<ReadonlyArray<Caused>, E>
  ) => Effect.Effect<void, E | DatabaseUnavailable>
  readonly byId: (id: OrderId) => Effect.Effect<Order, OrderNotFound | DatabaseUnavailable>
  /** From version 1 on, without a gap. Empty for an unknown order. */
  readonly history: (id: OrderId) => Effect.Effect<ReadonlyArray<HistoryEntry>, DatabaseUnavailable>
  /** A user's orders, newest first; `page` counts from 1, `total` all that the filter lets through. */
  readonly page: (
    filter: OrderFilter & { readonly userId: UserId },
    at: { readonly page: number; readonly limit: number }
  ) => Effect.Effect<{ readonly orders: ReadonlyArray<Order>; readonly total: number }, DatabaseUnavailable>
  /** Orders older than `before` (or from the newest), newest first; `next` is the `before` of the rest, if any. */
  readonly slice: (
    filter: OrderFilter,
    at: { readonly before?: OrderId | undefined; readonly limit: number }
  ) => Effect.Effect<
    { readonly orders: ReadonlyArray<Order>; readonly next?: OrderId | undefined },
    DatabaseUnavailable
  >
}>()("@g-store/order-service/OrderRepository") {}
