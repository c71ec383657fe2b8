import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { AuditedFeed, AuditedOrder, AuditedPayment } from "./OrderAudit.ts"

type Read<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/** These orders, as they are now, in id order. Order and history are read in one statement, so they agree. */
export const ordersById = (ids: ReadonlyArray<string>): Read<ReadonlyArray<AuditedOrder>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{
      id: string
      user_id: string
      amount: bigint
      status: OrderStatus
      version: number
      age: number
      history: AuditedOrder["history"] | null
    }>`
      SELECT o.id, o.user_id, o.amount, o.status, o.version,
        extract(epoch FROM now() - o.updated_at)::float8 AS age,
        (SELECT jsonb_agg(jsonb_build_object('version', h.version, 'status', h.status,
            'age', extract(epoch FROM now() - h.occurred_at)) ORDER BY h.version)
          FROM order_history h WHERE h.order_id = o.id) AS history
      FROM orders o WHERE o.id = ANY(${ids}::uuid[]) ORDER BY o.id`
    return rows.map((row) => ({
      id: row.id,
      userId: row.user_id,
      amount: Number(row.amount),
      status: row.status,
      version: row.version,
      age: row.age,
      history: row.history ?? []
    }))
  })

/** Which of these ids are orders. */
export const knownOrders = (ids: ReadonlyArray<string>): Read<ReadonlySet<string>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ id: string }>`SELECT id FROM orders WHERE id = ANY(${ids}::uuid[])`
    return new Set(rows.map((row) => row.id))
  })

/** What payment-service has about these orders. */
export const paymentsOf = (ids: ReadonlyArray<string>): Read<ReadonlyMap<string, AuditedPayment>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{
      order_id: string
      user_id: string
      state: AuditedPayment["state"]
      amount: bigint | null
      account_id: string | null
      entries: AuditedPayment["entries"] | null
    }>`
      SELECT p.order_id, p.user_id, p.state, p.amount, p.account_id,
        (SELECT jsonb_agg(jsonb_build_object('type', l.type, 'amount', l.amount, 'accountId', l.account_id,
            'accountUserId', a.user_id))
          FROM ledger l JOIN accounts a ON a.id = l.account_id WHERE l.order_id = p.order_id) AS entries
      FROM payments p WHERE p.order_id = ANY(${ids}::uuid[])`
    return new Map(rows.map((row) => [row.order_id, {
      userId: row.user_id,
      state: row.state,
      amount: row.amount === null ? undefined : Number(row.amount),
      accountId: row.account_id ?? undefined,
      entries: row.entries ?? []
    }]))
  })

/** Whether there is a feed to look at. */
export const hasFeed: Read<boolean> = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const [table] = yield* sql<{ there: boolean }>`SELECT to_regclass('feed') IS NOT NULL AS there`
  return table?.there === true
})

/** The feed of these orders. */
export const feedOf = (ids: ReadonlyArray<string>): Read<ReadonlyMap<string, NonNullable<AuditedFeed>>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ order_id: string; version: number; status: OrderStatus }>`
      SELECT order_id, version, status FROM feed WHERE order_id = ANY(${ids}::uuid[]) ORDER BY order_id, version`
    return Map.groupBy(rows, (row) => row.order_id)
  })
