import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { CancellationReason, CancelSource, OrderStatus, OrderVersion } from "@g-store/contracts/Order.ts"
import type { OrderUpdate } from "@g-store/contracts/Socket.ts"
import type { DatabaseUnavailable } from "@g-store/messaging/Transactions.ts"
import { Context, type DateTime, type Effect } from "effect"

/** What an order event says to subscribers. Without a version it is another system's: the feed gives it the next one. */
export interface FeedEvent {
  readonly orderId: OrderId
  readonly userId: UserId
  readonly status: OrderStatus
  readonly reason?: CancellationReason | undefined
  readonly source?: CancelSource | undefined
  readonly occurredAt: DateTime.Utc
  readonly version: OrderVersion | undefined
}

/** Where an order stands, and how far back its events are kept. */
export interface FeedOrder {
  readonly orderId: OrderId
  readonly userId: UserId
  readonly status: OrderStatus
  readonly version: number
  readonly oldestVersion: number
}

/** Orders of one user, or of everybody. */
export type FeedScope = { readonly _tag: "Mine"; readonly userId: UserId } | { readonly _tag: "All" }

/** The most orders that a scope's snapshot shows. */
export const SCOPE_SIZE = 200

/** The most events that one read gives; more are read by asking again. */
export const READ_SIZE = 500

/** Everything that happened to orders, by order and version: what subscribers are told from. */
export class Feed extends Context.Service<Feed, {
  /** Adds what is not there yet, in the order given per order. An order's version that is there stays as it is. */
  readonly append: (events: ReadonlyArray<FeedEvent>) => Effect.Effect<void, DatabaseUnavailable>
  /** Undefined while nothing of the order has arrived. */
  readonly order: (id: OrderId) => Effect.Effect<FeedOrder | undefined, DatabaseUnavailable>
  /** Versions above `after` in order, at most READ_SIZE. */
  readonly updates: (id: OrderId, after: number) => Effect.Effect<ReadonlyArray<OrderUpdate>, DatabaseUnavailable>
  /** The SCOPE_SIZE newest orders of the scope, newest first. */
  readonly newest: (scope: FeedScope) => Effect.Effect<ReadonlyArray<FeedOrder>, DatabaseUnavailable>
  /** These orders as far as they belong to the scope. */
  readonly among: (
    scope: FeedScope,
    ids: ReadonlyArray<OrderId>
  ) => Effect.Effect<ReadonlyArray<FeedOrder>, DatabaseUnavailable>
  /** The last version of each of these orders; those that nothing of has arrived are missing. */
  readonly versions: (ids: ReadonlyArray<OrderId>) => Effect.Effect<ReadonlyMap<OrderId, number>, DatabaseUnavailable>
  /** Where to begin to read each partition at a start: all before it is in the feed. */
  readonly position: (topic: string, partition: number) => Effect.Effect<bigint | undefined, DatabaseUnavailable>
  /** Moves positions forward, never back. Call it once everything before them is in the feed. */
  readonly advance: (
    positions: ReadonlyArray<{ readonly topic: string; readonly partition: number; readonly next: bigint }>
  ) => Effect.Effect<void, DatabaseUnavailable>
  /** Drops events of before `olderThan`, but an order's last one, at most `limit`; gives how many. */
  readonly purge: (olderThan: DateTime.Utc, limit: number) => Effect.Effect<number, DatabaseUnavailable>
}>()("@g-store/order-notification-service/Feed") {}
