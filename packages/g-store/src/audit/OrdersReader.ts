import type { OrderStatus } from "@g-store/contracts/Order.ts"
import { Effect } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import type { AuditedFeed, AuditedOrder, AuditedPayment } from "./OrderAudit.ts"

type Entry = AuditedPayment["entries"][number]
type Read<A> = Effect.Effect<A, SqlError.SqlError, SqlClient.SqlClient>

/** These orders, as they are now. Order and history are read in one statement, so they agree. */
export const ordersById = (ids: ReadonlyArray<string>): Read<ReadonlyArray<AuditedOrder>> =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    // Arrays, not JSON: the audit asks this more often than anything else, and it costs PostgreSQL half as much.
    const rows = yield* sql<{
      id: string
      user_id: string
      amount: bigint
      status: OrderStatus
      version: number
      versions: ReadonlyArray<number> | null
      statuses: ReadonlyArray<OrderStatus> | null
      ages: ReadonlyArray<number> | null
    }>`
      SELECT o.id, o.user_id, o.amount, o.status, o.version, h.versions, h.statuses, h.ages
      FROM orders o CROSS JOIN LATERAL (
        SELECT array_agg(version ORDER BY version) AS versions, array_agg(status ORDER BY version) AS statuses,
          array_agg(extract(epoch FROM now() - occurred_at)::float8 ORDER BY version) AS ages
        FROM order_history WHERE order_id = o.id
      ) h
      WHERE o.id = ANY(${ids}::uuid[])`
    return rows.map(({ ages, amount, id, status, statuses, user_id, version, versions }) => ({
      id,
      userId: user_id,
      amount: Number(amount),
      status,
      version,
      history: (versions ?? []).flatMap((of, n) => {
        const [was, age] = [statuses?.[n], ages?.[n]]
        return was === undefined || age === undefined ? [] : [{ version: of, status: was, age }]
      })
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
    // A row for each ledger entry, and one for a payment without any.
    const rows = yield* sql<{
      order_id: string
      user_id: string
      state: AuditedPayment["state"]
      amount: bigint | null
      account_id: string | null
      type: Entry["type"] | null
      booked: bigint | null
      booked_on: string | null
      booked_for: string | null
    }>`
      SELECT p.order_id, p.user_id, p.state, p.amount, p.account_id, l.type, l.amount AS booked,
        l.account_id AS booked_on, a.user_id AS booked_for
      FROM payments p LEFT JOIN (ledger l JOIN accounts a ON a.id = l.account_id) ON l.order_id = p.order_id
      WHERE p.order_id = ANY(${ids}::uuid[])`
    const payments = new Map<string, AuditedPayment & { readonly entries: Array<Entry> }>()
    for (const { account_id, amount, booked, booked_for, booked_on, order_id, state, type, user_id } of rows) {
      const payment = payments.get(order_id) ?? {
        userId: user_id,
        state,
        amount: amount === null ? undefined : Number(amount),
        accountId: account_id ?? undefined,
        entries: []
      }
      payments.set(order_id, payment)
      if (type === null || booked === null || booked_on === null || booked_for === null) continue
      payment.entries.push({ type, amount: Number(booked), accountId: booked_on, accountUserId: booked_for })
    }
    return payments
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
      SELECT order_id, version, status FROM feed WHERE order_id = ANY(${ids}::uuid[])`
    return Map.groupBy(rows, (row) => row.order_id)
  })
