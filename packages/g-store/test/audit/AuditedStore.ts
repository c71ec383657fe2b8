import * as PgClient from "@effect/sql-pg/PgClient"
import { migrations as notifications } from "@g-store/order-notification-service/migrations.ts"
import { migrations as orders } from "@g-store/order-service/adapters/migrations.ts"
import { migrations as payments } from "@g-store/payment-service/adapters/migrations.ts"
import { withRealClock } from "@g-store/postgres/RealClock.ts"
import { testDatabaseUrl } from "@g-store/postgres/TestPostgres.ts"
import { migrate, type MigrationRecord } from "@g-store/service-kit/Migrations.ts"
import { Effect, Layer, References } from "effect"
import { SqlClient, Statement } from "effect/sql"
import type { In } from "../../src/audit/OrderChecks.ts"

const database = Effect.fnUntraced(function*(record: MigrationRecord) {
  const url = yield* testDatabaseUrl
  const context = yield* Layer.build(Layer.fresh(PgClient.layer({ url, maxConnections: 2 })))
  yield* Effect.provide(migrate(record), context)
  return context
})

export const id = (n: number): string => `0191f3a2-7b1c-7000-8000-${n.toString(16).padStart(12, "0")}`
export const ACCOUNT = id(0xacc0)
export const USER = id(0xada)

/**
 * The three databases of a store, with their schemas. `inside` asks them, on the real clock whatever the test's is;
 * `asked` counts the statements.
 */
export const auditedStore = Effect.gen(function*() {
  const contexts = {
    orders: yield* database(orders),
    payments: yield* database(payments),
    notifications: yield* database(notifications)
  }
  let asked = 0
  const inside: In = (name, question) =>
    Effect.provide(question, contexts[name]).pipe(
      Effect.provideService(Statement.CurrentTransformer, (statement) =>
        Effect.sync(() => {
          asked++
          return statement
        })),
      withRealClock
    )
  return { inside, asked: () => asked, contexts }
}).pipe(withRealClock, Effect.provideService(References.MinimumLogLevel, "Warn"))

/** Whole orders, PAID by one account, all written `ago` before now; ids 1 to `count`. */
export const paidOrders = Effect.fnUntraced(function*(inside: In, count: number, ago: string) {
  yield* inside(
    "orders",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`
        INSERT INTO orders (id, user_id, amount, status, version, created_at, updated_at)
        SELECT ('0191f3a2-7b1c-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${USER}::uuid, 100, 'PAID', 2,
          now() - ${ago}::text::interval, now() - ${ago}::text::interval
        FROM generate_series(1, ${count}::int) n`
      yield* sql`
        INSERT INTO order_history (order_id, version, status, actor_type, occurred_at)
        SELECT o.id, v, CASE v WHEN 1 THEN 'PENDING' ELSE 'PAID' END, 'CUSTOMER', o.updated_at
        FROM orders o, generate_series(1, 2) v`
      yield* sql`ANALYZE`
    })
  )
  yield* inside(
    "payments",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`
        INSERT INTO accounts (id, user_id, balance, entries, created_at, updated_at)
        VALUES (${ACCOUNT}::uuid, ${USER}::uuid, 0, ${count}::int + 1, now() - ${ago}::text::interval,
          now() - ${ago}::text::interval)`
      yield* sql`
        INSERT INTO payments (order_id, user_id, state, amount, account_id, created_at, updated_at)
        SELECT ('0191f3a2-7b1c-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, ${USER}::uuid, 'CHARGED', 100,
          ${ACCOUNT}::uuid, now() - ${ago}::text::interval, now() - ${ago}::text::interval
        FROM generate_series(1, ${count}::int) n`
      yield* sql`
        INSERT INTO ledger (id, account_id, number, type, amount, order_id, balance_after, created_at)
        SELECT ('0191f3a2-7b1c-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, ${ACCOUNT}::uuid, n + 1,
          CASE n WHEN 0 THEN 'TOP_UP' ELSE 'PAYMENT' END, CASE n WHEN 0 THEN ${count}::int * 100 ELSE 100 END,
          CASE n WHEN 0 THEN NULL ELSE ('0191f3a2-7b1c-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid END,
          (${count}::int - n) * 100, now() - ${ago}::text::interval
        FROM generate_series(0, ${count}::int) n`
      yield* sql`ANALYZE`
    })
  )
  yield* inside(
    "notifications",
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`
        INSERT INTO feed (order_id, version, user_id, status, occurred_at)
        SELECT ('0191f3a2-7b1c-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, v, ${USER}::uuid,
          CASE v WHEN 1 THEN 'PENDING' ELSE 'PAID' END, now() - ${ago}::text::interval
        FROM generate_series(1, ${count}::int) n, generate_series(1, 2) v`
      yield* sql`ANALYZE`
    })
  )
})

/** One statement by hand, as somebody with a bug or a console would write it. */
export const write = (statement: (sql: SqlClient.SqlClient) => Statement.Statement<object>) =>
  Effect.flatMap(SqlClient.SqlClient, (sql) => statement(sql))
