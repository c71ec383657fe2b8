import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { Effect, Option } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { AuditedFeed, AuditedOrder, AuditedPayment } from "./OrderAudit.ts"

/** How many orders are looked at together. */
export const CHUNK = 2_000

type Read<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

const orderRow = (row: {
  id: string
  user_id: string
  amount: bigint
  status: OrderStatus
  version: number
  age: number
  history: AuditedOrder["history"] | null
}): AuditedOrder => ({
  id: row.id,
  userId: row.user_id,
  amount: Number(row.amount),
  status: row.status,
  version: row.version,
  age: row.age,
  history: row.history ?? []
})

const selectOrders = (where: "after" | "ids", after: string, ids: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<Parameters<typeof orderRow>[0]>`
      SELECT o.id, o.user_id, o.amount, o.status, o.version,
        extract(epoch FROM now() - o.updated_at)::float8 AS age,
        (SELECT jsonb_agg(jsonb_build_object('version', h.version, 'status', h.status,
            'age', extract(epoch FROM now() - h.occurred_at)) ORDER BY h.version)
          FROM order_history h WHERE h.order_id = o.id) AS history
      FROM orders o
      WHERE ${where === "after" ? sql`o.id > ${after}::uuid` : sql`o.id = ANY(${ids}::uuid[])`}
      ORDER BY o.id LIMIT ${CHUNK}`
    return rows.map(orderRow)
  })

/** The next orders in id order; empty at the end. Order and history are read in one statement, so they agree. */
export const ordersAfter = (after: string): Read<ReadonlyArray<AuditedOrder>> => selectOrders("after", after, [])

/** These orders, as they are now. At most CHUNK. */
export const ordersById = (ids: ReadonlyArray<string>): Read<ReadonlyArray<AuditedOrder>> =>
  selectOrders("ids", "00000000-0000-0000-0000-000000000000", ids)

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

/** Orders that payment-service decided about, in id order, for the question whether they exist. */
export const decidedAfter = (after: string): Read<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ order_id: string }>`
      SELECT order_id FROM payments WHERE order_id > ${after}::uuid ORDER BY order_id LIMIT ${CHUNK}`
    return rows.map((row) => row.order_id)
  })

/** The feed of these orders; None where there is no feed. */
export const feedOf = (
  ids: ReadonlyArray<string>
): Read<Option.Option<ReadonlyMap<string, NonNullable<AuditedFeed>>>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const [table] = yield* sql<{ there: boolean }>`SELECT to_regclass('feed') IS NOT NULL AS there`
    if (table?.there !== true) return Option.none()
    const rows = yield* sql<{ order_id: string; version: number; status: OrderStatus }>`
      SELECT order_id, version, status FROM feed WHERE order_id = ANY(${ids}::uuid[]) ORDER BY order_id, version`
    return Option.some(Map.groupBy(rows, (row) => row.order_id))
  })
