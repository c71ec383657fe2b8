import { Duration, Effect } from "effect"
import type { SqlClient } from "effect/sql"
import type { DatabaseName } from "../StoreConfig.ts"
import type { Finding } from "./Finding.ts"
import { auditOrder } from "./OrderAudit.ts"
import { feedOf, knownOrders, ordersById, paymentsOf } from "./OrdersReader.ts"

/** Runs a question against one service's database. */
export type In = <A, E>(
  database: DatabaseName,
  question: Effect.Effect<A, E, SqlClient.SqlClient>
) => Effect.Effect<A, E>

/** How the feed is to be compared: versions older than the retention may be gone. */
export interface FeedRule {
  readonly compared: boolean
  readonly retention: Duration.Duration
}

/** Which of these ids are no orders. */
export const unknownOrders = Effect.fnUntraced(function*(inside: In, ids: ReadonlyArray<string>) {
  if (ids.length === 0) return []
  const known = yield* inside("orders", knownOrders(ids))
  return ids.filter((id) => !known.has(id))
})

/**
 * Every rule about these orders: the orders are read first, then their payments, then their feed, so that whatever an
 * order waits for cannot have been done before it. An id that is no order is wrong if there is a decision about it.
 */
export const checkOrders = Effect.fnUntraced(function*(inside: In, ids: ReadonlyArray<string>, feed: FeedRule) {
  if (ids.length === 0) return new Map<string, ReadonlyArray<Finding>>()
  const orders = new Map((yield* inside("orders", ordersById(ids))).map((order) => [order.id, order]))
  const payments = yield* inside("payments", paymentsOf(ids))
  const fed = feed.compared ? yield* inside("notifications", feedOf(ids)) : undefined
  // Asked the other way round, for which the decision must be read first: it took money for nothing.
  const decided = ids.filter((id) => !orders.has(id) && payments.has(id))
  const unknown = new Set(yield* unknownOrders(inside, decided))
  return new Map(ids.map((id): [string, ReadonlyArray<Finding>] => {
    const order = orders.get(id)
    if (order !== undefined) {
      const rows = fed === undefined ? undefined : fed.get(id) ?? []
      return [id, auditOrder(order, payments.get(id), rows, Duration.toSeconds(feed.retention))]
    }
    return [id, unknown.has(id) ? [noSuchOrder(id)] : []]
  }))
})

const noSuchOrder = (id: string): Finding => ({
  invariant: "one-decision",
  id,
  detail: "was decided about, but there is no such order",
  inFlight: false
})
