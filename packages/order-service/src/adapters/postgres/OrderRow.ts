import { Amount } from "@g-store/contracts/Amount.ts"
import type { OrderId, UserId } from "@g-store/contracts/Ids.ts"
import type { CancellationReason, HistoryActor, HistoryEntry, Order, OrderStatus } from "@g-store/contracts/Order.ts"
import { DateTime } from "effect"

/** A row of `orders`. Its constraints promise these types; nobody else writes it, so it is not checked again. */
export interface OrderRow {
  readonly id: OrderId
  readonly user_id: UserId
  readonly amount: bigint
  readonly status: OrderStatus
  readonly description: string | null
  readonly cancellation_reason: CancellationReason | null
  readonly version: number
  readonly created_at: Date
  readonly updated_at: Date
}

export const toOrder = (row: OrderRow): Order => ({
  id: row.id,
  userId: row.user_id,
  amount: Amount.make(Number(row.amount)),
  status: row.status,
  ...(row.description === null ? {} : { description: row.description }),
  ...(row.cancellation_reason === null ? {} : { cancellationReason: row.cancellation_reason }),
  version: row.version,
  createdAt: DateTime.fromDateUnsafe(row.created_at),
  updatedAt: DateTime.fromDateUnsafe(row.updated_at)
})

/** A row of `order_history`. */
export interface HistoryRow {
  readonly version: number
  readonly status: OrderStatus
  readonly actor_type: HistoryActor["type"]
  readonly actor_id: string | null
  readonly reason: CancellationReason | null
  readonly occurred_at: Date
}

export const toEntry = (row: HistoryRow): HistoryEntry => ({
  version: row.version,
  status: row.status,
  actor: { type: row.actor_type, ...(row.actor_id === null ? {} : { id: row.actor_id }) },
  ...(row.reason === null ? {} : { reason: row.reason }),
  occurredAt: DateTime.fromDateUnsafe(row.occurred_at)
})
